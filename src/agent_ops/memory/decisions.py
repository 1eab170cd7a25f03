"""Will a request be approved: a probability for a profile that was never seen, learned from past decisions.

Rates of approval by attribute, and by pairs and triples of attributes and the item, each counted on other people than the one
judged: a rate that a request itself went into tells its outcome (the leak that data of this kind is known for).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from agent_ops.memory.patterns import Floats, Ints
from agent_ops.memory.rankers import Ranker, Together, Truths, boosted_deciders, can_boost

FOLDS = 5
PAIRED = 8
DOUBT = 3.0
Row = Mapping[str, str]


@dataclass(frozen=True)
class Rates:
    """How many requests agreed in some columns, and which share of them was approved."""

    keys: dict[int, int]
    asked: Floats
    approved: Floats

    @classmethod
    def of(cls, codes: Ints, truths: Floats) -> Rates:
        """Count."""
        keys, back = np.unique(codes, return_inverse=True)
        return cls(
            {int(key): at for at, key in enumerate(keys)},
            np.bincount(back).astype(float),
            np.bincount(back, truths).astype(float),
        )

    def of_rows(self, codes: Ints, prior: float) -> tuple[Floats, Floats]:
        """For each row the rate, drawn to the prior, and the logarithm of how many it rests on."""
        at = np.array([self.keys.get(int(code), -1) for code in codes], dtype=np.int64)
        asked = np.where(at >= 0, self.asked[at], 0.0)
        approved = np.where(at >= 0, self.approved[at], 0.0)
        return (approved + DOUBT * prior) / (asked + DOUBT), np.log1p(asked)


@dataclass
class Decider:
    """Approval rates of a history and what was learned to weigh them."""

    columns: list[str]
    codes: list[dict[str, int]] = field(default_factory=list)
    sets: list[tuple[int, ...]] = field(default_factory=list)
    rates: list[Rates] = field(default_factory=list)
    prior: float = 0.5
    ranker: Ranker = field(default_factory=lambda: Together([]))

    @classmethod
    def learn(
        cls, rows: Sequence[Row], truths: Sequence[bool], item: str, seed: int = 0, tell: Callable[[int, int], None] | None = None
    ) -> Decider:
        """Learn from decided requests; ``item`` names the column of what was asked for, the others describe who asked."""
        columns = [item, *sorted({name for row in rows for name in row} - {item})]
        self = cls(columns, [{} for _ in columns])
        table = np.array([self._code(row, learn=True) for row in rows], dtype=np.int64).reshape(len(rows), len(columns))
        truth = np.asarray(truths, dtype=float)
        self.prior = float(truth.mean()) if len(truth) else 0.5
        self.sets = _sets(table)
        people = np.unique(table[:, 1:], axis=0, return_inverse=True)[1].ravel() if len(rows) else np.zeros(0, np.int64)
        draw = np.random.default_rng(seed)
        folds = draw.integers(0, FOLDS, int(people.max(initial=-1)) + 1)[people]
        figures = np.zeros((len(rows), 2 * len(self.sets)))
        for fold in range(FOLDS):
            figures[folds == fold] = self._figures(self._count(table[folds != fold], truth[folds != fold]), table[folds == fold])
            if tell:
                tell(fold + 1, FOLDS + 1)
        self.rates = self._count(table, truth)
        self.ranker = self._weigh(figures, truth > 0, seed)
        return self

    def probabilities(self, rows: Sequence[Row]) -> Floats:
        """The probability of approval of each request."""
        table = np.array([self._code(row) for row in rows], dtype=np.int64).reshape(len(rows), len(self.columns))
        return self.ranker.score(self._figures(self.rates, table))

    def _weigh(self, figures: Floats, truths: Truths, seed: int) -> Ranker:
        if can_boost() and truths.any() and not truths.all():
            return boosted_deciders(figures, truths, seed)
        return MeanRate()

    def _code(self, row: Row, learn: bool = False) -> list[int]:
        if learn:
            return [known.setdefault(row.get(name, ""), len(known)) for name, known in zip(self.columns, self.codes, strict=True)]
        return [known.get(row.get(name, ""), -1) for name, known in zip(self.columns, self.codes, strict=True)]

    def _count(self, table: Ints, truths: Floats) -> list[Rates]:
        return [Rates.of(_combined(table, columns), truths) for columns in self.sets]

    def _figures(self, rates: list[Rates], table: Ints) -> Floats:
        pairs = [one.of_rows(_combined(table, columns), self.prior) for one, columns in zip(rates, self.sets, strict=True)]
        return np.column_stack([column for pair in pairs for column in pair]) if pairs else np.zeros((len(table), 0))


@dataclass(frozen=True)
class MeanRate:
    """Without the extra ``learn``: the mean of the rates' logarithmic odds, the better founded ones counting more."""

    def score(self, figures: Floats) -> Floats:
        """A probability for each row."""
        rates, weights = np.clip(figures[:, ::2], 1e-3, 1 - 1e-3), 0.1 + figures[:, 1::2]
        odds = (np.log(rates / (1 - rates)) * weights).sum(axis=1) / weights.sum(axis=1)
        return np.asarray(1 / (1 + np.exp(-odds)), dtype=np.float64)


def _sets(table: Ints) -> list[tuple[int, ...]]:
    """Each column; pairs and triples of those that split requests differently."""
    columns = range(table.shape[1])
    kept: list[int] = []
    sizes = {at: len(np.unique(table[:, at])) for at in columns}
    for at in columns:
        same = (len(np.unique(_combined(table, (at, other)))) == sizes[at] == sizes[other] for other in kept)
        if sizes[at] > 1 and not any(same):
            kept.append(at)
    kept = kept[:PAIRED]
    return [(at,) for at in columns] + [each for size in (2, 3) for each in combinations(kept, size)]


def _combined(table: Ints, columns: tuple[int, ...]) -> Ints:
    """One number for the values in these columns; -1 when one is unknown."""
    out = table[:, columns[0]]
    for at in columns[1:]:
        out = np.where((out < 0) | (table[:, at] < 0), -1, out * 1_000_003 + table[:, at])
    return out
