"""How sure memory is that people like this have an item: a cohort's share, drawn to the rest of the team's; its lower bound."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from math import prod, sqrt

from agent_ops.domain.pattern import ATTRIBUTES, Pattern
from agent_ops.domain.recommendation import Advice, in_words
from agent_ops.memory.pattern_index import Cohort, PatternIndex

FEWEST = 5
"""A cohort of fewer people says nothing: it would tell of single persons, and prove little."""
LIKELY = 0.5
"""Memory names only what at least so many hold, by the lower bound; of anything else it says nothing."""
_DRAWN = 2.0
"""A cohort's share is drawn to that of the team's other people as if so many more people were in it; theirs to none."""
_Z = 1.645


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
    cohorts = list(_cohorts(index, profile))
    found = _said(cohorts, trusted) if cohorts else _said_alike(index, profile, trusted)
    return sorted((one for one in found if one.at_least >= LIKELY), key=lambda one: (-one.at_least, one.item))


def _said(cohorts: Sequence[tuple[Mapping[str, str], Cohort]], trusted: Collection[str]) -> list[Advice]:
    if not cohorts:
        return []
    wanted, near, wide = *cohorts[0], cohorts[-1][1]
    rivals = [cohort for have, cohort in cohorts[1:] if len(have) == len(wanted)]
    return [_unswayed(_advice(item, wanted, near, wide, trusted), rivals, wide, trusted) for item in near.holders]


def _unswayed(one: Advice, rivals: Sequence[Cohort], wide: Cohort, trusted: Collection[str]) -> Advice:
    """The advice, as sure only as every cohort of its width is: which of them speaks was learned, and gives nobody anything."""
    also = [_advice(one.item, one.cohort, rival, wide, trusted).unaided for rival in rivals]
    return replace(one, unaided=min([one.unaided, *also]))


def _said_alike(index: PatternIndex, profile: Mapping[str, str], trusted: Collection[str]) -> list[Advice]:
    found = {attribute: index.stand_in(attribute, profile[attribute]) for attribute in ATTRIBUTES if profile.get(attribute)}
    instead = {profile[attribute]: known for attribute, (known, _) in found.items() if known != profile[attribute]}
    if not instead:
        return []
    alike = prod(much for _, much in found.values() if much)
    said = _said(list(_cohorts(index, {attribute: known for attribute, (known, _) in found.items()})), trusted)
    return [replace(one, share=alike * one.share, at_least=alike * one.at_least, unaided=0.0, instead=instead) for one in said]


def nearest(index: PatternIndex, profile: Mapping[str, str], most: int = 3) -> list[str]:
    """The nearest patterns of enough people, in words."""
    found = [(one, near) for one, near in index.nearest(profile, 10 * most) if one.people >= FEWEST][:most]
    return [_pattern_in_words(one, near) for one, near in found]


def _pattern_in_words(pattern: Pattern, near: float) -> str:
    held = ", ".join(f"{item} {holders}" for item, holders in sorted(pattern.items.items(), key=lambda p: (-p[1], p[0])))
    return f"{pattern.people} people of {in_words(pattern.profile)} ({near:.2f} alike) have: {held or 'nothing'}"


def _advice(item: str, wanted: Mapping[str, str], near: Cohort, wide: Cohort, trusted: Collection[str]) -> Advice:
    held, weight = near.weighed.held.get(item, 0.0), near.weighed.weight
    others = max(0.0, wide.weighed.held.get(item, 0.0) - held) / (max(0.0, wide.weighed.weight - weight) + _DRAWN)
    share = (held + _DRAWN * min(1.0, others)) / (weight + _DRAWN)
    whole = lower_bound(held, weight)
    without = [
        (near.people - one.people, lower_bound(held - one.held.get(item, 0.0), weight - one.weight))
        for requester, one in near.sources.items()
        if requester not in trusted
    ]
    at_least = min([whole, *(low for people, low in without if people >= FEWEST)])
    unaided = min([whole, *(low if people >= FEWEST else 0.0 for people, low in without)])
    return Advice(item, near.holders.get(item, 0), near.people, wanted, share, at_least, unaided)


def lower_bound(holders: float, people: float) -> float:
    """Wilson's lower bound of a share, 95 % one-sided: Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953"""
    if people < 1:
        return 0.0
    share, spread = min(1.0, max(0.0, holders / people)), _Z * _Z / people
    return max(0.0, (share + spread / 2 - _Z * sqrt(share * (1 - share) / people + spread / (4 * people))) / (1 + spread))


def _cohorts(index: PatternIndex, profile: Mapping[str, str]) -> Iterator[tuple[Mapping[str, str], Cohort]]:
    """The cohorts of enough people that the profile belongs to, the narrowest first."""
    have = {attribute for attribute in ATTRIBUTES if profile.get(attribute)}
    for way in ways(index):
        if have.issuperset(way):
            wanted = {attribute: profile[attribute] for attribute in way}
            cohort = index.cohort(wanted)
            if cohort.people >= FEWEST:
                yield wanted, cohort
