"""What keeps the database from growing for ever: events of runs that ended long ago go; ledger, audit and reports stay."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone

import structlog

from agent_ops.domain.errors import StorageError
from agent_ops.storage import Store

log = structlog.get_logger(__name__)
_EVERY_SECONDS = 3600.0
_BATCH = 500


async def prune_events(store: Store, days: int) -> int:
    """Remove the events of runs, and the tasks, that ended more than so many days ago, in short transactions; how many went."""
    ended_before, removed = datetime.now(timezone.utc) - timedelta(days=days), 0
    while gone := await store.transaction(lambda tx: tx.tasks.prune(ended_before, _BATCH)):
        removed += gone
    while gone := await store.transaction(lambda tx: tx.logs.prune(ended_before, _BATCH)):
        removed += gone
    return removed


async def prune_for_ever(store: Store, days: int) -> None:
    """Now and every hour, until cancelled."""
    while True:
        try:
            if removed := await prune_events(store, days):
                log.info("events_pruned", removed=removed, days=days)
        except StorageError as error:
            log.warning("pruning_failed", error=str(error))
        await asyncio.sleep(_EVERY_SECONDS)
