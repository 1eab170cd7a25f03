"""`agent-ops onboard`: one hire."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

import click

from agent_ops.cli.options import as_json, data_dir, policy_file


@click.command()
@click.argument("name")
@click.option("--team", required=True, help="Team of the entitlement policy.")
@click.option("--level", help="Level of the policy, such as L2.")
@click.option("--location", help="Location of the policy.")
@click.option("--manager", help="The manager's full name or address.")
@click.option("--joining-date", help="First working day, YYYY-MM-DD.")
@click.option("--contact-number", help="Phone number; with name and date it identifies the person.")
@click.option("--external-id", help="The HR system's number: the surest identity.")
@click.option("--item", "items", multiple=True, help="An access item that is asked for; repeat it. Default: by birthright.")
@click.option("--idempotency-key", help="Marks a repeat of the same request.")
@click.option("--sandbox", "in_sandbox", is_flag=True, help="Use the loopback twins instead of real services.")
@click.option("--stage-delay", type=click.FloatRange(min=0), help="Seconds to pause before each stage.")
@data_dir
@policy_file
@as_json
def onboard(
    data_dir: Path,
    policy_file: Path | None,
    as_json: bool,
    in_sandbox: bool,
    stage_delay: float | None,
    items: tuple[str, ...],
    idempotency_key: str | None,
    **fields: Any,
) -> None:
    """Onboard NAME: account, access, mails; shows it live and ends when it is over.

    The same command again is a repeat, not a second person: it shows what was done, and goes on where a run was
    interrupted. What failed is not tried again by itself.

    \b
    Examples:
      agent-ops onboard "Ana Silva" --team Engineering --sandbox
      agent-ops onboard "Ana Silva" --team Data --level L3 --joining-date 2026-12-01 --external-id E-4711
    """
    from rich.console import Console  # noqa: PLC0415

    from agent_ops.cli.report import report_json  # noqa: PLC0415
    from agent_ops.domain.employee import Profile  # noqa: PLC0415
    from agent_ops.domain.runs import RunReport, RunStatus  # noqa: PLC0415

    profile = Profile(**fields)
    console = Console(stderr=as_json)

    async def work() -> RunReport:
        from agent_ops.cli.board import Board  # noqa: PLC0415
        from agent_ops.cli.system import opened  # noqa: PLC0415

        async with opened(data_dir, policy_file, in_sandbox=in_sandbox, stage_delay=stage_delay) as (ops, _):
            run = await ops.submit(profile, items or None, idempotency_key=idempotency_key)
            await Board(console).follow(ops, {profile.name: run})
            return await ops.wait(run.id)

    report = asyncio.run(work())
    if as_json:
        import json  # noqa: PLC0415

        click.echo(json.dumps(report_json(report), ensure_ascii=False, indent=2))
    else:
        _show(console, report)
    sys.exit(0 if report.run.status is RunStatus.DONE else 1)


def _show(console: Any, report: Any) -> None:
    from agent_ops.cli.report import employees_table, problems  # noqa: PLC0415

    console.print(employees_table([report]), problems([report]))
    console.print(f"{report.run.summary}\nrun {report.run.id}", highlight=False)
