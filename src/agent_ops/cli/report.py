"""Reports as JSON and as tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from agent_ops.domain.access import AccessItem, ItemStatus
from agent_ops.domain.evaluation import Evaluation
from agent_ops.domain.recommendation import Choice
from agent_ops.domain.runs import Event, Mail, RunReport, RunStatus
from agent_ops.domain.usage import Usage

MARKS = {  # joined to the key without a space, so that no line breaks between them
    ItemStatus.PENDING: ("·", "dim"),
    ItemStatus.IN_PROGRESS: ("…", "yellow"),
    ItemStatus.COMPLETED: ("✓", "green"),
    ItemStatus.VERIFIED: ("✓✓", "green"),
    ItemStatus.FAILED: ("✗", "red"),
    ItemStatus.DENIED: ("⊘", "magenta"),
    ItemStatus.HELD: ("‖", "yellow"),
    ItemStatus.UNKNOWN: ("?", "red"),
}
_RUN_STYLES = {RunStatus.DONE: "green", RunStatus.FAILED: "red"}


def report_json(report: RunReport) -> dict[str, Any]:
    """A report as a JSON object; docs/cli.md lists its keys."""
    run, employee = report.run, report.employee
    return {
        "run": run.id,
        "status": run.status.value,
        "summary": run.summary,
        "created_at": run.created_at.isoformat(),
        "finished_at": run.finished_at.isoformat() if run.finished_at else None,
        "employee": {
            "id": employee.id,
            **employee.profile.to_json(),
            "status": employee.status.value,
            "address": employee.address,
            "entra_id": employee.entra_id,
            "reason": employee.reason,
        },
        "access_items": [
            {"item": i.item, "status": i.status.value, "reason": i.reason, "detail": i.detail} for i in report.items
        ],
        "account": [{"part": i.item, "status": i.status.value, "reason": i.reason, "detail": i.detail} for i in report.account],
        "model": asdict(run.usage),
        "mails": [asdict(mail) for mail in report.mails],
        "denials": report.denials,
        "recommended": [asdict(one) for one in report.recommended],
        "evaluation": report.evaluation.to_json() if report.evaluation else None,
        "events": [_event_json(event) for event in report.events],
    }


def _event_json(event: Event) -> dict[str, Any]:
    return {
        "id": event.id,
        "at": event.at.isoformat(),
        "kind": event.kind,
        "agent": event.agent,
        "item": event.item,
        "status": event.status,
        "message": event.message,
    }


def evaluation_line(evaluation: Evaluation) -> Text:
    """How a run did: the counts, and the model's remark when it does not contradict them."""
    return Text(" · ".join(filter(None, [evaluation.counts, evaluation.remark])), style="dim")


def item_text(item: AccessItem) -> Text:
    """An item's mark and key."""
    mark, style = MARKS[item.status]
    return Text.assemble((mark, style), item.item)


def items_text(items: tuple[AccessItem, ...]) -> Text:
    return Text("  ").join(item_text(item) for item in items)


def employees_table(reports: list[RunReport]) -> Table:
    """Everybody, a row each."""
    table = Table(title="Employees", title_justify="left")
    for heading in ("employee", "address", "access items"):
        table.add_column(heading, overflow="fold")
    for heading in ("mails", "run"):
        table.add_column(heading, no_wrap=True)
    for report in reports:
        style = _RUN_STYLES.get(report.run.status, "yellow")
        profile = report.employee.profile
        table.add_row(
            Text(f"{profile.name} ({profile.team})"),
            report.employee.address or _reserved(report) or Text("none", style="red"),
            items_text(report.items),
            _mails(report.mails),
            Text(report.run.status.value, style=style),
        )
    return table


def _reserved(report: RunReport) -> str:
    """The address that a task reserved, as long as there is no account."""
    return next((f"{part.detail} (reserved)" for part in report.account if part.item == "address" and part.detail), "")


def _mails(mails: tuple[Mail, ...]) -> str:
    """How many were taken, and how many are still in the outbox."""
    taken = sum(mail.delivered for mail in mails)
    return str(taken) + (f" (+{len(mails) - taken} in the outbox)" if taken < len(mails) else "")


def usage_text(reports: list[RunReport]) -> RenderableType:
    """What these runs asked of a chat model; nothing when they asked nothing."""
    total = sum((report.run.usage for report in reports), Usage())
    return Text(f"chat model: {total}", style="dim") if total.calls else Group()


def problems(reports: list[RunReport]) -> RenderableType:
    """Everything that is not in place, with its reason and the service's own words."""
    return Group(*(line for report in reports for line in _problems(report)))


def _problems(report: RunReport) -> Iterator[RenderableType]:
    name, told = report.employee.profile.name, report.employee.reason
    if told:
        yield Text.assemble((f"{name}: ", "bold"), told)
    for item in (*report.account, *report.items):
        if (item.contradicted or not item.status.in_place) and item.reason and item.reason != told:
            yield Text.assemble((f"{name}: ", "bold"), f"{item.item} {item.status.value}: {item.reason}")
            if item.detail:
                yield Padding(Text(item.detail, style="dim"), (0, 0, 0, 4))
    for mail in report.mails:
        if not mail.delivered and mail.reason:
            yield Text.assemble((f"{name}: ", "bold"), f"mail to {mail.recipient} in the outbox: {mail.reason}")


def recommended(reports: list[RunReport]) -> RenderableType:
    """What long-term memory had for whom."""
    return Group(*(_recommended(report.employee.profile.name, one) for report in reports for one in report.recommended))


def _recommended(name: str, one: Choice) -> Text:
    how = f"given unasked until {one.until}" if one.until else "suggested"
    return Text.assemble((f"{name}: ", "bold"), f"{one.item} {how}: {one.said}", style="dim")


def events_table(events: tuple[Event, ...]) -> Table:
    """A run's lines, with UTC times."""
    table = Table("UTC", "kind", "agent", "what", box=None, title="Events", title_justify="left")
    for event in events:
        table.add_row(event.at.strftime("%H:%M:%S.%f")[:-3], event.kind, event.agent, Text(event.message))
    return table
