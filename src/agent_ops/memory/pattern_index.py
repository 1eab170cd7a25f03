"""Patterns in memory, for exact search: a row of whole numbers for each, refreshed by what changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import product

import numpy as np

from agent_ops.domain.pattern import ATTRIBUTES, Pattern, PatternChanges
from agent_ops.memory.alike import MOST_VALUES, most_alike
from agent_ops.memory.attribute_weights import EQUAL, rarity
from agent_ops.memory.packed import Packer

_NOWHERE, _GONE, _UNKNOWN = -1, -2, -3
_FIRST_ROOM, _MOST_KEPT = 1024, 64
_SCATTER = np.uint64(0x9E3779B97F4A7C15)  # the golden ratio: consecutive numbers end up far apart
MOST_PEOPLE = 20
"""So many people at most does one profile weigh among others: nobody is outvoted by a profile that is repeated."""


@dataclass(frozen=True)
class Weighed:
    """So many people, what they weigh, and what those who hold each item weigh."""

    people: int = 0
    weight: float = 0.0
    held: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Cohort:
    """How many people have some values in common, and how many of them hold each item; in persons, and by weight.

    ``sources`` are the parts that single requesters brought, by their keyed hashes.
    """

    people: int
    holders: Mapping[str, int]
    weighed: Weighed = field(default_factory=Weighed)
    sources: Mapping[str, Weighed] = field(default_factory=dict)


NOBODY = Cohort(0, {})


class PatternIndex:
    """The patterns of one database at ``version``. It grows by doubling; the place of a pattern that goes is used again.

    ``weights`` are what agreeing in each attribute is worth, ``moved`` is how many patterns changed since they were learned, and
    ``left`` says whether anybody was taken away since.
    """

    def __init__(self) -> None:
        self.version = 0
        self.weights, self.moved, self.left = EQUAL, 0, False
        self._codes: list[dict[str, int]] = [{} for _ in ATTRIBUTES]
        self._values = np.full((len(ATTRIBUTES), _FIRST_ROOM), _GONE, dtype=np.int32)
        self._people = np.zeros(_FIRST_ROOM, dtype=np.int64)
        self._ids = np.zeros(_FIRST_ROOM, dtype=np.int64)
        self._packer = Packer()
        self._packed: list[bytes | None] = []
        self._place: dict[int, int] = {}
        self._free: list[int] = []
        self._having: dict[tuple[str, str], int] = {}
        self._counted: dict[tuple[str | None, ...], Cohort] = {}
        self._stands: dict[tuple[str, str], tuple[str, float]] = {}

    def __len__(self) -> int:
        return len(self._place)

    def refresh(self, changes: PatternChanges) -> None:
        """Take over what changed since ``version``."""
        for pattern_id in changes.gone:
            if (place := self._place.pop(pattern_id, None)) is not None:
                self._count(self._at(place), -1)
                self._values[:, place], self._people[place], self._packed[place] = _GONE, 0, None
                self._free.append(place)
                self.moved, self.left = self.moved + 1, True
        for pattern in changes.changed:
            self._put(pattern)
        self.version = changes.version

    def get(self, pattern_id: int) -> Pattern | None:
        """A pattern by its id."""
        place = self._place.get(pattern_id)
        return None if place is None else self._at(place)

    def sample(self, most: int) -> list[Pattern]:
        """At most so many patterns, as good as drawn by chance, and in every process the same ones of the same patterns."""
        ids = np.fromiter(self._place, dtype=np.uint64, count=len(self._place))
        if most < len(ids):
            ids = ids[np.argpartition(ids * _SCATTER, most - 1)[:most]]
        return [self._at(self._place[int(one)]) for one in ids]

    def nearest(self, profile: Mapping[str, str], most: int) -> list[tuple[Pattern, float]]:
        """At most so many patterns that share an attribute with the profile, and how similar they are, 0 to 1; the nearest first.

        A shared value counts by how few people have it and by the attribute's weight. What nobody had counts as rarer than
        anything; the value that is written most like it is shared by as much as they are alike.
        """
        used = len(self._packed)
        people = np.minimum(self._people[:used], MOST_PEOPLE)
        total = float(people.sum())
        shared, whole = np.zeros(used, dtype=np.float32), 0.0
        for column, attribute in enumerate(ATTRIBUTES):
            if not (value := profile.get(attribute)):
                continue
            known, alike = self.stand_in(attribute, value)
            same = self._values[column, :used] == self._codes[column].get(known, _UNKNOWN)
            having = float(people[same].sum()) if known == value else 0.0
            weight = self.weights.worth[attribute] * float(rarity(total, having))
            shared += same * np.float32(weight * alike)
            whole += weight
        if not whole or not used:
            return []
        some = np.argpartition(-shared, most - 1)[:most] if most < used else np.arange(used)
        order = some[np.lexsort((-self._people[some], -shared[some]))]
        return [(self._at(place), float(shared[place]) / whole) for place in order if shared[place] > 0]

    def stand_in(self, attribute: str, value: str) -> tuple[str, float]:
        """The value itself when anybody has it, else the one that is written most like it; and how alike they are, 0 to 1."""
        if (attribute, value) in self._having:
            return value, 1.0
        if (attribute, value) not in self._stands:
            known = [other for having, other in self._having if having == attribute]
            found = most_alike(value, known) if len(known) <= MOST_VALUES else None
            if len(self._stands) >= _FIRST_ROOM:
                self._stands.clear()
            self._stands[attribute, value] = found or (value, 0.0)
        return self._stands[attribute, value]

    def cohort(self, wanted: Mapping[str, str]) -> Cohort:
        """Who has all of these values. The last ones asked for are kept until one of their patterns changes."""
        key = tuple(wanted.get(attribute) for attribute in ATTRIBUTES)
        if key not in self._counted:
            if len(self._counted) >= _MOST_KEPT:
                del self._counted[next(iter(self._counted))]
            self._counted[key] = self._together(key)
        return self._counted[key]

    def _together(self, key: tuple[str | None, ...]) -> Cohort:
        used = len(self._packed)
        having = self._values[0, :used] != _GONE
        for column, value in enumerate(key):
            if value is not None:
                having &= self._values[column, :used] == self._codes[column].get(value, _UNKNOWN)
        places = np.flatnonzero(having)
        return _together([self._at(place) for place in places[np.argsort(self._ids[places])]]) if len(places) else NOBODY

    def _at(self, place: int) -> Pattern:
        packed = self._packed[place]
        assert packed is not None  # noqa: S101 - places that are free have no number, and share nothing
        return self._packer.unpack(int(self._ids[place]), packed)

    def _put(self, pattern: Pattern) -> None:
        place = self._place.get(pattern.id)
        if place is None:
            place = self._place[pattern.id] = self._free.pop() if self._free else self._grown()
        else:
            before = self._at(place)
            self._count(before, -1)
            self.left = self.left or before.people > pattern.people
        self._count(pattern, 1)
        self.moved += 1
        for column, attribute in enumerate(ATTRIBUTES):
            value = pattern.profile.get(attribute)
            codes = self._codes[column]
            self._values[column, place] = codes.setdefault(value, len(codes)) if value else _NOWHERE
        self._people[place], self._ids[place], self._packed[place] = pattern.people, pattern.id, self._packer.pack(pattern)

    def _grown(self) -> int:
        place = len(self._packed)
        self._packed.append(None)
        if place == len(self._people):
            self._values = np.concatenate([self._values, np.full_like(self._values, _GONE)], axis=1)
            self._people = np.concatenate([self._people, np.zeros_like(self._people)])
            self._ids = np.concatenate([self._ids, np.zeros_like(self._ids)])
        return place

    def _count(self, pattern: Pattern, sign: int) -> None:
        """Let a pattern belong to its cohorts, or no more."""
        for key in product(*({None, pattern.profile.get(attribute)} for attribute in ATTRIBUTES)):
            self._counted.pop(key, None)
        for attribute in ATTRIBUTES:
            if value := pattern.profile.get(attribute):
                many = self._having.get((attribute, value), 0) + sign
                if not many:
                    del self._having[attribute, value]
                else:
                    self._having[attribute, value] = many
                if many <= (sign > 0):  # it came, or is gone
                    self._stands.clear()


def _together(patterns: list[Pattern]) -> Cohort:
    """The people of some patterns; where there are several, more than ``MOST_PEOPLE`` of one weigh as that many."""
    whole, parts = _Sum(), defaultdict[str, _Sum](_Sum)
    for pattern in patterns:
        scale = 1.0 if len(patterns) == 1 else min(1.0, MOST_PEOPLE / max(pattern.people, 1))
        whole.add(pattern.people, pattern.items, scale)
        for source in pattern.sources:
            parts[source.requester].add(source.people, source.items, scale)
    holders = {item: count for item, count in whole.holders.items() if count}
    return Cohort(whole.people, holders, whole.weighed, {requester: one.weighed for requester, one in sorted(parts.items())})


class _Sum:
    def __init__(self) -> None:
        self.people, self.holders = 0, defaultdict[str, int](int)
        self.weight, self.held = 0.0, defaultdict[str, float](float)

    def add(self, people: int, items: Mapping[str, int], scale: float) -> None:
        self.people += people
        self.weight += people * scale
        for item, count in items.items():
            self.holders[item] += count
            self.held[item] += count * scale

    @property
    def weighed(self) -> Weighed:
        return Weighed(self.people, self.weight, dict(self.held))
