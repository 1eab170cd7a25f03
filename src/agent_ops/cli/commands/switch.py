"""`agent-ops pause` and `agent-ops resume`: the kill switch."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from agent_ops.cli.options import data_dir, policy_file

_ITEM = click.option("--item", help="Only this access item's changes.")
_AGENT = click.option("--agent", help="Only this agent's changes: entra, jenkins, notify, operator.")


@click.command()
@_ITEM
@_AGENT
@click.option("--reason", default="", help="Why; shown wherever a run waits for it.")
@data_dir
@policy_file
def pause(data_dir: Path, policy_file: Path | None, item: str | None, agent: str | None, reason: str) -> None:
    """Stop every change, or those of one item or agent, in all processes on the data directory.

    Nothing new is sent; what a service has taken goes on there. Runs wait, durably, until `agent-ops resume`.
    """
    from agent_ops.cli.system import switched  # noqa: PLC0415

    async def work() -> str:
        async with switched(data_dir, policy_file) as (switch, caller):
            return (await switch.pause(caller, item=item, agent=agent, reason=reason)).words

    click.echo(asyncio.run(work()))


@click.command()
@_ITEM
@_AGENT
@data_dir
@policy_file
def resume(data_dir: Path, policy_file: Path | None, item: str | None, agent: str | None) -> None:
    """Let changes go on that were paused; waiting runs look again at once.

    What was paused as a whole is resumed as a whole: the same options as with `agent-ops pause`.
    """
    from agent_ops.cli.system import switched  # noqa: PLC0415

    async def work() -> str:
        async with switched(data_dir, policy_file) as (switch, caller):
            resumed = await switch.resume(caller, item=item, agent=agent)
            left = [pause.words for pause in await switch.pauses()]
        return "\n".join(["resumed" if resumed else "it was not paused", *left])

    click.echo(asyncio.run(work()))
