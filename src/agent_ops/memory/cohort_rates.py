"""How sure memory is that people like this have an item: a cohort's share, drawn to the rest of the team's; its lower bound."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import sqrt

from agent_ops.domain.pattern import ATTRIBUTES
from agent_ops.memory.pattern_index import Cohort, PatternIndex

FEWEST = 5
"""A cohort of fewer people says nothing: it would tell of single persons, and prove little."""
LIKELY = 0.5
"""Memory names only what at least so many hold, by the lower bound; of anything else it says nothing."""
_DRAWN = 2.0
"""A cohort's share is drawn to that of the team's other people as if so many more people were in it; theirs to none."""
_Z = 1.645
_WAYS = (("team", "level", "location"), ("team", "level"), ("team", "location"), ("team",))


@dataclass(frozen=True)
class Likely:
    """An item that people like this have: ``holders`` of ``people`` in a cohort, the share drawn to the rest of the team's, and
    Wilson's lower bound of the share (95 %, one-sided)."""

    item: str
    holders: int
    people: int
    cohort: Mapping[str, str]
    share: float
    at_least: float

    def __str__(self) -> str:
        who = " ".join(self.cohort[a] for a in ("team", "level") if a in self.cohort)
        where = f" in {self.cohort['location']}" if "location" in self.cohort else ""
        of_them = f"{who}{where}".strip() or "all"
        sure = f"probability {self.share:.2f}, at least {self.at_least:.2f}"
        return f"{self.item}: {self.holders} of {self.people} people of {of_them} have it ({sure})"


def likely(index: PatternIndex, profile: Mapping[str, str]) -> list[Likely]:
    """What people like this have, the surest first; nothing when too few are known.

    The narrowest cohort of at least ``FEWEST`` people speaks. A level or a location alone never does: the team decides
    what access means.
    """
    cohorts = list(_cohorts(index, profile))
    if not cohorts:
        return []
    wanted, near, wide = *cohorts[0], cohorts[-1][1]
    found = []
    for item, held in near.holders.items():
        others = (wide.holders.get(item, 0) - held) / (wide.people - near.people + _DRAWN)
        share = (held + _DRAWN * others) / (near.people + _DRAWN)
        found.append(Likely(item, held, near.people, wanted, share, lower_bound(held, near.people)))
    return sorted((one for one in found if one.at_least >= LIKELY), key=lambda one: (-one.at_least, one.item))


def lower_bound(holders: int, people: int) -> float:
    """Wilson's lower bound of a share, 95 % one-sided: Wilson 1927, https://doi.org/10.1080/01621459.1927.10502953"""
    if people < 1:
        return 0.0
    share, spread = holders / people, _Z * _Z / people
    return max(0.0, (share + spread / 2 - _Z * sqrt(share * (1 - share) / people + spread / (4 * people))) / (1 + spread))


def _cohorts(index: PatternIndex, profile: Mapping[str, str]) -> Iterator[tuple[Mapping[str, str], Cohort]]:
    """The cohorts of enough people that the profile belongs to, the narrowest first."""
    have = {attribute for attribute in ATTRIBUTES if profile.get(attribute)}
    for way in _WAYS:
        if have.issuperset(way):
            wanted = {attribute: profile[attribute] for attribute in way}
            cohort = index.cohort(wanted)
            if cohort.people >= FEWEST:
                yield wanted, cohort
