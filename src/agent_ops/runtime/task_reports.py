"""Reading back what came of a task: needs the data directory only."""

from __future__ import annotations

from dataclasses import dataclass

from agent_ops.domain.access import STANDING, AccessItem, ItemStatus
from agent_ops.domain.effects import ITEM_ACTIONS, Action
from agent_ops.domain.errors import NotFound
from agent_ops.domain.intents import understood
from agent_ops.domain.tasks import TaskReport
from agent_ops.graphs.task_runbook import NEEDS_MODEL
from agent_ops.storage import Transactions, Tx

MAX_SOURCES = 30
_ADDRESSED = ("address", "account")


@dataclass(frozen=True)
class TaskReports:
    """Reports on tasks."""

    store: Transactions

    async def task(self, run_id: str) -> TaskReport:
        """A task with everything that came of it so far.

        Raises:
            NotFound: there is no such task, or it is too old to be remembered.
        """
        return await self.store.read(lambda tx: _report(tx, run_id))

    async def latest(self, limit: int = 10) -> list[TaskReport]:
        """The latest tasks, the newest first."""
        return await self.store.read(lambda tx: [_report(tx, run_id) for run_id in tx.tasks.latest(limit)])


def _report(tx: Tx, run_id: str) -> TaskReport:
    run, task = tx.runs.get(run_id), tx.tasks.get(run_id)
    if run is None or task is None:
        raise NotFound(f"there is no task {run_id!r}")
    results, said = tx.tasks.answered(run_id)
    missed = run.status.ended and not run.usage.calls and not understood(task.text, task.asked_at.date())
    report = TaskReport(
        run=run,
        task=task,
        plan=tuple(event.message for event in tx.logs.all_events(run_id) if event.kind == "thought"),
        results=results,
        changes=_changes(tx, run_id),
        needs_model=NEEDS_MODEL if missed else "",
        evaluation=tx.tasks.evaluation(run_id),
    )
    return TaskReport(**{**vars(report), "answer": _answer(report, said, tx.logs.denials(run_id)) if run.status.ended else ""})


def _changes(tx: Tx, run_id: str) -> tuple[AccessItem, ...]:
    """What the grant lists, told like access items, mails excepted."""
    grant = tx.runs.grant(run_id)
    if grant is None or not grant.effects:
        return ()
    tried = {intent.proposal: intent for intent in tx.effects.of_employee(grant.employee_id)}
    items = {item.item: item for item in tx.people.items(grant.employee_id)}
    changes = []
    for proposal in (p for p in grant.effects if p.action is not Action.SEND_MAIL):
        intent = tried.get(proposal)
        if proposal.action in ITEM_ACTIONS and proposal.item in items:
            changes.append(items[proposal.item])
        elif intent is None:
            changes.append(AccessItem(proposal.item, ItemStatus.PENDING))
        else:
            detail = str(intent.result.get("address", ""))
            changes.append(AccessItem(proposal.item, STANDING[intent.state], intent.reason, detail))
    return tuple(changes)


def _answer(report: TaskReport, said: str, denials: int) -> str:
    """The summary; what code has to say to it; and where everything stands, which no model can leave out."""
    task, sources = report.task, report.sources
    lines = [said, "" if task.settled in said else task.settled]
    lines += [
        f"The address is {change.detail}." for change in report.changes if change.item in _ADDRESSED and "@" in change.detail
    ]
    if task.withheld:
        lines.append(f"Nothing was changed: {task.withheld}.")
    if denials and not report.run.employee_id:
        lines.append(f"Denied, as nothing grants it: {denials} proposed change{'' if denials == 1 else 's'}.")
    if sources:
        rest = len(sources) - MAX_SOURCES
        lines.append(f"Sources: {'; '.join(sources[:MAX_SOURCES])}" + (f"; and {rest} more" if rest > 0 else ""))
    return "\n".join(line for line in lines if line)
