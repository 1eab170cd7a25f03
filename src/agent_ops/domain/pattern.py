"""A pattern: what employees of one profile ended up with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

ATTRIBUTES = ("team", "level", "location")
"""What long-term memory knows of a person. Nothing of it names one."""


@dataclass(frozen=True)
class Source:
    """The part of a pattern that one requester brought; ``requester`` is a keyed hash, empty for an imported history."""

    requester: str
    people: int
    items: Mapping[str, int]


@dataclass(frozen=True)
class Pattern:
    """A distinct profile, how many ``people`` have it, how many of them hold each item, and the day of the newest of them.

    ``sources`` are who asked for them; together they are the whole.
    """

    id: int
    profile: Mapping[str, str]
    people: int
    items: Mapping[str, int]
    last_seen: str
    sources: tuple[Source, ...] = ()


@dataclass(frozen=True)
class PatternChanges:
    """What a cache must take over to be at ``version``; there may be ``more`` to be at the newest.

    ``left`` is the version at which somebody was last taken away, also where another came in their place.
    """

    version: int
    changed: tuple[Pattern, ...] = field(default=())
    gone: tuple[int, ...] = field(default=())
    more: bool = False
    left: int = 0
