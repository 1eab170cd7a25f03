"""Kernel ridge regression among the nearest: what a rule of two attributes gives, when no cohort was large enough to show it.

https://en.wikipedia.org/wiki/Kernel_method, https://scikit-learn.org/stable/modules/kernel_ridge.html
"""

from __future__ import annotations

import numpy as np

from agent_ops.memory.conjugate import solved
from agent_ops.memory.patterns import Floats, Ints, Patterns
from agent_ops.memory.profiles import Codes

_DAMPING = 0.1
"""For a pattern of one person; of more people it is less. Light, where ``Neighbours.unrepeated`` is heavily damped."""
_ROUNDS = 40


def ridge_voices(patterns: Patterns, near: Ints, codes: list[Codes], row: int) -> Floats:
    """How loud each of these patterns is about the row, some of them negative, per share of its people who hold an item.

    The kernel is quadratic in how many attributes agree, so that pairs of attributes count. Words of attributes are left out.
    """
    fields = [at for at, one in enumerate(patterns.codes) if one.shape[1] == 1]
    theirs = np.column_stack([patterns.codes[at][near, 0] for at in fields] or [np.zeros((len(near), 0))])
    mine = np.array([[codes[at][row, 0] for at in fields]])
    kernel, damping = _kernel(theirs, theirs), _DAMPING / np.maximum(patterns.weight[near], 1e-9)
    return solved(lambda way: np.einsum("ij,j->i", kernel, way) + damping * way, _kernel(theirs, mine)[:, 0], _ROUNDS)


def _kernel(one: Ints, other: Ints) -> Floats:
    agree = np.zeros((len(one), len(other)), dtype=np.uint16)
    for mine, theirs in zip(one.T, other.T, strict=True):
        agree += (mine[:, None] == theirs) & (mine >= 0)[:, None]
    return np.asarray(((1.0 + agree) / (1 + one.shape[1])) ** 2, dtype=np.float64)
