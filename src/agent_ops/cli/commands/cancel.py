"""`agent-ops cancel`: end a run before its next effect, and undo it when asked to."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from agent_ops.cli.options import as_json, data_dir, in_sandbox, policy_file
from agent_ops.importing import importing


@click.command()
@click.argument("run")
@click.option("--undo", is_flag=True, help="Reverse what the run created: disable the account, revoke its pipelines.")
@in_sandbox
@data_dir
@policy_file
@as_json
def cancel(run: str, undo: bool, data_dir: Path, policy_file: Path | None, as_json: bool, in_sandbox: bool) -> None:
    """End RUN before its next effect, whichever process drives it, and say what was done.

    A call that was already on its way is recorded when it answers. With --undo, also for a run that has ended, a run of
    its own disables the account that RUN created and starts the catalogue's `revoke` pipelines; groups stay, a disabled
    account cannot use them.
    """
    from agent_ops.cli.outcome import followed, leave_with  # noqa: PLC0415
    from agent_ops.domain.runs import RunReport  # noqa: PLC0415

    async def work() -> RunReport:
        with importing():
            from agent_ops.cli.system import opened  # noqa: PLC0415

        async with opened(data_dir, policy_file, in_sandbox=in_sandbox) as (ops, _):
            ended = await ops.cancel(run, undo=undo)
            return await followed(ops, ended, as_json) if undo else (await ops.report(run))[0]

    leave_with(asyncio.run(work()), as_json)
