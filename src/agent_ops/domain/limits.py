"""How much may change in how short a time, and the breakers that trip when it is more. Pure: no clock, no database."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from enum import Enum
from typing import Any

from agent_ops.domain.errors import PolicyError

HOUR = 3600.0
"""Seconds of the window in which new accounts are counted."""
EVERYBODY = ""
"""Whom a breaker holds that holds every caller."""


@dataclass(frozen=True)
class Limits:
    """The policy's table ``[limits]``. What a run may change at most is its grant; this bounds all runs together.

    Args:
        planner_rounds: how often a run may ask its planner; it can be fewer than the built-in 20, not more.
        accounts_per_hour: new accounts in any sixty minutes, over all processes. A run beyond it waits, and goes on by itself.
        accounts_per_hour_per_caller: ... of one caller's runs, so that nobody takes all of them.
        burst_requests: more runs than this that one caller has queued within ``burst_seconds`` trip a breaker.
        directory_share: more new accounts within ``directory_hours`` than this share of the directory trip a breaker ...
        directory_floor: ... but never so few as this, so that a small company can hire.
        directory_size: how many people there are, when Agent Ops does not know most of them; else those it knows count.
    """

    planner_rounds: int = 20
    accounts_per_hour: int = 60
    accounts_per_hour_per_caller: int = 50
    burst_requests: int = 100
    burst_seconds: float = 60.0
    directory_share: float = 0.2
    directory_floor: int = 100
    directory_size: int = 0
    directory_hours: float = 24.0

    @classmethod
    def from_table(cls, table: Any) -> Limits:
        """The limits that an entitlement policy states; the others are the defaults.

        Raises:
            PolicyError: naming the key that is wrong.
        """
        known = {field.name: field.default for field in fields(cls)}
        if not isinstance(table, Mapping):
            raise PolicyError("[limits] must be a table")
        if unknown := set(table) - set(known):
            raise PolicyError(f"[limits] has unknown keys: {', '.join(sorted(unknown))} (known: {', '.join(sorted(known))})")
        for key, value in table.items():
            _check(key, value, whole=isinstance(known[key], int))
        return cls(**table)

    def directory_limit(self, known: int) -> int:
        """How many new accounts within ``directory_hours`` are ordinary, when ``known`` people have had one for longer."""
        return max(self.directory_floor, int(self.directory_share * max(known, self.directory_size)))


_AT_MOST = {"planner_rounds": 20, "directory_share": 1, "burst_seconds": 86_400, "directory_hours": 8_784}
_ANY = 10**9


def _check(key: str, value: Any, whole: bool) -> None:
    """The value of one key: a positive number; a directory's size may be unknown, and a share is at most all."""
    if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
        raise PolicyError(f"[limits] {key} must be a {'whole ' if whole else ''}number, not {value!r}")
    if not value >= 0 or (value == 0 and key != "directory_size"):  # no comparison holds for NaN
        raise PolicyError(f"[limits] {key} must be more than 0")
    if value > _AT_MOST.get(key, _ANY):
        raise PolicyError(f"[limits] {key} must be at most {_AT_MOST.get(key, _ANY)}")


def room_at(taken: Sequence[float], cap: int, ahead: int, window: float = HOUR) -> float | None:
    """When there is room for one more within the cap; None when there is room now.

    Args:
        taken: moments (seconds) within the window that ends now, in order.
        cap: how many a window may have, at least 1.
        ahead: how many others wait already: each is given a moment of its own, so that not all come back at once.
        window: its length in seconds.
    """
    if len(taken) < cap:
        return None
    leaving = taken[-cap:]  # when the cap was lowered, those before must leave first
    return leaving[ahead % cap] + window * (1 + ahead // cap)


def free_room(taken: Sequence[float], cap: int, others: Sequence[float], slack: float, window: float = HOUR) -> float | None:
    """The first moment of room that is nobody else's; None when there is room now.

    Args:
        others: until when others wait, in order. Who waits for longer, for another limit perhaps, takes no earlier moment away.
        slack: a wait that ends no later than this after a moment of room is for that moment.
    """
    for ahead in range(len(others)):
        at = room_at(taken, cap, ahead, window)
        if at is None or bisect_right(others, at + slack) <= ahead:
            return at
    return room_at(taken, cap, len(others), window)


class BreakerKind(str, Enum):
    """What trips a breaker."""

    BURST = "burst"  # many requests of one caller within a short time
    DIRECTORY = "directory"  # many new accounts beside the size of the directory


@dataclass(frozen=True)
class Breaker:
    """A breaker that tripped. It holds what has not begun until another person closes it.

    Args:
        holds: the caller whose runs are held; empty: everybody's.
        tripped_by: the callers who cannot close it: whose run tripped it, and who made most of what was counted.
        run_id: the run that tripped it.
        reason: what was counted.
    """

    id: int
    kind: BreakerKind
    holds: str
    tripped_by: tuple[str, ...]
    run_id: str
    reason: str
    at: datetime
    closed_by: str = ""
    closed_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        return self.closed_at is None

    @property
    def held(self) -> str:
        """Whose runs it holds, in words."""
        return f"what {self.holds} asked for" if self.holds else "new hires of everybody"

    @property
    def words(self) -> str:
        """One line: what is held, why, and who ends it."""
        since = f"breaker {self.id} holds {self.held} since {self.at:%Y-%m-%d %H:%M} UTC: {self.reason}"
        if self.closed_at is not None:
            return f"{since}; closed by {self.closed_by} at {self.closed_at:%Y-%m-%d %H:%M} UTC"
        return f"{since}; it ends with `agent-ops breaker close {self.id}` by an administrator other than {self.others}"

    @property
    def others(self) -> str:
        """Who cannot close it."""
        return " and ".join(self.tripped_by)
