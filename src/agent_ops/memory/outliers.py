"""Who holds what nobody like them holds."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from agent_ops.domain.recommendation import in_words
from agent_ops.memory.adding_up import Cohort
from agent_ops.memory.cohort_rates import FEWEST, lower_bound, ways
from agent_ops.memory.pattern_index import PatternIndex

RARE = 0.05
"""Hardly anybody: at most this share of the others."""


@dataclass(frozen=True)
class Rarity:
    """An item that hardly any of the ``people`` others of a cohort hold."""

    item: str
    holders: int
    people: int
    at_most: float
    reason: str


def rare(index: PatternIndex, profile: Mapping[str, str], held: Collection[str], counted: Collection[str] | None) -> list[Rarity]:
    """Of what somebody holds, what hardly anybody else of the narrowest cohort of enough others does.

    Args:
        counted: the items with which memory counts the person among its people; None when it does not.
    """
    cohorts = _cohorts(index, profile, counted is not None)
    if (speaking := next(cohorts, None)) is None:
        return []
    wanted, cohort, others = speaking
    found = []
    for item in sorted(held):
        holders = cohort.holders.get(item, 0) - (counted is not None and item in counted)
        if holders <= RARE * others:
            told = f"{holders or 'none'} of the {others} other people of {in_words(wanted)} have it"
            found.append(Rarity(item, holders, others, 1 - lower_bound(others - holders, others), told))
    return found


def _cohorts(
    index: PatternIndex, profile: Mapping[str, str], is_counted: bool
) -> Iterator[tuple[Mapping[str, str], Cohort, int]]:
    for way in ways(index):
        if all(profile.get(attribute) for attribute in way):
            wanted = {attribute: profile[attribute] for attribute in way}
            cohort = index.cohort(wanted)
            if cohort.people - is_counted >= FEWEST:
                yield wanted, cohort, cohort.people - is_counted
