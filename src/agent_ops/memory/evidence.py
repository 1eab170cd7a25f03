"""What speaks for an item: the cohorts' rates and the neighbours' votes, as one row of figures for each candidate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agent_ops.memory.cohorts import DOUBT, Cohorts, Family, combined
from agent_ops.memory.neighbours import Neighbours, votes
from agent_ops.memory.patterns import Floats, Ints, Patterns
from agent_ops.memory.profiles import Codes

NEAR, NEAREST, SHARPNESS = 100, 10, 4
FEWEST, MOST = 80, 1000
"""Candidates for a profile: twice what nearly everybody holds, within these bounds."""
VOTES = 7
"""So many columns say what the neighbours do; the first two are shares, as the families' rates before them are."""
SHARES = 2


@dataclass(frozen=True)
class Candidates:
    """Rows of (profile, item) with their figures; ``figures`` has a column for each kind of evidence."""

    rows: Ints
    items: Ints
    figures: Floats


@dataclass(frozen=True)
class Evidence:
    """All that is counted over some patterns."""

    patterns: Patterns
    families: list[Family]
    cohorts: list[Cohorts]
    neighbours: Neighbours
    popularity: Floats
    width: int

    @classmethod
    def of(cls, patterns: Patterns, families: list[Family], weights: Floats | None = None) -> Evidence:
        """Count and index."""
        popularity = np.bincount(patterns.item, patterns.held, patterns.items) / max(patterns.weight.sum(), 1e-9)
        cohorts = [Cohorts.of(patterns, family) for family in families]
        sizes = np.diff(patterns.start)
        width = int(np.clip(2 * np.percentile(sizes, 95), FEWEST, MOST)) if len(sizes) else FEWEST
        return cls(patterns, families, cohorts, Neighbours.of(patterns, weights), popularity, width)

    def candidates(self, codes: list[Codes]) -> Candidates:
        """The items that neighbours of each row hold, and what speaks for each."""
        found = [self._voted(codes, row) for row in range(len(codes[0]) if codes else 0)]
        items = np.concatenate([one[0] for one in found]) if found else np.zeros(0, dtype=np.int64)
        rows = np.repeat(np.arange(len(found)), [len(one[0]) for one in found])
        voted = np.concatenate([one[1] for one in found]) if found else np.zeros((0, VOTES))
        rates, sizes = self._rates(codes, rows, items)
        return Candidates(rows, items, np.column_stack([*rates, voted, *sizes]))

    def _rates(self, codes: list[Codes], rows: Ints, items: Ints) -> tuple[list[Floats], list[Floats]]:
        prior, rates, sizes = self.popularity[items], list[Floats](), list[Floats]()
        for family, cohorts in zip(self.families, self.cohorts, strict=True):
            held, people = cohorts.look_up(combined(codes, family), rows, items)
            rates.append((held + DOUBT * prior) / (people + DOUBT))
            if len(family) == 1:
                sizes.append(np.log1p(people))
        return rates, sizes

    def _voted(self, codes: list[Codes], row: int) -> tuple[Ints, Floats]:
        near, similarity = self.neighbours.search(codes, row, NEAR)
        if not len(near):
            return self._popular()
        items, share, weight = votes(self.patterns, near, similarity**SHARPNESS)
        kept = np.argsort(-share, kind="stable")[: self.width]
        items, share, weight = items[kept], share[kept], weight[kept]
        closest = np.zeros(len(items))
        few_items, few_share, _ = votes(self.patterns, near[:NEAREST], similarity[:NEAREST])
        at = np.searchsorted(few_items, items)
        there = at < len(few_items)
        there[there] = few_items[at[there]] == items[there]
        closest[there] = few_share[at[there]]
        sizes = np.diff(self.patterns.start)[near[:NEAREST]].mean()
        rank = np.arange(len(items))
        top = share / max(float(share.max(initial=0.0)), 1e-9)
        wide = [np.full(len(items), float(similarity[0])), np.full(len(items), float(sizes))]
        return items, np.column_stack([share, closest, top, weight, rank, *wide])

    def _popular(self) -> tuple[Ints, Floats]:
        """For a profile that shares nothing with anybody: what most people hold."""
        items = np.argsort(-self.popularity, kind="stable")[: self.width]
        figures = np.zeros((len(items), VOTES))
        figures[:, 0] = self.popularity[items]
        figures[:, 4] = np.arange(len(items))
        return items, figures
