"""Which examples a boosted ranker learns from and how much each of them counts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agent_ops.memory.patterns import Floats, Ints
from agent_ops.memory.rankers import Truths

MOST_ROWS = 200_000
"""More examples than this are sampled: learning stays within minutes and a few hundred megabytes."""
TOP = 12
"""So many of each person's candidates are learned from in any case: what a list shows is decided among these."""


@dataclass(frozen=True)
class Sample:
    """The positions of some examples, rising, and of how many each is one: the weights add up to all examples."""

    rows: Ints
    weights: Floats


def telling(truths: Truths, people: Ints, scores: Floats) -> Truths:
    """Which examples tell most: those that are right, and each person's best ``TOP`` by some scores."""
    order = np.lexsort((-scores, people))
    whose = people[order]
    top = np.zeros(len(truths), dtype=bool)
    top[order] = np.arange(len(whose)) - np.searchsorted(whose, whose) < TOP
    return truths | top


def sampled(told: Truths, seed: int, most: int = MOST_ROWS) -> Sample:
    """All that tell and as many others as are affordable; of too many that tell a sample, too, three quarters of the whole."""
    draw, weights = np.random.default_rng(seed), np.zeros(len(told))
    few, rest = np.flatnonzero(told), np.flatnonzero(~told)
    size = min(len(few), max(3 * most // 4, most - len(rest)))
    for among, count in ((few, size), (rest, min(len(rest), most - size))):
        if count:
            weights[draw.choice(among, count, replace=False)] = len(among) / count
    rows = np.flatnonzero(weights)
    return Sample(rows, weights[rows])
