"""How often to look again at work that goes on elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

SHARE = 0.08
"""Of the time already waited: how much later than it happened an end may be noticed."""


def pause_after(waited: float, longest: float) -> float:
    """Seconds until the next look at what has been waited for so long: within the share, at most ``longest``."""
    return max(0.04, min(SHARE * waited, longest))


class Pace:
    """Intervals that grow with the time already waited and with the number of waiters.

    A wait of T seconds is noticed within 8 % of T, between 40 ms and 10 s; all waiters together make at most
    ``reads_per_second`` reads.
    """

    def __init__(self, reads_per_second: float = 100.0, shortest: float = 0.04, longest: float = 10.0) -> None:
        self._rate, self._shortest, self._longest = reads_per_second, shortest, longest
        self._waiters = 0

    @contextmanager
    def waiting(self) -> Iterator[Iterator[float]]:
        """Count one more waiter and yield its intervals in seconds."""
        self._waiters += 1
        try:
            yield self._intervals(time.monotonic())
        finally:
            self._waiters -= 1

    def _intervals(self, started: float) -> Iterator[float]:
        while True:
            grown = SHARE * (time.monotonic() - started)
            yield max(self._shortest, self._waiters / self._rate, min(grown, self._longest))
