"""`agent-ops breaker`: what more than ordinary change has tripped, and letting it go on."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agent_ops.cli.options import as_json, data_dir, policy_file

if TYPE_CHECKING:
    from agent_ops.domain.limits import Breaker


class _ListByDefault(click.Group):
    """A group whose command `list` need not be said."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        said = bool(args) and (args[0] in self.commands or args[0] in ctx.help_option_names)
        return super().parse_args(ctx, args if said else ["list", *args])


@click.group(cls=_ListByDefault)
def breaker() -> None:
    """Show breakers that tripped, and close them; without a command as `agent-ops breaker list`.

    A breaker trips when one caller asks for very much at once, or when very many accounts are made for the size of the
    directory ([limits] in the entitlement policy). What has not begun is held then, and nothing is lost.
    """


@breaker.command("list")
@click.option("--all", "closed", is_flag=True, help="Those that were closed, too.")
@data_dir
@as_json
def show(closed: bool, data_dir: Path, as_json: bool) -> None:
    """List the open breakers. Reads the data directory only."""
    from agent_ops.cli.screen import json_text  # noqa: PLC0415
    from agent_ops.runtime.breakers import BreakerPanel  # noqa: PLC0415
    from agent_ops.runtime.data_dir import read_store  # noqa: PLC0415

    async def work() -> list[Breaker]:
        async with read_store(data_dir) as store:
            return await BreakerPanel(store).all(closed=closed)

    found = asyncio.run(work())
    if as_json:
        click.echo(json_text([_json(one) for one in found]))
    else:
        click.echo("\n".join(one.words for one in found) or "no breaker is open")


@breaker.command()
@click.argument("number", type=int)
@data_dir
@policy_file
def close(number: int, data_dir: Path, policy_file: Path | None) -> None:
    """Let what breaker NUMBER holds go on, by itself and at once.

    Needs the scope `admin`, and another user than who tripped it.
    """
    from agent_ops.cli.at_rest import at_rest  # noqa: PLC0415
    from agent_ops.runtime.breakers import BreakerPanel  # noqa: PLC0415

    async def work() -> Breaker:
        async with at_rest(data_dir, policy_file) as (store, _, caller):
            return await BreakerPanel(store).close(caller, number)

    click.echo(asyncio.run(work()).words)


def _json(found: Breaker) -> dict[str, Any]:
    return {
        "id": found.id,
        "kind": found.kind.value,
        "holds": found.holds or "everybody",
        "tripped_by": list(found.tripped_by),
        "run": found.run_id,
        "reason": found.reason,
        "at": found.at.isoformat(),
        "closed_by": found.closed_by,
        "closed_at": found.closed_at.isoformat() if found.closed_at else None,
    }
