"""A data directory: what its files are called, and how its operations database is opened."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from agent_ops.domain.errors import NotFound
from agent_ops.runtime.keys import Keyring, ensure_keys
from agent_ops.storage import Store

DATABASE = "operations.db"
CHECKPOINTS = "checkpoints.db"
OWNERS = "owners"


def check_database(data_dir: Path) -> None:
    """Refuse a directory without an operations database.

    Raises:
        NotFound: there is none.
    """
    if not (data_dir / DATABASE).exists():
        raise NotFound(f"there is no database in {data_dir}", "Name the right --data-dir, or begin with `agent-ops demo`.")


@contextlib.asynccontextmanager
async def open_store(data_dir: Path) -> AsyncIterator[tuple[Store, Keyring]]:
    """The operations database, and the installation's keys; both are made when there are none."""
    await asyncio.to_thread(ensure_keys, data_dir)
    keys = await asyncio.to_thread(Keyring, data_dir)
    store = await Store(data_dir / DATABASE, keys.audit, identity_key=keys.identity).open()
    try:
        yield store, keys
    finally:
        await store.close()


@contextlib.asynccontextmanager
async def read_store(data_dir: Path) -> AsyncIterator[Store]:
    """The operations database, for reading only and without keys.

    Raises:
        NotFound: there is none.
    """
    check_database(data_dir)
    store = await Store(data_dir / DATABASE, b"").open_to_read()
    try:
        yield store
    finally:
        await store.close()
