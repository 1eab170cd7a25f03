"""Cohorts: people who agree in an attribute, or in several, and which share of them holds an item."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any

import numpy as np

from agent_ops.memory.patterns import Floats, Ints, Patterns
from agent_ops.memory.profiles import Codes

Family = tuple[int, ...]
"""The fields in which a cohort agrees."""

PAIRED = 7
"""So many fields are combined with each other; further ones stand alone."""

DOUBT = 1.0
"""A cohort's rate is drawn to the rate of everybody as if this many people more had been asked."""


def families(codes: list[Codes]) -> list[Family]:
    """Every field, and each pair and triple of the fields that split people differently."""
    alone = [(at,) for at in range(len(codes))]
    apart = _different([at for at, one in enumerate(codes) if one.shape[1] == 1], codes)
    finest = max(apart, key=lambda at: int(codes[at].max(initial=-1)), default=-1)
    triples = [three for three in combinations(apart, 3) if finest in three]
    return [*alone, *combinations(apart, 2), *triples]


def _different(fields: list[int], codes: list[Codes]) -> list[int]:
    """Fields without those that another one says already (a title and its code)."""
    kept: list[int] = []
    for at in fields:
        mine = codes[at][:, 0]
        size = len(np.unique(mine))
        if size > 1 and not any(_same(mine, codes[other][:, 0], size) for other in kept):
            kept.append(at)
    return kept[:PAIRED]


def _same(one: Ints, other: Ints, size: int) -> bool:
    if len(np.unique(other)) != size:
        return False
    return len(np.unique(one * (int(other.max()) + 2) + other)) == size


def combined(codes: list[Codes], family: Family) -> Codes:
    """One number for each row's values in these fields; -1 where one is missing."""
    out = codes[family[0]]
    for at in family[1:]:
        out = _with(out, codes[at])
    return out


def _with(one: Ints, other: Ints) -> Ints:
    return np.where((one < 0) | (other < 0), -1, one * 1_000_003 + other)


@dataclass(frozen=True)
class Cohorts:
    """The cohorts of one family with their weights, and the items' weights in each, as sorted keys."""

    keys: Ints
    people: Floats
    pairs: Ints
    held: Floats
    items: int

    @classmethod
    def of(cls, patterns: Patterns, family: Family) -> Cohorts:
        """Count."""
        codes = combined(patterns.codes, family)
        keys = np.unique(codes[codes >= 0])
        people, pairs, held = np.zeros(len(keys)), [], []
        owners = patterns.owners()
        for column in codes.T:
            where = _find(keys, column)
            np.add.at(people, where[where >= 0], patterns.weight[where >= 0])
            mine = where[owners]
            pairs.append(mine[mine >= 0] * patterns.items + patterns.item[mine >= 0])
            held.append(patterns.held[mine >= 0])
        unique, back = np.unique(np.concatenate(pairs), return_inverse=True)
        together = np.asarray(np.bincount(back, np.concatenate(held), len(unique)), dtype=np.float64)
        return cls(keys, people, unique, together, patterns.items)

    def look_up(self, codes: Codes, rows: Ints, items: Ints) -> tuple[Floats, Floats]:
        """For each (row, item): how many of the row's cohort hold it, and how many are in the cohort.

        Of several cohorts (a row with several words) the one with the highest rate counts.
        """
        best_held, best_people = np.zeros(len(rows)), np.zeros(len(rows))
        best = np.full(len(rows), -1.0)
        for column in codes.T:
            if column.max(initial=-1) < 0:
                continue
            held, people = _counted(self, _find(self.keys, column)[rows], items)
            better = (rate := held / (people + DOUBT)) > best
            best = np.where(better, rate, best)
            best_held, best_people = np.where(better, held, best_held), np.where(better, people, best_people)
        return best_held, best_people


@dataclass(frozen=True)
class Table:
    """The cohorts of several families of fields with one value each, in one place: a profile is looked up in all at once."""

    families: list[Family]
    first: Ints
    keys: Ints
    people: Floats
    pairs: Ints
    held: Floats
    items: int

    @classmethod
    def of(cls, patterns: Patterns, families: list[Family]) -> Table:
        """Count."""
        several = [Cohorts.of(patterns, family) for family in families]
        first = np.cumsum([0, *(len(one.keys) for one in several)])
        keys, people, held = (_joined([getattr(one, name) for one in several]) for name in ("keys", "people", "held"))
        pairs = _joined([one.pairs + at * patterns.items for one, at in zip(several, first[:-1], strict=True)])
        return cls(families, first, keys.astype(np.int64), people, pairs.astype(np.int64), held, patterns.items)

    def look_up(self, codes: list[Codes], rows: Ints, items: Ints) -> tuple[Floats, Floats]:
        """For each (row, item) and each family: how many of the row's cohort hold it, and how many are in the cohort."""
        return _counted(self, self._places(codes)[rows], items[:, None])

    def _places(self, codes: list[Codes]) -> Ints:
        """The cohort of each row in each family; -1 for none."""
        wanted = self._combined(codes)
        found = np.empty(wanted.shape, dtype=np.int64)
        for at, (begin, end) in enumerate(pairwise(self.first.tolist())):
            found[:, at] = self.keys[begin:end].searchsorted(wanted[:, at]) + begin
        there = found < self.first[1:]
        there[there] = self.keys[found[there]] == wanted[there]
        return np.where(there, found, -1)

    def _combined(self, codes: list[Codes]) -> Ints:
        """As ``combined``, for all families together."""
        flat = np.column_stack([one[:, 0] for one in codes])
        out = flat[:, [family[0] for family in self.families]]
        for position in range(1, max(map(len, self.families), default=1)):
            longer = [at for at, family in enumerate(self.families) if len(family) > position]
            out[:, longer] = _with(out[:, longer], flat[:, [self.families[at][position] for at in longer]])
        return out


def _counted(cohorts: Cohorts | Table, places: Ints, items: Ints) -> tuple[Floats, Floats]:
    """How many of the cohort at each place hold the item, and how many are in it; none where there is no cohort (-1)."""
    found = _find(cohorts.pairs, places * cohorts.items + items)  # below 0, and so not there, where the place is -1
    held = np.where(found >= 0, _at(cohorts.held, found), 0.0)
    return held, np.where(places >= 0, _at(cohorts.people, places), 0.0)


def _joined(arrays: list[Any]) -> Any:
    return np.concatenate(arrays) if arrays else np.zeros(0)


def _at(values: Floats, places: Ints) -> Floats:
    """Values by place; where there are none at all, nothing is found either."""
    return values[places] if len(values) else np.zeros(places.shape)


def _find(keys: Ints, wanted: Ints) -> Ints:
    """The place of each wanted key; -1 where it is not there."""
    if not len(keys):
        return np.full(wanted.shape, -1, dtype=np.int64)
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return np.where(keys[at] == wanted, at, -1)
