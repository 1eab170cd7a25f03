"""`agent-ops keys`: the installation's keys, rotated and retired."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from agent_ops.cli.options import data_dir, policy_file


@click.group()
def keys() -> None:
    """Rotate the keys that seal grants and plans, and that make the audit chain."""


@keys.command("list")
@data_dir
def list_keys(data_dir: Path) -> None:
    """Show the ids of the keys; never the keys."""
    from agent_ops.runtime.keys import read_keys  # noqa: PLC0415

    found = read_keys(data_dir)
    for kind, current, ids in (
        ("sealing", found.sealing.current, found.sealing.keys),
        ("audit", found.audit.current, found.audit.keys),
    ):
        for key_id in ids:
            click.echo(f"{key_id}  {kind}, {'current' if key_id == current else 'verifies only'}")
    for key_id in found.retired:
        click.echo(f"{key_id}  sealing, retired")


@keys.command()
@click.option("--audit", is_flag=True, help="Rotate the audit's key instead of the sealing key.")
@data_dir
@policy_file
def rotate(audit: bool, data_dir: Path, policy_file: Path | None) -> None:
    """Make a new key the current one, while processes work.

    What was made under the older keys still verifies. A sealing key that must open no door any more, because somebody has
    seen it, is retired afterwards. A rotated audit key protects every row of before: who has the older key can change none
    of them unnoticed.
    """
    from agent_ops.cli.at_rest import operator_of  # noqa: PLC0415
    from agent_ops.runtime.key_rotation import rotate_keys  # noqa: PLC0415

    new = asyncio.run(rotate_keys(data_dir, operator_of(data_dir, policy_file), audit=audit))
    click.echo(f"{new} is the current key; make a new backup, older ones do not have it")


@keys.command()
@click.argument("key_id")
@data_dir
@policy_file
def retire(key_id: str, data_dir: Path, policy_file: Path | None) -> None:
    """Let the sealing key KEY_ID open no door any more: grants and plans under it are refused.

    Refused while a run that may go on has its grant under it. Auditors can still verify what was sealed with it.
    """
    from agent_ops.cli.at_rest import operator_of  # noqa: PLC0415
    from agent_ops.runtime.key_rotation import retire_key  # noqa: PLC0415

    asyncio.run(retire_key(data_dir, key_id, operator_of(data_dir, policy_file)))
    click.echo(f"{key_id} is retired")
