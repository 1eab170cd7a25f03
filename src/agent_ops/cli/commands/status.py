"""`agent-ops status`: read back what was done."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import click

from agent_ops.cli.options import as_json, data_dir


@click.command()
@click.argument("who", required=False)
@data_dir
@as_json
def status(who: str | None, data_dir: Path, as_json: bool) -> None:
    """Show every employee and the latest tasks, or WHO: a run id, an employee id, an address or a full name.

    Reads the data directory only: no service is asked, no credentials are needed.
    """
    from agent_ops.cli.report import (  # noqa: PLC0415
        employees_table,
        evaluation_line,
        events_table,
        problems,
        recommended,
        report_json,
        usage_text,
    )
    from agent_ops.cli.screen import Screen, json_text  # noqa: PLC0415
    from agent_ops.cli.task_view import task_json, task_view, tasks_table  # noqa: PLC0415
    from agent_ops.domain.errors import NotFound  # noqa: PLC0415
    from agent_ops.domain.runs import RunReport  # noqa: PLC0415
    from agent_ops.domain.tasks import TaskReport  # noqa: PLC0415
    from agent_ops.runtime.data_dir import read_store  # noqa: PLC0415
    from agent_ops.runtime.reports import Reports  # noqa: PLC0415
    from agent_ops.runtime.task_reports import TaskReports  # noqa: PLC0415

    async def work() -> tuple[list[RunReport], list[TaskReport]]:
        async with read_store(data_dir) as store:
            reports, tasks = Reports(store), TaskReports(store)
            if who is None:
                return await reports.latest(), await tasks.latest()
            with contextlib.suppress(NotFound):
                return [], [await tasks.task(who)]
            return [await reports.run(found.run.id, with_events=True) for found in await reports.find(who)], []

    found, tasks = asyncio.run(work())
    if as_json:
        shown = [report_json(report) for report in found] if found or not who else [task_json(task) for task in tasks]
        click.echo(json_text(shown))
        return
    console = Screen()
    if found or not who:
        console.print(employees_table(found), usage_text(found), problems(found), recommended(found))
    for report in found if who else []:
        console.print(events_table(report.events))
        if report.evaluation:
            console.print(evaluation_line(report.evaluation))
    console.print(*([task_view(task) for task in tasks] if who else [tasks_table(tasks)] if tasks else []))
