"""The commands of `agent-ops recommend` that answer from the data directory."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from agent_ops.cli.options import as_json, data_dir, policy_file

if TYPE_CHECKING:
    from agent_ops.domain.grants import Caller
    from agent_ops.memory.attribute_weights import AttributeWeights
    from agent_ops.runtime.advising import Advisor

T = TypeVar("T")
_UNSURE = "nothing: too few people are known, or nothing is sure enough"


@click.command()
@click.option("--employee", metavar="ID", help="For this employee: an id, an address or a full name; instead of a profile.")
@click.option("--team", help="Team of the entitlement policy.")
@click.option("--level", help="Level of the policy, such as L2.")
@click.option("--location", help="Location of the policy.")
@data_dir
@policy_file
@as_json
def profile(
    employee: str | None,
    team: str | None,
    level: str | None,
    location: str | None,
    data_dir: Path,
    policy_file: Path | None,
    as_json: bool,
) -> None:
    """Show what people like this one have: support, probability, its lower bound, and the reason.

    Only what the policy allows. `how` says whether it is due by birthright, would be given unasked, or is only suggested.
    """
    from agent_ops.domain.employee import Profile  # noqa: PLC0415

    if (employee is None) == (team is None):
        raise click.UsageError("Give --team, or --employee.")
    wanted = employee or Profile("Nobody", team or "", level=level, location=location)
    found = _asked(data_dir, policy_file, lambda advisor, _: advisor.recommend(wanted))
    rows = [
        [one.advice.item, f"{one.advice.share:.2f}", f"{one.advice.at_least:.2f}", one.how, one.advice.reason] for one in found
    ]
    _show(["item", "probability", "at least", "how", "why"], rows, [one.to_json() for one in found], as_json)


@click.command()
@data_dir
@policy_file
@as_json
def outliers(data_dir: Path, policy_file: Path | None, as_json: bool) -> None:
    """Show who holds what hardly anybody like them holds, the surest first. Birthrights are left out.

    Without the scope `pii` names are left out.
    """

    async def work(advisor: Advisor, caller: Caller) -> list[dict[str, Any]]:
        caller.require("status")
        hidden = {} if "pii" in caller.scopes else {"name": None}
        return [{**asdict(one), **hidden} for one in await advisor.outliers()]

    found = _asked(data_dir, policy_file, work)
    rows = [[one["name"] or one["employee_id"], one["item"], f"{one['at_most']:.2f}", one["reason"]] for one in found]
    _show(["who", "item", "at most", "why"], rows, found, as_json)


@click.command()
@data_dir
@policy_file
@as_json
def weights(data_dir: Path, policy_file: Path | None, as_json: bool) -> None:
    """Show what agreeing in team, level and location is worth to memory, 1 on average, and from how many patterns.

    Learned from the patterns, again as they change: it orders what memory recalls, and gives nobody anything.
    """
    from agent_ops.cli.screen import json_text  # noqa: PLC0415

    async def work(advisor: Advisor, caller: Caller) -> AttributeWeights:
        caller.require("status")
        return await advisor.weights()

    found = _asked(data_dir, policy_file, work)
    if as_json:
        click.echo(json_text({**asdict(found), "said": str(found)}))
        return
    _show(["attribute", "weight"], [[name, f"{worth:.2f}"] for name, worth in found.worth.items()], [], as_json)
    click.echo(str(found))


@click.command()
@click.argument("who", required=False)
@click.option("--team", help="Only of this team's people.")
@click.option("--requester", help="Only what this caller asked for or said, such as os:alice.")
@data_dir
@policy_file
@as_json
def history(
    who: str | None, team: str | None, requester: str | None, data_dir: Path, policy_file: Path | None, as_json: bool
) -> None:
    """Show what was asked, suggested, given unasked, chosen, declined and changed, the newest first; of WHO, or of all.

    Without the scope `pii` reasons in words are left out.
    """

    async def work(advisor: Advisor, caller: Caller) -> list[dict[str, Any]]:
        caller.require("status")
        hidden = {} if "pii" in caller.scopes else {"said": None}
        return [{**asdict(one), **hidden} for one in await advisor.history(who, team=team, requester=requester)]

    found = _asked(data_dir, policy_file, work)
    rows = [[one["at"][:16], one["employee_id"][:8], one["kind"], one["item"], one["by"], one["said"] or ""] for one in found]
    nothing = "nothing was asked for, suggested, declined or changed"
    _show(["UTC", "employee", "what", "item", "by", "why"], rows, found, as_json, nothing)


@click.command()
@click.argument("who")
@click.argument("item")
@click.option("--why", required=True, help="The reason, which is kept.")
@data_dir
@policy_file
def decline(who: str, item: str, why: str, data_dir: Path, policy_file: Path | None) -> None:
    """Let ITEM never be recommended to WHO again, nor given unasked. Needs the scope `onboard`.

    What is in place stays, and it can be asked for all the same.
    """
    _asked(data_dir, policy_file, lambda advisor, caller: advisor.decline(who, item, why, caller))
    click.echo(f"{item} is not recommended to them any more")


def _asked(data_dir: Path, policy_file: Path | None, work: Callable[[Advisor, Caller], Awaitable[T]]) -> T:
    from agent_ops.cli.at_rest import at_rest  # noqa: PLC0415
    from agent_ops.runtime.advising import Advisor  # noqa: PLC0415
    from agent_ops.runtime.remembering import PatternMemory  # noqa: PLC0415

    async def asked() -> T:
        async with at_rest(data_dir, policy_file) as (store, policy, caller):
            return await work(Advisor(store, policy, PatternMemory(store, policy)), caller)

    return asyncio.run(asked())


def _show(headings: list[str], rows: list[list[str]], data: list[dict[str, Any]], as_json: bool, nothing: str = _UNSURE) -> None:
    from rich.table import Table  # noqa: PLC0415

    from agent_ops.cli.screen import Screen, json_text  # noqa: PLC0415

    if as_json:
        click.echo(json_text(data))
        return
    if not rows:
        click.echo(nothing)
        return
    table = Table(*headings)
    for row in rows:
        table.add_row(*row)
    Screen().print(table)
