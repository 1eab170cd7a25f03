"""How a command ends that followed one run: what it prints and its exit code."""

from __future__ import annotations

import asyncio
import time
from typing import NoReturn

import click

from agent_ops.cli.board import Board
from agent_ops.cli.exit_codes import exit_code
from agent_ops.cli.report import employees_table, problems, recommended, report_json
from agent_ops.cli.screen import Screen, json_text
from agent_ops.domain.runs import Run, RunReport
from agent_ops.runtime.agent_ops import AgentOps

_MAIL_SECONDS = 15.0  # a mail that a dead process was sending is free for us after less


async def followed(ops: AgentOps, run: Run, as_json: bool) -> RunReport:
    """Show a run live until it has ended or waits for long, and its mails are out, or known to wait."""
    name = (await ops.report(run.id))[0].employee.profile.name
    await Board(Screen(stderr=as_json)).follow(ops, {name: run})
    leave_at = time.monotonic() + _MAIL_SECONDS
    while (report := (await ops.report(run.id))[0]) and time.monotonic() < leave_at:
        if not any(not mail.delivered and not mail.reason for mail in report.mails):
            break
        await asyncio.sleep(0.2)
    return report


def leave_with(report: RunReport, as_json: bool) -> NoReturn:
    """Print what came of the run and end the program with its exit code."""
    if as_json:
        click.echo(json_text(report_json(report)))
    else:
        console = Screen()
        console.print(employees_table([report]), problems([report]), recommended([report]))
        console.print(f"{report.run.summary}\nrun {report.run.id}", highlight=False)
    raise SystemExit(exit_code(report.run.status))
