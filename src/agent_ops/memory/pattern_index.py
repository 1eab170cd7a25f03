"""Patterns in memory, for exact search: a row of whole numbers for each, refreshed by what changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Any, TypeVar

import numpy as np

from agent_ops.domain.pattern import ATTRIBUTES, Pattern, PatternChanges
from agent_ops.memory.adding_up import NOBODY, Brought, Cohort, added_up, brought, scales
from agent_ops.memory.attribute_weights import EQUAL, rarity
from agent_ops.memory.known_values import KnownValues
from agent_ops.memory.packed import Packed, Packer
from agent_ops.memory.patterns import MOST_PEOPLE, Floats, Ints

__all__ = ["MOST_PEOPLE", "NOBODY", "PatternIndex"]

_NOWHERE, _GONE, _UNKNOWN = -1, -2, -3
_FIRST_ROOM, _MOST_KEPT = 1024, 64
_SCATTER = np.uint64(0x9E3779B97F4A7C15)  # the golden ratio: consecutive numbers end up far apart
_Key = tuple[str | None, ...]
_Kept = TypeVar("_Kept")


class PatternIndex:
    """The patterns of one database at ``version``. It grows by doubling; the place of a pattern that goes is used again.

    ``weights`` are what agreeing in each attribute is worth, ``moved`` is how many patterns changed since they were learned, and
    ``left`` is the version at which somebody was last taken away.
    """

    def __init__(self) -> None:
        self.version = 0
        self.weights, self.moved, self.left = EQUAL, 0, 0
        self._codes: list[dict[str, int]] = [{} for _ in ATTRIBUTES]
        self._values = np.full((len(ATTRIBUTES), _FIRST_ROOM), _GONE, dtype=np.int32)
        self._people = np.zeros(_FIRST_ROOM, dtype=np.int64)
        self._ids = np.zeros(_FIRST_ROOM, dtype=np.int64)
        self._packer = Packer()
        self._whole: list[bytes] = []
        self._brought: list[bytes] = []
        self._place: dict[int, int] = {}
        self._free: list[int] = []
        self._known, self._everybody = KnownValues(), 0
        self._cohorts: dict[_Key, Cohort] = {}
        self._parts: dict[_Key, tuple[Sequence[str], Brought]] = {}

    def __len__(self) -> int:
        return len(self._place)

    def refresh(self, changes: PatternChanges) -> None:
        """Take over what changed since ``version``."""
        for pattern_id in changes.gone:
            if (place := self._place.pop(pattern_id, None)) is not None:
                self._count(self._at(place), -1)
                self._values[:, place], self._people[place], self._whole[place], self._brought[place] = _GONE, 0, b"", b""
                self._free.append(place)
                self.moved += 1
        for pattern in changes.changed:
            self._put(pattern)
        self.version, self.left = changes.version, max(self.left, changes.left)

    def get(self, pattern_id: int) -> Pattern | None:
        """A pattern by its id."""
        place = self._place.get(pattern_id)
        return None if place is None else self._at(place, sources=True)

    def sample(self, most: int) -> list[Pattern]:
        """At most so many patterns, as good as drawn by chance, and in every process the same ones of the same patterns."""
        ids = np.fromiter(self._place, dtype=np.uint64, count=len(self._place))
        if most < len(ids):
            ids = ids[np.argpartition(ids * _SCATTER, most - 1)[:most]]
        return [self._at(self._place[int(one)], sources=True) for one in ids]

    def nearest(self, profile: Mapping[str, str], most: int) -> list[tuple[Pattern, float]]:
        """At most so many patterns that share an attribute with the profile, and how similar they are, 0 to 1; the nearest first.

        A shared value counts by how few people have it and by the attribute's weight. What nobody had counts as rarer than
        anything; the value that is written most like it is shared by as much as they are alike. Who brought them is left out.
        """
        used = len(self._whole)
        agree, worths, whole = np.zeros(used, dtype=np.uint8), np.zeros(1), 0.0
        for column, attribute in enumerate(ATTRIBUTES):
            if value := profile.get(attribute):
                known, alike = self.stand_in(attribute, value)
                weight = self.weights.worth[attribute] * float(rarity(self._everybody, self._known.people(attribute, value)))
                agree += (self._values[column, :used] == self._code(column, known)) * np.uint8(len(worths))
                worths = np.concatenate([worths, worths + weight * alike])
                whole += weight
        return [(self._at(place), worth / whole) for place, worth in self._first(agree, worths, most)]

    def _first(self, agree: Any, worths: Floats, most: int) -> list[tuple[int, float]]:
        """The places of what is worth most, and what it is worth; of the same worth more people come first, then lower numbers.

        Args:
            agree: which attributes agree, for each place, as a sum of powers of two.
            worths: what each such sum is worth.
        """
        found = list[tuple[int, float]]()
        for worth in sorted(set(worths[worths > 0].tolist()), reverse=True):
            places = np.flatnonzero(np.logical_or.reduce([agree == which for which in np.flatnonzero(worths == worth)]))
            order = np.lexsort((self._ids[places], -self._people[places]))[: most - len(found)]
            found += [(place, worth) for place in places[order].tolist()]
            if len(found) == most:
                break
        return found

    def stand_in(self, attribute: str, value: str) -> tuple[str, float]:
        """The value itself when anybody has it, else the one that is written most like it; and how alike they are, 0 to 1."""
        return self._known.stand_in(attribute, value)

    def cohort(self, wanted: Mapping[str, str]) -> Cohort:
        """Who has all of these values. The last ones asked for are kept until one of their patterns changes."""
        key = _key(wanted)
        if (found := self._cohorts.get(key)) is None:
            places = self._having(key)
            found = added_up(self._packer, [self._whole[place] for place in places.tolist()]) if len(places) else NOBODY
            _keep(self._cohorts, key, found)
        return found

    def brought(self, wanted: Mapping[str, str], items: Sequence[str]) -> Brought:
        """What each requester brought of these items to who has all of these values; kept as cohorts are."""
        key = _key(wanted)
        asked, found = self._parts.get(key, ((), None))
        if found is None or asked != items:
            places = self._having(key)
            parts = [self._brought[place] for place in places.tolist()]
            found = brought(self._packer, parts, scales(self._people[places]), items)
            _keep(self._parts, key, (items, found))
        return found

    def _having(self, key: _Key) -> Ints:
        """The places of the patterns that have these values, in the order of their numbers."""
        used, places = len(self._whole), None
        for column, value in enumerate(key):
            if value is not None:
                row, code = self._values[column, :used], self._code(column, value)
                places = np.flatnonzero(row == code) if places is None else places[row[places] == code]
        if places is None:
            places = np.flatnonzero(self._values[0, :used] != _GONE)
        return places[np.argsort(self._ids[places])]

    def _code(self, column: int, value: str) -> int:
        return self._codes[column].get(value, _UNKNOWN)

    def _at(self, place: int, *, sources: bool = False) -> Pattern:
        packed = Packed(self._whole[place], self._brought[place] if sources else b"")
        return self._packer.unpack(int(self._ids[place]), packed)

    def _put(self, pattern: Pattern) -> None:
        place = self._place.get(pattern.id)
        if place is None:
            place = self._place[pattern.id] = self._free.pop() if self._free else self._grown()
        else:
            self._count(self._at(place), -1)
        self._count(pattern, 1)
        self.moved += 1
        for column, attribute in enumerate(ATTRIBUTES):
            value = pattern.profile.get(attribute)
            codes = self._codes[column]
            self._values[column, place] = codes.setdefault(value, len(codes)) if value else _NOWHERE
        self._people[place], self._ids[place] = pattern.people, pattern.id
        self._whole[place], self._brought[place] = self._packer.pack(pattern)

    def _grown(self) -> int:
        place = len(self._whole)
        self._whole.append(b"")
        self._brought.append(b"")
        if place == len(self._people):
            self._values = np.concatenate([self._values, np.full_like(self._values, _GONE)], axis=1)
            self._people = np.concatenate([self._people, np.zeros_like(self._people)])
            self._ids = np.concatenate([self._ids, np.zeros_like(self._ids)])
        return place

    def _count(self, pattern: Pattern, sign: int) -> None:
        """Let a pattern belong to its cohorts, or no more."""
        for key in product(*({None, pattern.profile.get(attribute)} for attribute in ATTRIBUTES)):
            self._cohorts.pop(key, None)
            self._parts.pop(key, None)
        self._everybody += sign * min(pattern.people, MOST_PEOPLE)
        self._known.count(pattern.profile, pattern.people, sign)


def _key(wanted: Mapping[str, str]) -> _Key:
    return tuple(wanted.get(attribute) for attribute in ATTRIBUTES)


def _keep(kept: dict[_Key, _Kept], key: _Key, found: _Kept) -> None:
    """Keep the last ones."""
    if key not in kept and len(kept) >= _MOST_KEPT:
        del kept[next(iter(kept))]
    kept[key] = found
