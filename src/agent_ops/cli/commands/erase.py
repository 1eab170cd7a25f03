"""`agent-ops erase`: remove everything that tells of a person."""

from __future__ import annotations

import asyncio
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from agent_ops.cli.options import as_json, data_dir, policy_file

if TYPE_CHECKING:
    from agent_ops.domain.erasure import Erasure


@click.command()
@click.argument("employee")
@data_dir
@policy_file
@as_json
@click.confirmation_option(prompt="Erase everything that is known of this person, for ever?", help="Do not ask.")
def erase(employee: str, data_dir: Path, policy_file: Path | None, as_json: bool) -> None:
    """Remove everything that tells of EMPLOYEE: an employee id, a run id, an address or a full name.

    Their runs must have ended. Keyed hashes stay, so that a repeated request makes no second account and nobody else is
    given the address; the audit chain stays whole. The account and the accesses are not touched. Other processes may work
    meanwhile; after an interruption the same command goes on.
    """
    erased = asyncio.run(_erased(employee, data_dir, policy_file))
    if as_json:
        click.echo(json.dumps({**asdict(erased), "not_reached": erased.not_reached}, indent=2))
        return
    told = "was erased before; what was left is cleaned up" if erased.already else "is erased"
    click.echo("\n".join([f"employee {erased.employee_id} {told}", *erased.not_reached]))


async def _erased(employee: str, data_dir: Path, policy_file: Path | None) -> Erasure:
    from agent_ops.cli.at_rest import operator_of  # noqa: PLC0415
    from agent_ops.runtime.data_dir import check_database, open_store  # noqa: PLC0415
    from agent_ops.runtime.erasing import Eraser  # noqa: PLC0415

    check_database(data_dir)
    async with open_store(data_dir) as (store, keys):
        return await Eraser(data_dir, store, keys).erase(employee, operator_of(data_dir, policy_file))
