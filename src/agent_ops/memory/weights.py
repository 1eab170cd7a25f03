"""How much agreeing in each attribute says about holding the same: learned from pairs of patterns of the history."""

from __future__ import annotations

import numpy as np

from agent_ops.memory.neighbours import Neighbours
from agent_ops.memory.patterns import Floats, Ints, Patterns
from agent_ops.memory.rankers import LinearRanker

ASKED, NEAR = 400, 60
LEAST = 0.02
"""No attribute is worth nothing: it still orders patterns that agree in all the others."""


def learn_weights(patterns: Patterns, seed: int) -> Floats:
    """One weight for each field, 1 on average: the likeness of two people's items, explained by the fields they agree in.

    The pairs are people and those near to them when every field counts the same, and as many drawn by chance.
    """
    size = len(patterns)
    if size < 20:
        return np.ones(len(patterns.codes))
    draw = np.random.default_rng(seed)
    plain = Neighbours.of(patterns)
    figures, likeness = [], []
    for row in draw.permutation(size)[:ASKED]:
        near, _ = plain.search(patterns.codes, int(row), NEAR)
        others = np.unique(np.concatenate([near, draw.integers(0, size, NEAR)]))
        others = others[others != row]
        figures.append(_agreement(patterns, plain, int(row), others))
        likeness.append(_likeness(patterns, int(row), others))
    learned = LinearRanker.learn(np.concatenate(figures), np.concatenate(likeness), len(patterns.codes)).weights
    return np.maximum(learned / max(float(learned.mean()), 1e-12), LEAST)


def _agreement(patterns: Patterns, plain: Neighbours, row: int, others: Ints) -> Floats:
    """For each other pattern and field: what the codes that both have are worth."""
    columns = []
    for field, codes in zip(plain.fields, patterns.codes, strict=True):
        theirs, mine = codes[others], codes[row][codes[row] >= 0]
        columns.append(np.where(np.isin(theirs, mine), field.worth[np.maximum(theirs, 0)], 0.0).sum(axis=1))
    return np.column_stack(columns)


def _likeness(patterns: Patterns, row: int, others: Ints) -> Floats:
    """The cosine of two patterns' items."""
    mine = patterns.item[patterns.start[row] : patterns.start[row + 1]]
    there = patterns.take(others)
    shared = np.bincount(there.owners(), np.isin(there.item, mine), len(others))
    norm = np.sqrt(np.maximum(np.diff(there.start) * max(len(mine), 1), 1))
    return np.asarray(shared / norm, dtype=np.float64)
