"""`agent-ops pause` and `agent-ops resume`: the kill switch."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent_ops.cli.options import data_dir, policy_file

if TYPE_CHECKING:
    from agent_ops.domain.grants import Caller
    from agent_ops.runtime.kill_switch import KillSwitch

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

    async def work() -> str:
        async with _switch(data_dir, policy_file, agent) as (switch, caller):
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

    async def work() -> str:
        async with _switch(data_dir, policy_file, agent) as (switch, caller):
            resumed = await switch.resume(caller, item=item, agent=agent)
            left = [pause.words for pause in await switch.pauses()]
        return "\n".join(["resumed" if resumed else "it was not paused", *left])

    click.echo(asyncio.run(work()))


@contextlib.asynccontextmanager
async def _switch(data_dir: Path, policy_file: Path | None, agent: str | None) -> AsyncIterator[tuple[KillSwitch, Caller]]:
    """The kill switch, and who gives the command. Raises NotFound: there is no database."""
    from agent_ops.cli.at_rest import at_rest  # noqa: PLC0415
    from agent_ops.runtime.kill_switch import KillSwitch  # noqa: PLC0415

    async with at_rest(data_dir, policy_file) as (store, policy, caller):
        yield KillSwitch(store, policy.catalogue, _known_agents() if agent else ()), caller


def _known_agents() -> set[str]:
    """Loading them takes a second or so: whoever stops everything in a hurry need not wait for it."""
    from agent_ops.agents import load_agents  # noqa: PLC0415
    from agent_ops.domain.effects import NOTIFIER, OPERATOR  # noqa: PLC0415

    return {*load_agents(), NOTIFIER, OPERATOR}
