"""Completion: some accesses of a person are known and no attributes; which others belong to them?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from agent_ops.memory.patterns import Floats, Ints, spans
from agent_ops.memory.rankers import BoostedRanker, Constant, LinearRanker, Ranker, Together, Truths, can_boost
from agent_ops.memory.recommender import Tell

LISTED = 50
MOST_ASKED = 1500
CANDIDATES = 600
_COLUMNS = 8


@dataclass(frozen=True)
class Holdings:
    """Who holds what, both ways round."""

    start: Ints
    item: Ints
    first: Ints
    holder: Ints
    items: int

    @classmethod
    def of(cls, access: Sequence[Sequence[int]], items: int) -> Holdings:
        """From each person's item numbers."""
        start = np.cumsum([0, *(len(one) for one in access)])
        item = np.fromiter((at for one in access for at in one), dtype=np.int64, count=int(start[-1]))
        order = np.argsort(item, kind="stable")
        holder = np.repeat(np.arange(len(access)), np.diff(start))[order]
        first = np.concatenate([[0], np.cumsum(np.bincount(item, minlength=items))])
        return cls(start, item, first, holder, items)

    def holders(self, item: int) -> Ints:
        """Who holds an item."""
        return self.holder[self.first[item] : self.first[item + 1]]

    def evidence(self, revealed: Sequence[int], without: int = -1) -> tuple[Ints, Floats]:
        """Items that holders of the revealed ones hold too, and their figures; ``without`` leaves one person out."""
        groups = [one[one != without] for one in map(self.holders, revealed)]
        people, shared = np.unique(np.concatenate([*groups, np.zeros(0, np.int64)]), return_counts=True)
        size = np.diff(self.start)[people]
        cosine = shared / np.sqrt(np.maximum(size, 1) * max(len(revealed), 1))
        rare = sum((np.isin(people, g) / np.log1p(len(g)) for g in groups if len(g)), np.zeros(len(people)))
        levels = [self._share(people, (shared >= level).astype(float)) for level in _levels(len(revealed))]
        singles = np.sort([self._share(g, np.ones(len(g))) for g in groups if len(g)] or [np.zeros(self.items)], axis=0)
        near = [self._share(people, cosine**4), self._share(people, rare**3)]
        kinds = [*levels, singles[-1], singles.mean(axis=0), singles[0], *near]
        popular = np.diff(self.first) / max(len(self.start) - 1, 1)
        figures = np.column_stack([*kinds, popular, np.full(self.items, float(len(people)))])
        figures[list(revealed), :] = 0.0
        rank = figures[:, -4] + figures[:, 0] + 1e-6 * popular
        rank[list(revealed)] = -1.0
        best = np.argsort(-rank, kind="stable")[: min(CANDIDATES, max(self.items - len(set(revealed)), 0))]
        return best, figures[best]

    def _share(self, people: Ints, strength: Floats) -> Floats:
        at, lengths = spans(self.start, people)
        return np.bincount(self.item[at], np.repeat(strength, lengths), self.items) / max(float(strength.sum()), 1e-9)


def _levels(revealed: int) -> list[int]:
    """Who shares all of them, and who all but one."""
    return [max(revealed, 1), max(revealed - 1, 1)]


@dataclass(frozen=True)
class Completer:
    """Learned from whole histories of which a few accesses are shown at a time."""

    names: list[str]
    number: dict[str, int]
    holdings: Holdings
    ranker: Ranker

    @classmethod
    def learn(cls, access: Sequence[Sequence[str]], reveal: int, seed: int = 0, tell: Tell | None = None) -> Completer:
        """Learn how telling each kind of evidence is, each person judged by the others only."""
        names = sorted({item for one in access for item in one})
        number = {name: at for at, name in enumerate(names)}
        rows = [sorted({number[item] for item in one}) for one in access]
        holdings = Holdings.of(rows, len(names))
        draw = np.random.default_rng(seed)
        asked = [at for at in draw.permutation(len(rows)) if len(rows[at]) > reveal][:MOST_ASKED]
        figures: list[Floats] = []
        truths: list[Truths] = []
        for done, at in enumerate(asked):
            shown = draw.choice(rows[at], reveal, replace=False)
            items, found = holdings.evidence([int(one) for one in shown], without=int(at))
            figures.append(found.astype(np.float32))
            truths.append(np.isin(items, rows[at]))
            if tell:
                tell(done + 1, len(asked) + 1)
        return cls(names, number, holdings, _ranker(figures, truths, seed))

    def complete(self, revealed: Sequence[str]) -> list[tuple[str, float]]:
        """The other items with their scores, best first."""
        if not self.names:
            return []
        known = [self.number[item] for item in revealed if item in self.number]
        items, figures = self.holdings.evidence(known)
        scores = self.ranker.score(figures)
        return [(self.names[items[at]], float(scores[at])) for at in np.argsort(-scores, kind="stable")]


def _ranker(figures: list[Floats], truths: list[Truths], seed: int) -> Ranker:
    if not figures:
        return Constant(0.0)
    x, y = np.concatenate(figures), np.concatenate(truths)
    linear = LinearRanker.learn(x, y, _COLUMNS)
    return Together([linear, BoostedRanker.learn(x, y, seed)]) if can_boost() and len(figures) >= 20 else linear
