"""Drives queued runs in this process: one driver per run, by leases in the database."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Awaitable, Callable, Iterable

import structlog

from agent_ops.domain.errors import AgentOpsError, LeaseLost, StorageError
from agent_ops.domain.runs import RunStatus
from agent_ops.runtime.lease import bury_the_dead, heartbeat
from agent_ops.runtime.owners import Owners
from agent_ops.storage import Store, Tx

log = structlog.get_logger(__name__)
_LOOK_AGAIN_SECONDS = 0.5


class LocalDispatcher:
    """The ``Dispatcher`` port within one process. Several processes on one database share the work.

    Args:
        drive: takes a run id and drives the run to its end.
        owners: tells who of this machine is alive; its ``name`` is this process's in leases.
        lease: seconds that a run stays ours without a heartbeat.
        concurrency: runs driven at a time; the others queue in the database.
    """

    def __init__(
        self, store: Store, drive: Callable[[str], Awaitable[None]], owners: Owners, lease: float, concurrency: int
    ) -> None:
        self._store, self._drive, self._owners, self._lease, self._concurrency = store, drive, owners, lease, concurrency
        self._owner = owners.name
        self._active: dict[str, asyncio.Task[None]] = {}
        self._wake = asyncio.Event()
        self._stopping = False
        self._ended: dict[str, asyncio.Event] = {}
        self._stuck: dict[str, StorageError] = {}
        self._loops: list[asyncio.Task[None]] = []

    def wake(self) -> None:
        """Look for queued runs now."""
        self._wake.set()

    @property
    def alive(self) -> bool:
        """Whether it claims and drives runs."""
        return bool(self._loops) and not any(loop.done() for loop in self._loops)

    async def start(self) -> None:
        """Begin to claim and drive runs: queued ones, and those whose driver died."""
        self._stopping = False
        beating = heartbeat(self._store, self._owner, self._lease, self._active)
        self._loops = [asyncio.create_task(self._claiming()), asyncio.create_task(beating)]

    async def stop(self) -> None:
        """Cancel what is being driven and release it, so that another process can go on at once."""
        self._stopping = True  # a cancellation alone can be lost in wait_for (https://github.com/python/cpython/issues/86296)
        await _cancelled(self._loops)
        await _cancelled(self._active.values())  # afterwards: a claim under way may still have added to them
        with contextlib.suppress(StorageError):  # what cannot be released is free when the lease is over
            await self._store.transaction(lambda tx: tx.runs.release_all(self._owner))

    async def run_ended(self, run_id: str, timeout: float) -> None:
        """Wait until this process has stopped driving the run, at most so many seconds.

        Raises:
            StorageError: it stopped because the database cannot be used; the run goes on when it can.
        """
        self.check(run_id)
        ended = self._ended.setdefault(run_id, asyncio.Event())
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(ended.wait(), timeout)
        self.check(run_id)

    def check(self, run_id: str) -> None:
        """Raise the ``StorageError`` that stopped this process from driving the run, if one did."""
        if run_id in self._stuck:
            raise self._stuck[run_id]

    async def _claiming(self) -> None:
        while not self._stopping:
            self._wake.clear()
            try:
                await bury_the_dead(self._store, self._owners)
                while len(self._active) < self._concurrency and await self._claim():
                    pass
            except (StorageError, OSError) as error:
                log.warning("claiming_failed", error=str(error))
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._wake.wait(), _LOOK_AGAIN_SECONDS)

    async def _claim(self) -> bool:
        now = time.time()
        if not await self._store.read(lambda tx: tx.runs.any_due(now)):
            return False
        run = await self._store.transaction(lambda tx: tx.runs.claim(self._owner, now, now + self._lease))
        if run is None:
            return False
        self._stuck.pop(run.id, None)
        self._active[run.id] = asyncio.create_task(self._driven(run.id, run.employee_id))
        return True

    async def _driven(self, run_id: str, employee_id: str) -> None:
        try:
            await self._to_the_end(run_id, employee_id)
        except (StorageError, sqlite3.Error) as error:  # the checkpoints' saver lets sqlite3's errors through
            log.error("storage_failed", run=run_id, error=str(error))
            known = error if isinstance(error, StorageError) else StorageError(f"the checkpoints cannot be written: {error}")
            self._stuck[run_id] = known
            await self._release(run_id)
        finally:
            self._active.pop(run_id, None)
            self._wake.set()
            self._ended.pop(run_id, asyncio.Event()).set()

    async def _to_the_end(self, run_id: str, employee_id: str) -> None:
        try:
            await self._drive(run_id)
        except LeaseLost as error:
            log.warning("lease_lost", run=run_id, error=str(error))
            await self._release(run_id)
        except (StorageError, sqlite3.Error):
            raise
        except Exception as error:
            log.error("run_broke", run=run_id, error=error, exc_info=error)
            await self._broken(run_id, employee_id, error)

    async def _broken(self, run_id: str, employee_id: str, error: Exception) -> None:
        words = str(error) if isinstance(error, AgentOpsError) else f"internal error {type(error).__name__}: {error}"

        def work(tx: Tx) -> None:
            tx.runs.finish(run_id, RunStatus.FAILED, words)
            tx.logs.event(run_id, "run", words, status=RunStatus.FAILED.value)
            tx.logs.audit("run_ended", run_id, employee_id, detail=RunStatus.FAILED.value)

        await self._store.transaction(work)

    async def _release(self, run_id: str) -> None:
        with contextlib.suppress(StorageError):
            await self._store.transaction(lambda tx: tx.runs.release(run_id, self._owner))


async def _cancelled(tasks: Iterable[asyncio.Task[None]]) -> None:
    """Cancel them, and wait until they have ended."""
    known = list(tasks)
    for task in known:
        task.cancel()
    await asyncio.gather(*known, return_exceptions=True)
