"""`agent-ops retry`: do what an ended run did not."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from agent_ops.cli.options import as_json, data_dir, in_sandbox, policy_file, references
from agent_ops.importing import importing


@click.command()
@click.argument("run")
@click.option("--evidence", metavar="ITEM=REFERENCE", multiple=True, help="A reference in the place of the request's; repeat it.")
@in_sandbox
@data_dir
@policy_file
@as_json
def retry(run: str, evidence: tuple[str, ...], data_dir: Path, policy_file: Path | None, as_json: bool, in_sandbox: bool) -> None:
    """Do again what RUN did not: what failed, was never tried, or is unknown and can be proved by now.

    What succeeded is not done again. The retry is a run of its own, under a grant from today's policy; approvals are
    looked up anew. It begins at once, whatever --run-after said.
    """
    from agent_ops.cli.outcome import followed, leave_with  # noqa: PLC0415
    from agent_ops.domain.runs import RunReport  # noqa: PLC0415

    given = references(evidence)

    async def work() -> RunReport:
        with importing():
            from agent_ops.cli.system import opened  # noqa: PLC0415

        async with opened(data_dir, policy_file, in_sandbox=in_sandbox) as (ops, _):
            return await followed(ops, await ops.retry(run, evidence=given), as_json)

    leave_with(asyncio.run(work()), as_json)
