"""How long a process's own work took, counted by upper bounds; told as histograms by whoever serves metrics.

No library, although there is one (prometheus-client): what is counted here is counted without the extra that serves it, too,
and graphs may import nothing that speaks to the outside.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Upper bounds, in seconds."""

Counted = tuple[tuple[tuple[str, int], ...], float]
"""How many took at most each bound (as text, the last '+Inf'), and their seconds in all."""


class Durations:
    """Counts by two labels, from any thread. Both are words of ours, so that their number stays small."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, str], list[int]] = {}
        self._seconds: dict[tuple[str, str], float] = {}

    def took(self, what: str, how: str, seconds: float) -> None:
        """One more of ``what``, which ended as ``how`` says."""
        with self._lock:
            counts = self._counts.setdefault((what, how), [0] * (len(BOUNDS) + 1))
            counts[bisect_left(BOUNDS, seconds)] += 1
            self._seconds[what, how] = self._seconds.get((what, how), 0.0) + seconds

    @contextmanager
    def timed(self, what: str) -> Iterator[list[str]]:
        """Count what is done within. What is appended says how it ended; 'error' when it was left by an error."""
        ended, began = ["error"], time.monotonic()
        try:
            yield ended
        finally:
            self.took(what, ended[-1], time.monotonic() - began)

    def read(self) -> Mapping[tuple[str, str], Counted]:
        """What was counted since the process began."""
        with self._lock:
            found = {labels: (list(counts), self._seconds[labels]) for labels, counts in self._counts.items()}
        return {labels: (_cumulated(counts), seconds) for labels, (counts, seconds) in found.items()}


def _cumulated(counts: list[int]) -> tuple[tuple[str, int], ...]:
    edges = [*(str(bound) for bound in BOUNDS), "+Inf"]
    return tuple((edge, sum(counts[: at + 1])) for at, edge in enumerate(edges))


SERVICES = Durations()
"""Calls to services: by service, and the class of the answer's status ('2xx'), or 'error'."""
STEPS = Durations()
"""Steps that agents worked on: by agent, and 'done', 'failed' or 'waiting'."""
