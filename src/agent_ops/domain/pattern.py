"""A pattern: what employees of one profile ended up with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

ATTRIBUTES = ("team", "level", "location")
"""What long-term memory knows of a person. Nothing of it names one."""


@dataclass(frozen=True)
class Pattern:
    """A distinct profile, how many ``people`` have it, how many of them hold each item, and the day of the newest of them."""

    id: int
    profile: Mapping[str, str]
    people: int
    items: Mapping[str, int]
    last_seen: str


@dataclass(frozen=True)
class PatternChanges:
    """What a cache must take over to be at ``version``."""

    version: int
    changed: tuple[Pattern, ...] = field(default=())
    gone: tuple[int, ...] = field(default=())
