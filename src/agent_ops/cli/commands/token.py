"""`agent-ops token`: the API keys with which programs come in by the REST service."""

from __future__ import annotations

import asyncio
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agent_ops.cli.options import as_json, data_dir, policy_file

if TYPE_CHECKING:
    from agent_ops.domain.api_keys import ApiKey

DAYS = 365


@click.group()
def token() -> None:
    """Make, list and revoke API keys of the REST service."""


@token.command()
@click.argument("name")
@click.option("--scope", "scopes", multiple=True, required=True, help="What it lets its holder do; repeat it (docs/policy.md).")
@click.option("--days", type=int, default=DAYS, show_default=True, help="After which it opens nothing any more.")
@data_dir
@policy_file
def create(name: str, scopes: tuple[str, ...], days: int, data_dir: Path, policy_file: Path | None) -> None:
    """Make a key for NAME and print it: it is shown once, and kept nowhere.

    To replace a key without downtime make a second one of the same NAME, let its holder change over, then revoke the first.
    You give at most the scopes that you have.
    """
    from agent_ops.cli.at_rest import operator_of  # noqa: PLC0415
    from agent_ops.runtime.api_keys import ApiKeyBook  # noqa: PLC0415
    from agent_ops.runtime.data_dir import open_store  # noqa: PLC0415

    caller = operator_of(data_dir, policy_file)

    async def work() -> tuple[ApiKey, str]:
        async with open_store(data_dir) as (store, _):
            key, secret = await ApiKeyBook(store).create(caller, name, scopes, days)
            return key, secret.take()

    key, text = asyncio.run(work())
    click.echo(text)
    told = f"key {key.id} for {key.name}, until {key.expires_at:%Y-%m-%d}: {', '.join(sorted(key.scopes))}"
    click.echo(f"{told}\nIt is not shown again. Send it as: Authorization: Bearer ao_...", err=True)


@token.command("list")
@data_dir
@as_json
def list_tokens(data_dir: Path, as_json: bool) -> None:
    """Show every key there ever was, with its scopes and its state; never the keys themselves."""
    from agent_ops.cli.screen import json_text  # noqa: PLC0415
    from agent_ops.runtime.api_keys import ApiKeyBook  # noqa: PLC0415
    from agent_ops.runtime.data_dir import read_store  # noqa: PLC0415

    async def work() -> list[ApiKey]:
        async with read_store(data_dir) as store:
            return await ApiKeyBook(store).all()

    keys = [_shown(key) for key in asyncio.run(work())]
    if as_json:
        click.echo(json_text(keys))
        return
    for key in keys:
        click.echo("  ".join((key["id"], key["state"], key["name"], f"until {key['expires_at'][:10]}", ",".join(key["scopes"]))))


@token.command()
@click.argument("key_id")
@data_dir
@policy_file
def revoke(key_id: str, data_dir: Path, policy_file: Path | None) -> None:
    """Let the key KEY_ID open nothing any more, from the next request on."""
    from agent_ops.cli.at_rest import operator_of  # noqa: PLC0415
    from agent_ops.runtime.api_keys import ApiKeyBook  # noqa: PLC0415
    from agent_ops.runtime.data_dir import open_store  # noqa: PLC0415

    caller = operator_of(data_dir, policy_file)

    async def work() -> ApiKey:
        async with open_store(data_dir) as (store, _):
            return await ApiKeyBook(store).revoke(caller, key_id)

    key = asyncio.run(work())
    click.echo(f"key {key.id} for {key.name} is revoked")


def _shown(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "scopes": sorted(key.scopes),
        "state": key.state(datetime.now(timezone.utc)),
        "created_by": key.created_by,
        "created_at": key.created_at.isoformat(),
        "expires_at": key.expires_at.isoformat(),
        "revoked_at": key.revoked_at.isoformat() if key.revoked_at else None,
    }
