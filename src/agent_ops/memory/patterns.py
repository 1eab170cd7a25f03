"""Patterns: distinct profiles, how many people had each, and how many of them had each item."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agent_ops.memory.profiles import Codes, Profile, Vocabulary, profile_key

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MOST_PEOPLE = 20
"""More people of one profile than this weigh as this many: no profile outvotes others by being repeated."""

MOST_ITEMS = 4
"""A person with more items than this many times the median weighs less, in proportion: holding everything says little."""


@dataclass(frozen=True)
class Person:
    """One row: who, with which attributes, and what they hold."""

    id: str
    profile: Profile
    access: tuple[str, ...] = ()


@dataclass(frozen=True)
class Patterns:
    """Distinct profiles in arrays; row ``r`` has the items ``item[start[r]:start[r + 1]]`` with the weights ``held``."""

    codes: list[Codes]
    weight: Floats
    start: Ints
    item: Ints
    held: Floats
    items: int

    def __len__(self) -> int:
        return len(self.weight)

    def take(self, rows: Ints) -> Patterns:
        """Some of the rows."""
        at, lengths = spans(self.start, rows)
        start = np.concatenate([[0], np.cumsum(lengths)])
        codes = [one[rows] for one in self.codes]
        return Patterns(codes, self.weight[rows], start, self.item[at], self.held[at], self.items)

    def owners(self) -> Ints:
        """The row of each entry of ``item``."""
        return np.repeat(np.arange(len(self)), np.diff(self.start))


def spans(start: Ints, rows: Ints) -> tuple[Ints, Ints]:
    """The positions of all entries of some rows, one row after the other, and each row's number of entries."""
    first, lengths = start[rows], start[rows + 1] - start[rows]
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    return np.arange(total) - np.repeat(ends - lengths, lengths) + np.repeat(first, lengths), lengths


@dataclass(frozen=True)
class History:
    """A history ready for learning: its vocabulary, its items by number, and its patterns."""

    vocabulary: Vocabulary
    item_names: list[str]
    patterns: Patterns

    @classmethod
    def of(cls, people: Iterable[Person]) -> History:
        """Group people by profile. Raises nothing: an empty history has no patterns."""
        groups = _grouped(people)
        vocabulary = Vocabulary.of([profile for profile, _ in groups])
        names = sorted({item for _, held in groups for items in held for item in items})
        codes = vocabulary.learn(profile for profile, _ in groups)
        return cls(vocabulary, names, _patterns(codes, [held for _, held in groups], names))

    def count(self, people: Iterable[Person]) -> Patterns:
        """The patterns of some of the people alone, in the numbers of the whole history."""
        groups = _grouped(people)
        codes = self.vocabulary.encode(profile for profile, _ in groups)
        return _patterns(codes, [held for _, held in groups], self.item_names)


def _grouped(people: Iterable[Person]) -> list[tuple[Profile, list[frozenset[str]]]]:
    """The people of each profile."""
    grouped: dict[object, tuple[Profile, list[frozenset[str]]]] = {}
    for person in people:
        grouped.setdefault(profile_key(person.profile), (person.profile, []))[1].append(frozenset(person.access))
    return list(grouped.values())


def _patterns(codes: list[Codes], groups: Sequence[Sequence[frozenset[str]]], names: list[str]) -> Patterns:
    number = {name: at for at, name in enumerate(names)}
    sizes = [len(items) for held in groups for items in held if items]
    most = MOST_ITEMS * float(np.median(sizes)) if sizes else 1.0
    weights, items, held, lengths = list[float](), list[int](), list[float](), [0]
    for people in groups:
        counts, weight = _weighed(people, most)
        weights.append(weight)
        items.extend(number[item] for item in sorted(counts))
        held.extend(counts[item] for item in sorted(counts))
        lengths.append(len(counts))
    start = np.cumsum(np.array(lengths, dtype=np.int64))
    return Patterns(codes, np.array(weights), start, np.array(items, dtype=np.int64), np.array(held), len(names))


def _weighed(people: Sequence[frozenset[str]], most: float) -> tuple[dict[str, float], float]:
    """The items of the people of one profile with their weights, and the weight of all of them, both capped."""
    weight, counts = 0.0, dict[str, float]()
    for items in people:
        one = min(1.0, most / max(len(items), 1))
        weight += one
        for item in items:
            counts[item] = counts.get(item, 0.0) + one
    scale = min(1.0, MOST_PEOPLE / max(weight, 1e-9))
    return {item: count * scale for item, count in counts.items()}, weight * scale
