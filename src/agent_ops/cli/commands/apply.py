"""`agent-ops apply`: do exactly what a plan says."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import BinaryIO

import click

from agent_ops.cli.options import as_json, data_dir, in_sandbox, policy_file
from agent_ops.importing import importing


@click.command()
@click.argument("file", type=click.File("rb"))
@in_sandbox
@data_dir
@policy_file
@as_json
def apply(file: BinaryIO, data_dir: Path, policy_file: Path | None, as_json: bool, in_sandbox: bool) -> None:
    """Do what the plan in FILE says (- for standard input): exactly those changes, with the values that it shows.

    It is planned again first. When anything differs by now, the differences are shown and nothing is changed: exit
    code 2. So it is with a plan of which a byte was changed. The same plan again shows the run that applied it.
    """
    from agent_ops.cli.outcome import followed, leave_with  # noqa: PLC0415
    from agent_ops.cli.plan_view import print_differences, read_plan  # noqa: PLC0415
    from agent_ops.domain.errors import PlanOutdated  # noqa: PLC0415
    from agent_ops.domain.runs import RunReport  # noqa: PLC0415

    plan = read_plan(file)

    async def work() -> RunReport:
        with importing():
            from agent_ops.cli.system import opened  # noqa: PLC0415

        async with opened(data_dir, policy_file, in_sandbox=in_sandbox) as (ops, _):
            return await followed(ops, await ops.apply(plan), as_json)

    try:
        report = asyncio.run(work())
    except PlanOutdated as error:
        print_differences(error, as_json=as_json)
        raise SystemExit(2) from None
    leave_with(report, as_json)
