"""What pictures show, as numbers: precision against coverage, and which share of whom holds what."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from agent_ops.memory.patterns import Floats, Person
from agent_ops.memory.profiles import Profile, values_of
from agent_ops.memory.recommender import Recommendation

MOST_GROUPS, MOST_ITEMS = 40, 30
"""More rows or columns than these cannot be read on one page."""
NO_VALUE = "(none)"
"""Stands for an attribute that a profile lacks."""


@dataclass(frozen=True)
class Point:
    """All items from a score up: which share of them is held, and which share of all that is held they are."""

    score: float
    precision: float
    coverage: float


@dataclass(frozen=True)
class Curve:
    """A point for each score, highest first; ``auto`` and ``recommended`` are where those marks end, None without any."""

    points: tuple[Point, ...]
    auto: Point | None
    recommended: Point | None


def precision_by_coverage(people: Sequence[Person], found: Sequence[Sequence[Recommendation]]) -> Curve:
    """How precision falls while more is recommended, over people who hold something, as the printed figures are.

    At ``auto`` the coverage is the auto-grant recall, and the precision is 1 less the over-grant.
    """
    judged = [(set(person.access), items) for person, items in zip(people, found, strict=True) if person.access]
    ranked = sorted(((one, one.item in held) for held, items in judged for one in items), key=lambda pair: -pair[0].score)
    if not ranked:
        return Curve((), None, None)
    scores, hits = np.array([one.score for one, _ in ranked]), np.cumsum([hit for _, hit in ranked])
    ends = np.flatnonzero(np.append(np.diff(scores) != 0, True))
    all_held = sum(len(held) for held, _ in judged)
    points = tuple(Point(float(scores[at]), float(hits[at] / (at + 1)), float(hits[at] / all_held)) for at in ends)
    return Curve(points, _last(points, (one for one, _ in ranked if one.auto)), _last(points, _recommended(ranked)))


def _recommended(ranked: Iterable[tuple[Recommendation, bool]]) -> Iterable[Recommendation]:
    return (one for one, _ in ranked if one.recommended)


def _last(points: Sequence[Point], marked: Iterable[Recommendation]) -> Point | None:
    """Where marked items end: marks rise with the score, so that all from there up are marked."""
    lowest = min((one.score for one in marked), default=None)
    return next((point for point in points if point.score == lowest), None)


@dataclass(frozen=True)
class Shares:
    """Row by row the groups of people, column by column the items: the share of the group that holds the item.

    Args:
        groups: the values of the attributes that make each group.
        sizes: how many people each has.
        all_groups, all_items: how many there are beside those shown.
    """

    groups: list[tuple[str, ...]]
    sizes: list[int]
    items: list[str]
    share: Floats
    all_groups: int
    all_items: int


def shares_held(
    people: Sequence[Person], by: Sequence[str], most_groups: int = MOST_GROUPS, most_items: int = MOST_ITEMS
) -> Shares:
    """The largest groups in the order of their values; the most held items, those of everybody first."""
    sizes = Counter(_group(person.profile, by) for person in people)
    held = Counter(item for person in people for item in set(person.access))
    groups = sorted(sorted(sizes, key=lambda group: (-sizes[group], group))[:most_groups])
    items = sorted(held, key=lambda item: (-held[item], item))[:most_items]
    row, column = {group: at for at, group in enumerate(groups)}, {item: at for at, item in enumerate(items)}
    share = np.zeros((len(groups), len(items)))
    for person in people:
        at = row.get(_group(person.profile, by))
        if at is not None:
            share[at, [column[item] for item in set(person.access) if item in column]] += 1 / sizes[groups[at]]
    order = sorted(range(len(items)), key=lambda at: (*_spread(share[:, at]), items[at]))
    shown = [items[at] for at in order]
    return Shares(groups, [sizes[group] for group in groups], shown, share[:, order], len(sizes), len(held))


def _spread(share: Floats) -> tuple[bool, bool, int]:
    """What most have comes first, then what most of some group have, beginning with the first such group."""
    return share.mean() < 0.5, share.max() < 0.5, int(share.argmax())


def _group(profile: Profile, by: Sequence[str]) -> tuple[str, ...]:
    return tuple(", ".join(values_of(profile.get(name))) or NO_VALUE for name in by)
