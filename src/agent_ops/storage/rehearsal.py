"""A store on which a whole run can be tried out, and of which nothing remains."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from agent_ops.storage.store import Store, Tx

T = TypeVar("T")


class Transactions(Protocol):
    """What the ledger and the edge need of a store."""

    async def transaction(self, work: Callable[[Tx], T]) -> T:
        """Run ``work`` in one write transaction."""

    async def read(self, work: Callable[[Tx], T]) -> T:
        """Run ``work``, which only reads, on one consistent snapshot."""


class _RolledBack(Exception):  # no error: it carries a result out of a transaction that must not be committed
    def __init__(self, result: Any) -> None:
        self.result = result


class Rehearsal:
    """Transactions that see each other's writes and are all rolled back.

    Each begins by doing again what the earlier ones did, on the database of that moment, then does its own work, then rolls
    back: nobody waits for longer than that, and nothing is ever committed. So a work must do the same when it is done again.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._acts: list[Callable[[Tx], Any]] = []
        self._turn = asyncio.Lock()

    async def transaction(self, work: Callable[[Tx], T]) -> T:
        """Run ``work``; later works see what it wrote, unless it raised."""
        async with self._turn:
            result = await self._rolled_back(work)
            self._acts.append(work)
            return result

    async def read(self, work: Callable[[Tx], T]) -> T:
        """Run ``work``, which only reads."""
        async with self._turn:
            return await self._rolled_back(work)

    async def _rolled_back(self, work: Callable[[Tx], T]) -> T:
        def run(tx: Tx) -> None:
            for act in self._acts:
                act(tx)
            raise _RolledBack(work(tx))

        try:
            await self._store.transaction(run)
        except _RolledBack as over:
            result: T = over.result
            return result
        raise AssertionError("a rehearsal never ends by itself")
