"""Adding up the people of many packed patterns at once, in their order: to the last digit as one after another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from agent_ops.memory.packed import Packer
from agent_ops.memory.patterns import MOST_PEOPLE, Floats, Ints

_HEAD = 4


@dataclass(frozen=True)
class Weighed:
    """What some people weigh, and what those of them who hold each item do."""

    weight: float = 0.0
    held: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Cohort:
    """How many people have some values in common, and how many of them hold each item; in persons, and by weight."""

    people: int
    holders: Mapping[str, int]
    weighed: Weighed = field(default_factory=Weighed)


NOBODY = Cohort(0, {})


@dataclass(frozen=True)
class Brought:
    """The parts of a cohort that single requesters brought.

    Args:
        requesters: by their keyed hashes.
        people: of each.
        weight: of each.
        held: for each, a row of what those weigh who hold the items that were asked for.
    """

    requesters: Sequence[str]
    people: Ints
    weight: Floats
    held: Floats


def scales(people: Ints) -> Floats:
    """By how much a person of each pattern counts: where there are several, more than ``MOST_PEOPLE`` weigh as that many."""
    return np.ones(len(people)) if len(people) == 1 else np.minimum(1.0, MOST_PEOPLE / np.maximum(people, 1))


def added_up(packer: Packer, wholes: Sequence[bytes]) -> Cohort:
    """All people of some patterns."""
    numbers, start, _ = _joined(wholes)
    people, sizes = numbers[start + 1], numbers[start + 3]
    scale = scales(people)
    at = _runs(start + _HEAD + 2 * numbers[start + 2], sizes)
    items, holders = numbers[at], numbers[at + np.repeat(sizes, sizes)]
    in_persons, by_weight = np.bincount(items, holders), np.bincount(items, holders * np.repeat(scale, sizes))
    known = [(number, packer.texts[number]) for number in np.flatnonzero(in_persons).tolist()]
    weighed = Weighed(float(np.cumsum(people * scale)[-1]), {item: float(by_weight[number]) for number, item in known})
    return Cohort(int(people.sum()), {item: int(in_persons[number]) for number, item in known}, weighed)


def brought(packer: Packer, parts: Sequence[bytes], scale: Floats, items: Sequence[str]) -> Brought:
    """What each requester brought to some patterns of these scales, of these items."""
    having = [at for at, one in enumerate(parts) if one]
    numbers, start, lengths = _joined([parts[at] for at in having])
    many, scale = numbers[start], scale[having]
    at, apart = _runs(start + 1, many), np.repeat(many, many)
    requesters, people, sizes, scale_of = numbers[at], numbers[at + apart], numbers[at + 2 * apart], np.repeat(scale, many)
    known, who = _renumbered(requesters, len(packer.texts))
    entries = (lengths - 1 - 3 * many) // 2
    at = _runs(start + 1 + 3 * many, entries)
    column = _columns(packer, items)[numbers[at]]
    chosen = np.flatnonzero(column >= 0)
    holders = numbers[(at + np.repeat(entries, entries))[chosen]] * np.repeat(scale_of, sizes)[chosen]
    cell = np.repeat(who, sizes)[chosen] * len(items) + column[chosen]
    return Brought(
        [packer.texts[number] for number in known.tolist()],
        np.bincount(who, people, len(known)).astype(np.int64),
        np.bincount(who, people * scale_of, len(known)).astype(np.float64),
        np.bincount(cell, holders, len(known) * len(items)).astype(np.float64).reshape(len(known), len(items)),
    )


def _joined(packed: Sequence[bytes]) -> tuple[Ints, Ints, Ints]:
    """All numbers, where those of each begin, and how many it has."""
    lengths = np.fromiter(map(len, packed), np.int64, len(packed)) // 4
    return np.frombuffer(b"".join(packed), np.uint32).astype(np.int64), np.cumsum(lengths) - lengths, lengths


def _runs(first: Ints, lengths: Ints) -> Ints:
    """So many places from each of the first ones on."""
    ends = np.cumsum(lengths)
    return np.arange(ends[-1] if len(ends) else 0) + np.repeat(first - ends + lengths, lengths)


def _renumbered(numbers: Ints, most: int) -> tuple[Ints, Ints]:
    """The numbers that there are, and for each given one its place among them."""
    known = np.flatnonzero(np.bincount(numbers, minlength=most))
    place: Any = np.zeros(most, dtype=np.int64)
    place[known] = np.arange(len(known))
    return known, place[numbers]


def _columns(packer: Packer, items: Sequence[str]) -> Ints:
    """For each text its place among the items, or -1. The last one is that of an item that no pattern has."""
    column = np.full(len(packer.texts) + 1, -1, dtype=np.int64)
    column[[packer.number(item) for item in items]] = np.arange(len(items))
    column[-1] = -1
    return column
