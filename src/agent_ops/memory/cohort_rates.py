"""How sure memory is that people like this have an item: a cohort's share, drawn to the rest of the team's; its lower bound."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from agent_ops.domain.pattern import ATTRIBUTES, Pattern
from agent_ops.domain.recommendation import Advice, in_words
from agent_ops.memory.adding_up import Cohort
from agent_ops.memory.pattern_index import PatternIndex
from agent_ops.memory.patterns import Floats

FEWEST = 5
"""A cohort of fewer people says nothing: it would tell of single persons, and prove little."""
LIKELY = 0.5
"""Memory names only what at least so many hold, by the lower bound; of anything else it says nothing."""
_DRAWN = 2.0
"""A cohort's share is drawn to that of the team's other people as if so many more people were in it; theirs to none."""
_Z = 1.645
_Having = tuple[Mapping[str, str], Cohort]


def ways(index: PatternIndex) -> list[tuple[str, ...]]:
    """What cohorts have in common, the narrowest first; of two the one whose attribute says more, by the learned weights."""
    narrower = sorted(("level", "location"), key=lambda attribute: -index.weights.worth[attribute])
    return [ATTRIBUTES, *(("team", attribute) for attribute in narrower), ("team",)]


def likely(index: PatternIndex, profile: Mapping[str, str], trusted: Collection[str] = ("",)) -> list[Advice]:
    """What people like this have, the surest first; nothing when too few are known.

    The narrowest cohort of at least ``FEWEST`` people speaks. A level or a location alone never does: the team decides
    what access means. Where nobody ever had a value, the one that is written most like it stands for it, and what is said
    counts by as much as they are alike; it is never sure enough to be given unasked.

    Args:
        trusted: the requesters, by their keyed hashes, whose people need nobody else's to confirm them.
    """
    cohorts = _cohorts(index, profile)
    found = _said(index, cohorts, trusted) if cohorts else _said_alike(index, profile, trusted)
    return sorted((one for one in found if one.at_least >= LIKELY), key=lambda one: (-one.at_least, one.item))


def _said(index: PatternIndex, cohorts: Sequence[_Having], trusted: Collection[str]) -> list[Advice]:
    """What the narrowest cohort says of what may be likely, as sure only as every cohort of its width is.

    Which of these speaks was learned, and gives nobody anything.
    """
    if not cohorts:
        return []
    (wanted, near), (_, wide) = cohorts[0], cohorts[-1]
    items = tuple(item for item, held in near.weighed.held.items() if held >= LIKELY * near.weighed.weight)
    at_least, unaided = _lowest(index, cohorts[0], items, trusted)
    for rival in cohorts[1:]:
        if len(rival[0]) == len(wanted):
            unaided = np.minimum(unaided, _lowest(index, rival, items, trusted)[1])
    return [
        Advice(item, near.holders[item], near.people, wanted, _share(item, near, wide), low, alone)
        for item, low, alone in zip(items, at_least.tolist(), unaided.tolist(), strict=True)
    ]


def _share(item: str, near: Cohort, wide: Cohort) -> float:
    """The cohort's share, drawn to the rest of the team's."""
    held, weight = near.weighed.held[item], near.weighed.weight
    others = max(0.0, wide.weighed.held.get(item, 0.0) - held) / (max(0.0, wide.weighed.weight - weight) + _DRAWN)
    return (held + _DRAWN * min(1.0, others)) / (weight + _DRAWN)


def _lowest(index: PatternIndex, having: _Having, items: Sequence[str], trusted: Collection[str]) -> tuple[Floats, Floats]:
    """Each item's lower bound, whichever requester is left out: where enough others are left, and whatever is left."""
    wanted, cohort = having
    weight, held = cohort.weighed.weight, np.array([cohort.weighed.held.get(item, 0.0) for item in items])
    parts = index.brought(wanted, items)
    strangers = np.array([requester not in trusted for requester in parts.requesters], dtype=bool)
    without = lower_bounds(held - parts.held[strangers], (weight - parts.weight[strangers])[:, None])
    enough = (cohort.people - parts.people[strangers] >= FEWEST)[:, None]
    whole = lower_bounds(held, weight)[None, :]
    at_least, unaided = (np.concatenate([whole, np.where(enough, without, few)]).min(axis=0) for few in (1.0, 0.0))
    return at_least, unaided


def _said_alike(index: PatternIndex, profile: Mapping[str, str], trusted: Collection[str]) -> list[Advice]:
    found = {attribute: index.stand_in(attribute, profile[attribute]) for attribute in ATTRIBUTES if profile.get(attribute)}
    instead = {profile[attribute]: known for attribute, (known, _) in found.items() if known != profile[attribute]}
    if not instead:
        return []
    alike = prod(much for _, much in found.values() if much)
    said = _said(index, _cohorts(index, {attribute: known for attribute, (known, _) in found.items()}), trusted)
    return [replace(one, share=alike * one.share, at_least=alike * one.at_least, unaided=0.0, instead=instead) for one in said]


def nearest(index: PatternIndex, profile: Mapping[str, str], most: int = 3) -> list[str]:
    """The nearest patterns of enough people, in words."""
    found = [(one, near) for one, near in index.nearest(profile, 10 * most) if one.people >= FEWEST][:most]
    return [_pattern_in_words(one, near) for one, near in found]


def _pattern_in_words(pattern: Pattern, near: float) -> str:
    held = ", ".join(f"{item} {holders}" for item, holders in sorted(pattern.items.items(), key=lambda p: (-p[1], p[0])))
    return f"{pattern.people} people of {in_words(pattern.profile)} ({near:.2f} alike) have: {held or 'nothing'}"


def lower_bound(holders: float, people: float) -> float:
    """Wilson's lower bound of a share, 95 % one-sided: Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953"""
    return float(lower_bounds(np.float64(holders), np.float64(people)))


def lower_bounds(holders: Any, people: Any) -> Any:
    """The same of many shares; 0 where there is nobody."""
    some = np.maximum(people, 1.0)
    share, spread = np.clip(holders / some, 0.0, 1.0), _Z * _Z / some
    low = (share + spread / 2 - _Z * np.sqrt(share * (1 - share) / some + spread / (4 * some))) / (1 + spread)
    return np.where(people < 1, 0.0, np.maximum(0.0, low))


def _cohorts(index: PatternIndex, profile: Mapping[str, str]) -> list[_Having]:
    """The cohorts of enough people that the profile belongs to: the narrowest, those of its width, and the whole team."""
    have, found = {attribute for attribute in ATTRIBUTES if profile.get(attribute)}, list[_Having]()
    for way in ways(index):
        if have.issuperset(way) and (not found or len(way) in (len(found[0][0]), 1)):
            wanted = {attribute: profile[attribute] for attribute in way}
            cohort = index.cohort(wanted)
            if cohort.people >= FEWEST:
                found.append((wanted, cohort))
    return found
