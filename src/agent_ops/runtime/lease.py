"""Leases: what makes a process the only driver of a run, and the heartbeat that keeps it so."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from functools import partial
from typing import Any

import structlog

from agent_ops.domain.errors import StorageError
from agent_ops.runtime.owners import Owners
from agent_ops.storage import Store, Tx

log = structlog.get_logger(__name__)


async def heartbeat(store: Store, owner: str, lease: float, drivers: Mapping[str, asyncio.Task[Any]]) -> None:
    """Renew the owner's leases three times per lease, for ever; cancel the drivers of runs that were taken over.

    Args:
        lease: seconds that a run stays the owner's without a heartbeat.
        drivers: the tasks that drive the owner's runs, by run id; may change meanwhile.
    """

    def taken_over(tx: Tx) -> list[str]:
        now = time.time()
        ours = tx.runs.extend(owner, now, now + lease)
        others = [run for run_id in driven - ours if (run := tx.runs.get(run_id))]
        return [run.id for run in others if not run.status.ended]

    while True:
        await asyncio.sleep(lease / 3)
        driven = set(drivers)
        try:
            lost = await store.transaction(taken_over)
        except StorageError as error:
            log.warning("heartbeat_failed", error=str(error))
            continue
        for run_id in lost:
            log.warning("run_taken_over", run=run_id)
            if run_id in drivers:
                drivers[run_id].cancel()


async def bury_the_dead(store: Store, owners: Owners) -> None:
    """Free the runs of processes that died on this machine, without waiting for their leases."""
    now = time.time()
    for owner in await store.read(lambda tx: tx.runs.owners(now)) - {owners.name}:
        if await asyncio.to_thread(owners.is_dead, owner):
            log.info("owner_died", owner=owner)
            await store.transaction(partial(_bury, owner))
            await asyncio.to_thread(owners.forget, owner)


def _bury(owner: str, tx: Tx) -> None:
    tx.runs.bury(owner)


@contextlib.asynccontextmanager
async def leased(store: Store, run_id: str, owner: str, lease: float) -> AsyncIterator[bool]:
    """Hold one run for as long as the block lasts, so that no dispatcher takes it meanwhile.

    Yields whether the run is held: not when somebody else drives it or when it has ended. A run that has not ended with
    the block is free for others. A takeover, which needs a missed heartbeat, cancels the task that entered the block.
    """
    now = time.time()
    if not await store.transaction(lambda tx: tx.runs.claim_one(run_id, owner, now, now + lease)):
        yield False
        return
    task = asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine runs in a task
    beating = asyncio.create_task(heartbeat(store, owner, lease, {run_id: task}))
    try:
        yield True
    finally:
        beating.cancel()
        await asyncio.gather(beating, return_exceptions=True)
        await store.transaction(lambda tx: tx.runs.release(run_id, owner))
