"""Recommendations: what the entitlement policy lets long-term memory do, and what it says about one item for one person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from agent_ops.domain.errors import PolicyError

_LEAST_THRESHOLD = 0.5


class RecommendMode(str, Enum):
    """What is done with what memory recommends."""

    OFF = "off"  # nothing is asked
    SUGGEST = "suggest"  # shown, and nothing else
    AUTO = "auto"  # items that the catalogue marks are given, where memory is sure enough; others are shown


@dataclass(frozen=True)
class RecommendRules:
    """How far recommendations go.

    Args:
        mode: off, suggest or auto.
        threshold: the lower bound from which an item may be given unasked.
        trusted: callers whose hires count without anybody else's to confirm them, such as the HR system's.
    """

    mode: RecommendMode = RecommendMode.SUGGEST
    threshold: float = 0.8
    trusted: frozenset[str] = frozenset()

    @classmethod
    def from_policy(cls, said: Any) -> RecommendRules:
        """From ``recommend = "auto"`` or the table ``[recommend]``.

        Raises:
            PolicyError: naming what is wrong.
        """
        table: Any = {"mode": said} if isinstance(said, str) else said
        if not isinstance(table, Mapping) or set(table) - {"mode", "threshold", "trusted"}:
            raise PolicyError("recommend is a mode, or a table of mode, threshold and trusted")
        modes = [mode.value for mode in RecommendMode]
        mode, threshold = table.get("mode", cls.mode.value), table.get("threshold", cls.threshold)
        trusted = table.get("trusted", [])
        if mode not in modes:
            raise PolicyError(f"[recommend] mode {mode!r} is none of: {', '.join(modes)}")
        if type(threshold) not in (int, float) or not _LEAST_THRESHOLD <= threshold < 1:
            raise PolicyError(f"[recommend] threshold must be at least {_LEAST_THRESHOLD} and below 1")
        if not isinstance(trusted, list) or not all(isinstance(name, str) and name for name in trusted):
            raise PolicyError("[recommend] trusted must be a list of callers' names")
        return cls(RecommendMode(mode), float(threshold), frozenset(trusted))


@dataclass(frozen=True)
class AutoRule:
    """That an item may be given unasked, for so many days; the job is told the last one in ``parameter``, as YYYY-MM-DD."""

    days: int
    parameter: str = "EXPIRES"

    @classmethod
    def from_table(cls, where: str, table: Mapping[str, Any]) -> AutoRule | None:
        """From an item's ``auto``, ``risk``, ``auto_days`` and ``expiry_parameter``; None when it is not marked.

        Raises:
            PolicyError: it is marked and is not of low risk, does not expire, or needs an approval.
        """
        auto, risk, days = table.get("auto", False), table.get("risk", "normal"), table.get("auto_days", 0)
        if type(auto) is not bool or risk not in ("low", "normal", "high"):
            raise PolicyError(f"{where} auto must be true or false, risk one of low, normal, high")
        if not auto:
            return None
        if risk != "low" or "evidence" in table:
            raise PolicyError(f'{where} auto = true needs risk = "low", and no evidence')
        if type(days) is not int or not 1 <= days <= 3650:
            raise PolicyError(f"{where} auto = true needs auto_days, from 1 to 3650: what is given unasked ends")
        return cls(days, str(table.get("expiry_parameter", cls.parameter)))


AUTO_KEYS = {"auto", "risk", "auto_days", "expiry_parameter"}


def in_words(cohort: Mapping[str, str]) -> str:
    """Who is meant: 'Data L2 in Pune'."""
    who = " ".join(cohort[a] for a in ("team", "level") if a in cohort)
    where = f" in {cohort['location']}" if "location" in cohort else ""
    return f"{who}{where}".strip() or "all"


@dataclass(frozen=True)
class Advice:
    """An item that people like this one have.

    Args:
        item: the catalogue's key.
        holders: how many of the cohort hold it.
        people: how many are in the cohort, counted in persons.
        cohort: what they have in common.
        share: the probability: the cohort's share by weight, drawn to the rest of the team's.
        at_least: Wilson's lower bound of the share (95 %, one-sided), also without any one requester's people where enough
            others are left.
        unaided: the lower bound without any one requester's people, whatever is left.
        instead: for values that nobody ever had, the known ones that stand for them.
    """

    item: str
    holders: int
    people: int
    cohort: Mapping[str, str]
    share: float
    at_least: float
    unaided: float = 0.0
    instead: Mapping[str, str] = field(default_factory=dict)

    @property
    def reason(self) -> str:
        """Why, in words: '9 of 10 people of Data L2 in Pune have it'."""
        unseen = "; ".join(f"{value} was never seen: like {known}" for value, known in self.instead.items())
        return f"{self.holders} of {self.people} people of {in_words(self.cohort)} have it{f', as {unseen}' if unseen else ''}"

    def __str__(self) -> str:
        return f"{self.item}: {self.reason} (probability {self.share:.2f}, at least {self.at_least:.2f})"

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return {
            "item": self.item,
            "holders": self.holders,
            "people": self.people,
            "cohort": dict(self.cohort),
            "probability": round(self.share, 4),
            "at_least": round(self.at_least, 4),
            "reason": self.reason,
        }


@dataclass(frozen=True)
class Recalled:
    """What long-term memory says before a run is planned: patterns in words, best first, and items worth asking for."""

    patterns: tuple[str, ...] = ()
    recommended: tuple[Advice, ...] = field(default=())


RECOMMENDED = ("suggested", "auto")
"""What memory had for somebody: shown to people, or given unasked."""


@dataclass(frozen=True)
class Choice:
    """One line of what was asked, suggested, given unasked, chosen, declined or changed for an employee. ``at`` is UTC.

    ``said`` is the reason in words, ``until`` the last day of what was given unasked.
    """

    employee_id: str
    run_id: str
    item: str
    kind: str  # asked, suggested, auto, chosen, declined, changed
    by: str
    said: str
    at: str = ""
    until: str = ""
    team: str = ""


@dataclass(frozen=True)
class Recommended:
    """What is recommended for a profile or an employee. ``how``: 'birthright' (due unasked), 'auto' or 'suggested'."""

    advice: Advice
    how: str

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return {**self.advice.to_json(), "how": self.how}


@dataclass(frozen=True)
class Outlier:
    """An access that somebody holds and hardly anybody like them does.

    Args:
        employee_id: who holds it.
        name: their name; personal.
        item: the catalogue's key.
        holders: how many of the others like them hold it, too.
        people: how many others there are.
        at_most: the upper bound of the share that holds it (Wilson, 95 %, one-sided).
        reason: in words.
    """

    employee_id: str
    name: str
    item: str
    holders: int
    people: int
    at_most: float
    reason: str
