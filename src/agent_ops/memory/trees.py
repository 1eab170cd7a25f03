"""Boosted trees, all of them walked at once: one call for each tree costs more than a query's few candidates do.

After QuickScorer (Lucchese et al., SIGIR 2015, https://doi.org/10.1145/2766462.2767733): an inner node at which a row goes right
rules out the leaves below its left child; of a tree's leaves that no node rules out, the first is the row's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent_ops.memory.patterns import Floats, Ints

MOST_LEAVES = 32
"""A tree's leaves are the bits of one number."""
AT_ONCE = 128
"""So many rows are walked together: what is computed in between stays in a processor's cache."""


@dataclass(frozen=True)
class Trees:
    """The trees of a model, a column for each, with a row for each inner node; what a tree lacks rules nothing out.

    Args:
        columns: the figure that the node asks.
        limits: the most with which one goes left.
        ruled_out: the leaves to which one who goes right does not come any more, as bits.
        values: what the leaves say, ``MOST_LEAVES`` for each tree.
        base: what is said in any case.
    """

    columns: Ints
    limits: Floats
    ruled_out: NDArray[np.uint32]
    values: Floats
    base: float

    @classmethod
    def of(cls, model: Any) -> Trees:
        """Read a fitted HistGradientBoostingClassifier of two classes, whose trees it keeps in a private attribute.

        Raises:
            ValueError: a tree has more than ``MOST_LEAVES`` leaves.
        """
        trees = [step[0].nodes for step in model._predictors]
        inner = max(1, *(int((tree["is_leaf"] == 0).sum()) for tree in trees))
        if inner >= MOST_LEAVES:
            raise ValueError(f"a tree has {inner + 1} leaves, more than the {MOST_LEAVES} bits of a number")
        columns = np.zeros((inner, len(trees)), dtype=np.int64)
        limits = np.full((inner, len(trees)), np.inf)
        ruled_out = np.zeros((inner, len(trees)), dtype=np.uint32)
        values = np.zeros((len(trees), MOST_LEAVES))
        for at, tree in enumerate(trees):
            nodes, leaves = list[tuple[int, int]](), list[int]()
            _in_order(tree, 0, nodes, leaves)
            values[at, : len(leaves)] = tree["value"][leaves]
            for place, (node, bits) in enumerate(nodes):
                columns[place, at], limits[place, at] = tree["feature_idx"][node], tree["num_threshold"][node]
                ruled_out[place, at] = bits
        return cls(columns, limits, ruled_out, values.ravel(), float(model._baseline_prediction.item()))

    def raw(self, figures: Floats) -> Floats:
        """What the trees say of each row, added up: the logarithm of its odds. No figure may be missing (NaN)."""
        out = np.empty(len(figures))
        for at in range(0, len(figures), AT_ONCE):
            out[at : at + AT_ONCE] = self._part(figures[at : at + AT_ONCE])
        return out

    def _part(self, figures: Floats) -> Floats:
        right = np.ascontiguousarray(figures.T, dtype=np.float64).take(self.columns, axis=0) > self.limits[:, :, None]
        gone = np.bitwise_or.reduce(right * self.ruled_out[:, :, None], axis=0)
        first = np.arange(0, len(self.values), MOST_LEAVES)[:, None]
        said = self.values.take(first + _lowest_bit(~gone))
        said[0] += self.base
        return np.asarray(said.cumsum(axis=0)[-1], dtype=np.float64)  # tree after tree: the order of a sum depends on the rows


def _in_order(tree: Any, node: int, nodes: list[tuple[int, int]], leaves: list[int]) -> None:
    """Collect the leaves from left to right, and the inner nodes, each with the leaves below its left child as bits."""
    if tree["is_leaf"][node]:
        leaves.append(node)
        return
    first = len(leaves)
    _in_order(tree, int(tree["left"][node]), nodes, leaves)
    nodes.append((node, (1 << len(leaves)) - (1 << first)))
    _in_order(tree, int(tree["right"][node]), nodes, leaves)


def _lowest_bit(numbers: NDArray[np.uint32]) -> Ints:
    """The place of the lowest bit that is set in each number, by the exponent that it has as a floating-point number."""
    alone = (numbers & (~numbers + np.uint32(1))).astype(np.float32)
    exponents: Ints = (alone.view(np.uint32) >> np.uint32(23)).astype(np.int64)
    return exponents - 127
