"""Faults that a twin can be told to show: the failures that real services have, on purpose and counted."""

from __future__ import annotations

import random
import re
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any


class FaultKind(str, Enum):
    """What goes wrong with a matching call."""

    LATENCY = "latency"  # the answer comes ``seconds`` later than it would
    STATUS = "status"  # ``status`` is answered (with Retry-After, when given); the work is not done
    DROP_BEFORE = "drop_before"  # the connection is cut before the work
    DROP_AFTER = "drop_after"  # the work is done, then the connection is cut
    LAG = "lag"  # reads do not show objects that are younger than ``seconds``
    SKEW = "skew"  # the service's clock, as its Date headers show it, is ``seconds`` ahead
    HANG = "hang"  # no answer for ``seconds``, then the connection is cut; the work is not done


_STANDING = (FaultKind.LAG, FaultKind.SKEW)
"""States, not strikes."""


@dataclass(frozen=True)
class Fault:
    """One rule. ``method`` and ``path`` are regular expressions that must match from the start.

    ``times`` is how often it strikes (``None``: always), ``probability`` the chance that it strikes a matching call. With
    ``echo`` a STATUS fault repeats the call's credentials and body in its words, as careless services do; with ``words`` it
    says these instead of its own, as a service does in which somebody else wrote.
    """

    twin: str
    kind: FaultKind
    method: str = ".*"
    path: str = ".*"
    seconds: float = 0.0
    status: int = 500
    retry_after: int | None = None
    times: int | None = None
    probability: float = 1.0
    echo: bool = False
    words: str = ""

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Fault:
        return cls(**{**data, "kind": FaultKind(data["kind"])})

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "kind": self.kind.value}


class FaultBook:
    """The rules in force. The draw is seeded, so that a failing run can be repeated."""

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)  # noqa: S311 - chooses test faults, no secret
        self._rules: list[tuple[Fault, list[int]]] = []

    def add(self, fault: Fault) -> None:
        self._rules.append((fault, [0]))

    def clear(self) -> None:
        self._rules.clear()

    def struck(self) -> list[dict[str, Any]]:
        """Every rule with the number of calls that it struck."""
        return [{**fault.to_json(), "struck": count[0]} for fault, count in self._rules]

    def draw(self, twin: str, method: str, path: str) -> list[Fault]:
        """The faults that strike this call, each counted."""
        hit = []
        for fault, count in self._rules:
            if fault.twin != twin or fault.kind in _STANDING or (fault.times is not None and count[0] >= fault.times):
                continue
            if re.match(fault.method, method) and re.match(fault.path, path) and self._random.random() < fault.probability:
                count[0] += 1
                hit.append(fault)
        return hit

    def lag(self, twin: str) -> float:
        """Seconds by which this twin's reads lag behind its writes."""
        return self._standing(twin, FaultKind.LAG)

    def skew(self, twin: str) -> float:
        """Seconds by which this twin's clock is ahead."""
        return self._standing(twin, FaultKind.SKEW)

    def _standing(self, twin: str, kind: FaultKind) -> float:
        return max((f.seconds for f, _ in self._rules if f.twin == twin and f.kind is kind), default=0.0)
