"""What speaks for an item: the cohorts' rates and the neighbours' votes, as one row of figures for each candidate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agent_ops.memory.cohorts import DOUBT, Cohorts, Family, Table
from agent_ops.memory.neighbours import Neighbours
from agent_ops.memory.patterns import Floats, Ints, Patterns
from agent_ops.memory.profiles import Codes
from agent_ops.memory.ridge import ridge_voices
from agent_ops.memory.voting import COMPARED, NEAR, RANK, SHARES, VOTES, voted

FEWEST, MOST = 80, 1000
"""Candidates for a profile: twice what nearly everybody holds, within these bounds."""
AT_ONCE = 256
"""So many profiles are looked up together: what is computed in between stays small."""


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
    table: Table
    of_words: dict[int, Cohorts]
    neighbours: Neighbours
    popularity: Floats
    width: int

    @classmethod
    def of(cls, patterns: Patterns, families: list[Family], weights: Floats | None = None) -> Evidence:
        """Count and index."""
        popularity = np.bincount(patterns.item, patterns.held, patterns.items) / max(patterns.weight.sum(), 1e-9)
        several = {family[0]: Cohorts.of(patterns, family) for family in families if patterns.codes[family[0]].shape[1] > 1}
        table = Table.of(patterns, [family for family in families if family[0] not in several])
        sizes = np.diff(patterns.start)
        width = int(np.clip(2 * np.percentile(sizes, 95), FEWEST, MOST)) if len(sizes) else FEWEST
        return cls(patterns, table, several, Neighbours.of(patterns, weights), popularity, width)

    def candidates(self, codes: list[Codes]) -> Candidates:
        """The items that neighbours of each row hold, and what speaks for each."""
        size = len(codes[0]) if codes else 0
        parts = [self._part([one[at : at + AT_ONCE] for one in codes], at) for at in range(0, size, AT_ONCE)]
        if not parts:
            return Candidates(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros((0, 1)))
        return Candidates(*(np.concatenate(column) for column in zip(*parts, strict=True)))

    def _part(self, codes: list[Codes], first: int) -> tuple[Ints, Ints, Floats]:
        found = [self._voted(codes, row) for row in range(len(codes[0]))]
        items = np.concatenate([one[0] for one in found])
        rows = np.repeat(np.arange(len(found)), [len(one[0]) for one in found])
        voted = np.concatenate([one[1] for one in found])
        rates, sizes = self._rates(codes, rows, items)
        return rows + first, items, np.column_stack([rates, voted, sizes]).astype(np.float32)

    def _rates(self, codes: list[Codes], rows: Ints, items: Ints) -> tuple[Floats, Floats]:
        """Each family's rate; how many people the cohorts of one attribute have."""
        held, people = self.table.look_up(codes, rows, items)
        words = [one.look_up(codes[at], rows, items) for at, one in self.of_words.items()]
        held, people = (np.column_stack(both) for both in zip((held, people), *words, strict=True))
        alone = [at for at, family in enumerate(self.table.families) if len(family) == 1]
        alone += range(len(self.table.families), held.shape[1])
        prior = self.popularity[items][:, None]
        return (held + DOUBT * prior) / (people + DOUBT), np.log1p(people[:, alone])

    def _voted(self, codes: list[Codes], row: int) -> tuple[Ints, Floats]:
        near, similarity = self.neighbours.search(codes, row, NEAR)
        if not len(near):
            return self._popular()
        few = near[:COMPARED]
        unrepeated, ridge = np.zeros((2, len(near)))
        unrepeated[:COMPARED] = self.neighbours.unrepeated(self.patterns.codes, few, similarity[:COMPARED])
        ridge[:COMPARED] = ridge_voices(self.patterns, few, codes, row)
        return voted(self.patterns, near, similarity, unrepeated, ridge, self.width)

    def _popular(self) -> tuple[Ints, Floats]:
        """For a profile that shares nothing with anybody: what most people hold."""
        items = np.argsort(-self.popularity, kind="stable")[: self.width]
        figures = np.zeros((len(items), VOTES))
        figures[:, :SHARES] = self.popularity[items][:, None]
        figures[:, RANK] = np.arange(len(items))
        return items, figures
