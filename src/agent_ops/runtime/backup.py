"""Backups of a data directory, and what has to happen after one was restored.

Since the backup the services have moved on. Employee ids, and so the keys of effects, come from an installation key that is
part of the backup: what was done since is found at the services under the same markers and adopted, never repeated.
"""

from __future__ import annotations

import asyncio
import json
import shutil
from datetime import datetime, timezone
from pathlib import Path

from agent_ops.domain.errors import ConfigurationError, NotFound, StorageCorrupt, StorageReadOnly
from agent_ops.domain.grants import Caller
from agent_ops.runtime.data_dir import CHECKPOINTS, DATABASE, OWNERS, check_database, open_store
from agent_ops.runtime.keys import FILE as KEYS
from agent_ops.runtime.keys import ensure_keys
from agent_ops.runtime.owners import Owners
from agent_ops.runtime.tombstones import read_list
from agent_ops.storage import Tx
from agent_ops.storage.head import HEAD_FILE, HeadFile

_MANIFEST = "backup.json"


async def back_up(data_dir: Path, target: Path) -> datetime:
    """Copy database and keys into a new directory, while processes work; the moment that the copy is of.

    Raises:
        NotFound: there is no database. ConfigurationError: the target is there already.
    """
    check_database(data_dir)
    await asyncio.to_thread(_new_directory, target)
    if (data_dir / HEAD_FILE).exists():  # before the database, so that it is a row of the copy
        await asyncio.to_thread(_keep_private, data_dir / HEAD_FILE, target / HEAD_FILE)
    made_at = datetime.now(timezone.utc)
    async with open_store(data_dir) as (store, _):
        await store.copy_to(target / DATABASE)
    await asyncio.to_thread(_keep_private, data_dir / KEYS, target / KEYS)
    manifest = json.dumps({"made_at": made_at.isoformat()}, indent=1)
    await asyncio.to_thread((target / _MANIFEST).write_text, manifest, encoding="utf-8")
    return made_at


async def restore(data_dir: Path, source: Path | None, caller: Caller) -> datetime:
    """Put a backup into place, and sign in the audit chain that the database is an older one.

    Args:
        data_dir: its database and checkpoints are moved aside; nobody may work in it.
        source: a backup; None when the database was restored by other means, from a snapshot for example.

    Returns:
        The moment that the database is of: everything without a recorded success is looked up from then on. Whoever was
        erased since is erased again.

    Raises:
        ConfigurationError: a process works in the directory, or the backup is of another installation.
        NotFound: there is no backup, or no database. StorageCorrupt: the backup is damaged.
    """
    owners = Owners(data_dir / OWNERS)
    if alive := await asyncio.to_thread(owners.alive):
        raise ConfigurationError(f"{len(alive)} processes work in {data_dir}", "Stop them first, and restore then.")
    made_at = await asyncio.to_thread(_put_into_place, data_dir, source) if source is not None else None
    if not (data_dir / DATABASE).exists():
        raise NotFound(f"there is no database in {data_dir}", "Name a backup.")

    def work(tx: Tx) -> datetime:
        backup_of = made_at or tx.restores.last_known() or datetime.now(timezone.utc)
        tx.restores.add(backup_of)
        tx.audit.append_restored(caller.name, backup_of, HeadFile(data_dir / HEAD_FILE).read(tx.audit.keys))
        for stone in erased:
            if tx.erasures.put(stone):
                tx.logs.audit("erased", "", stone.employee_id, detail="again")
        return backup_of

    erased = await asyncio.to_thread(read_list, data_dir)
    async with open_store(data_dir) as (store, _):
        backup_of = await store.transaction(work)
        if erased:
            await store.scrub()
    return backup_of


def _new_directory(target: Path) -> None:
    try:
        target.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        raise ConfigurationError(f"{target} is there already", "Name a new directory for each backup.") from None
    except OSError as error:
        raise StorageReadOnly(f"the backup {target} cannot be written: {error.strerror}") from error


def _put_into_place(data_dir: Path, source: Path) -> datetime:
    try:
        made_at = datetime.fromisoformat(json.loads((source / _MANIFEST).read_text(encoding="utf-8"))["made_at"])
    except FileNotFoundError:
        raise NotFound(f"{source} is no backup", "Name a directory that `agent-ops backup` made.") from None
    except (ValueError, KeyError, TypeError) as error:
        raise StorageCorrupt(f"the backup {source} is damaged: {error}", "Take another one.") from error
    theirs = ensure_keys(source)
    if (data_dir / KEYS).exists() and ensure_keys(data_dir).identity != theirs.identity:
        raise ConfigurationError(f"{source} is a backup of another installation", "Restore it into a directory of its own.")
    aside = data_dir / f"before-restore-{datetime.now(timezone.utc):%Y%m%d-%H%M%S-%f}"
    aside.mkdir(parents=True)
    for name in (DATABASE, CHECKPOINTS):
        for file in data_dir.glob(f"{name}*"):
            file.rename(aside / file.name)
    _keep_heads(data_dir / HEAD_FILE, aside / HEAD_FILE, source / HEAD_FILE)
    _keep_private(source / DATABASE, data_dir / DATABASE)
    if not (data_dir / KEYS).exists():
        _keep_private(source / KEYS, data_dir / KEYS)
    return made_at


def _keep_heads(ours: Path, aside: Path, theirs: Path) -> None:
    """The head that is replaced lies beside the database that it is of; where there was none the backup's is taken."""
    if ours.exists():
        _keep_private(ours, aside)
    elif theirs.exists() and not ours.is_symlink():
        _keep_private(theirs, ours)


def _keep_private(source: Path, target: Path) -> None:
    """Copy a file that only its owner may read."""
    target.touch(mode=0o600)
    shutil.copyfile(source, target)
