"""Blocking client libraries run here: a bounded pool, and one client per thread because their thread safety is untested."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

C = TypeVar("C")
T = TypeVar("T")


class ClientPool(Generic[C]):
    """At most ``size`` threads, each with a client of its own made by ``make`` when first needed."""

    def __init__(self, name: str, size: int, make: Callable[[], C]) -> None:
        self._make = make
        self._local = threading.local()
        self._generation = 0
        self._executor = ThreadPoolExecutor(size, thread_name_prefix=name)

    async def call(self, work: Callable[[C], T]) -> T:
        """Run ``work`` with a client in one of the threads; waits while all are busy."""
        context = contextvars.copy_context()  # log lines of the call name the run it is for
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, lambda: context.run(lambda: work(self._client())))

    def renew(self) -> None:
        """Make every thread build a new client before its next call (new credentials)."""
        self._generation += 1

    def close(self) -> None:
        """Let running calls end in the background and take no new ones."""
        self._executor.shutdown(wait=False)

    def _client(self) -> C:
        generation = self._generation  # read first: a client that is outdated while it is made must be made again
        if getattr(self._local, "generation", None) != generation:
            self._local.client, self._local.generation = self._make(), generation
        client: C = self._local.client
        return client
