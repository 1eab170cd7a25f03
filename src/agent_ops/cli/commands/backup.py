"""`agent-ops backup` and `agent-ops restore`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from agent_ops.cli.options import data_dir

_DIRECTORY = click.Path(file_okay=False, path_type=Path)


@click.command()
@click.argument("target", type=_DIRECTORY)
@data_dir
def backup(target: Path, data_dir: Path) -> None:
    """Copy database and keys into the new directory TARGET, consistently, while processes work.

    Keep it as secret as the data directory itself: the keys are in it, and personal data.
    """
    from agent_ops.runtime.backup import back_up  # noqa: PLC0415

    made_at = asyncio.run(back_up(data_dir, target))
    click.echo(f"backup of {made_at:%Y-%m-%d %H:%M:%S} UTC in {target}")


@click.command()
@click.argument("source", type=_DIRECTORY, required=False)
@data_dir
def restore(source: Path | None, data_dir: Path) -> None:
    """Put the backup SOURCE into the data directory; what lies there is moved aside.

    Without SOURCE the database was restored by other means, from a snapshot for example; this says so. In both cases a
    row of the audit chain is signed, and from then on whatever has no recorded success is looked up at its service before
    anything is sent: what was done since the backup is adopted, not repeated. Ask for hires again that came since.
    """
    from agent_ops.cli.operator import user_name  # noqa: PLC0415
    from agent_ops.domain.grants import Caller  # noqa: PLC0415
    from agent_ops.runtime.backup import restore as put_back  # noqa: PLC0415

    backup_of = asyncio.run(put_back(data_dir, source, Caller(f"os:{user_name()}", frozenset())))
    click.echo(f"restored to {backup_of:%Y-%m-%d %H:%M:%S} UTC; `agent-ops worker` goes on with unfinished runs")
