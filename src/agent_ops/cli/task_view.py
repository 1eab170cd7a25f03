"""How a task is shown, as JSON and as text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, NoReturn

import click
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Column, Table
from rich.text import Text

from agent_ops.cli.exit_codes import exit_code
from agent_ops.cli.report import evaluation_line, item_text
from agent_ops.cli.screen import Screen, json_text
from agent_ops.domain.digest import found, more
from agent_ops.domain.tasks import StepResult, TaskReport

MAX_ROWS, RUN_ID = 50, 36
_MAX_CELL = 200


def task_json(report: TaskReport) -> dict[str, Any]:
    """A task as a JSON object; docs/cli.md lists its keys."""
    run = report.run
    return {
        "run": run.id,
        "status": run.status.value,
        "task": report.task.text,
        "context": dict(report.task.context),
        "answer": report.answer,
        "sources": list(report.sources),
        "plan": list(report.plan),
        "results": [asdict(result) for result in report.results],
        "changes": [{"item": c.item, "status": c.status.value, "reason": c.reason, "detail": c.detail} for c in report.changes],
        "withheld": report.task.withheld,
        "sealed_plan": json.loads(report.task.plan) if report.task.plan else None,
        "needs_model": report.needs_model,
        "evaluation": report.evaluation.to_json() if report.evaluation else None,
        "model": asdict(run.usage),
        "created_at": run.created_at.isoformat(),
        "finished_at": run.finished_at.isoformat() if run.finished_at else None,
    }


def task_view(report: TaskReport) -> RenderableType:
    """A task as text: what was read, what was changed, the answer, and how the run did."""
    return Group(*_lines(report))


def tasks_table(reports: list[TaskReport]) -> Table:
    """The latest tasks, a row each."""
    whole = Column("run", no_wrap=True, min_width=RUN_ID)
    table = Table("task", "asked by", whole, "status", title="Tasks", title_justify="left")
    for report in reports:
        table.add_row(Text(report.task.text), Text(report.task.caller), report.run.id, report.run.status.value)
    return table


def _lines(report: TaskReport) -> Iterator[RenderableType]:
    for result in report.results:
        yield Text.assemble((f"{result.agent}: ", "bold"), (result.asked, "" if result.succeeded else "red"))
        yield Padding(_found(result), (0, 0, 0, 2))
        if mark := more(result.text):
            yield Text(f"  there is more: page {mark}", style="dim")
    for change in report.changes:
        words = ": ".join(word for word in (change.reason, change.detail) if word)
        yield Text.assemble(item_text(change), f"  {words}" if words else "")
    yield Text(report.answer or f"the run is {report.run.status.value}: `agent-ops worker` goes on with it")
    if report.evaluation:
        yield evaluation_line(report.evaluation)
    if report.run.usage.calls:
        yield Text(str(report.run.usage), style="dim")
    yield Text(f"run {report.run.id}", style="dim")


def _found(result: StepResult) -> RenderableType:
    """Facts as lines and tables; what is no whole reading in its own words."""
    facts = found(result.text)
    if facts is None:
        return Text(result.text)
    return Group(*_shown(facts))


def _shown(facts: Any) -> Iterator[RenderableType]:
    if _is_rows(facts):
        yield _table(facts)
    elif not isinstance(facts, dict):
        yield Text(_cell(facts))
    else:
        for name, value in facts.items():
            yield Text(name if _is_rows(value) else f"{name}: {_cell(value)}")
            if _is_rows(value):
                yield Padding(_table(value), (0, 0, 0, 2))


def _is_rows(facts: Any) -> bool:
    return isinstance(facts, list) and bool(facts) and all(isinstance(row, dict) for row in facts)


def _table(rows: list[dict[str, Any]]) -> Table:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    table = Table(*columns, box=None, pad_edge=False)
    for row in rows[:MAX_ROWS]:
        table.add_row(*(Text(_cell(row.get(column, ""))) for column in columns))
    return table


def _cell(value: Any) -> str:
    text = value if isinstance(value, str) else json_text(value, indent=None)
    return text if len(text) <= _MAX_CELL else text[: _MAX_CELL - 1] + "…"


def leave_with(report: TaskReport, as_json: bool) -> NoReturn:
    """Print what came of a task and end the program with its exit code."""
    if as_json:
        click.echo(json_text(task_json(report)))
    else:
        Screen().print(task_view(report))
    raise SystemExit(exit_code(report.run.status))
