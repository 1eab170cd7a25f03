"""Figures drawn to a few values each, which is all that boosted trees tell apart."""

from __future__ import annotations

import numpy as np

from agent_ops.memory.patterns import Floats

VALUES = 255
"""As many as scikit-learn has bins."""


def rounded(figures: Floats) -> Floats:
    """Each column drawn to the nearest of at most ``VALUES`` of its values, those at equal steps of rank when it has more.

    Given weights, scikit-learn looks for the bins of a column of more values one by one, which takes longer than the trees; of no
    more it takes the middles. Here values part at the same middles, so trees say of a raw value what they say of the rounded one.
    """
    out = np.empty(figures.shape, dtype=figures.dtype, order="F")
    for at, column in enumerate(figures.T):
        few = np.unique(ordered := np.sort(column))
        if len(few) > VALUES:
            few = np.unique(ordered[np.linspace(0, len(ordered) - 1, VALUES).astype(np.int64)])
        middles = (few[1:].astype(np.float64) + few[:-1]) / 2
        out[:, at] = few[np.searchsorted(middles, column)]
    return out
