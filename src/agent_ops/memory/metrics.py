"""How good rankings and automatic grants are. Means over people; items never seen in the history count against recall."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

RANKED = 50
"""Ranks beyond this one do not count for the mean average precision."""


def of_ranking(ranked: Sequence[str], held: Collection[str]) -> dict[str, float]:
    """The figures of one person who holds something."""
    hits = np.array([item in held for item in ranked[:RANKED]] + [False] * (RANKED - len(ranked[:RANKED])), dtype=float)
    found = np.cumsum(hits)
    gains = 1 / np.log2(np.arange(2, 12))
    precise = float((hits * found / np.arange(1, RANKED + 1)).sum() / min(len(held), RANKED))
    figures = {f"P@{k}": float(found[k - 1] / k) for k in (1, 5, 10)}
    figures |= {f"R@{k}": float(found[k - 1] / len(held)) for k in (5, 10, 20)}
    return figures | {"mAP": precise, "nDCG@10": float((hits[:10] * gains).sum() / gains[: min(len(held), 10)].sum())}


def r_precision(ranked: Sequence[str], held: Collection[str]) -> float:
    """The share of hits among as many ranks as there is something to find."""
    return sum(item in held for item in ranked[: len(held)]) / len(held)


def area(scores: Sequence[float], truths: Sequence[bool]) -> float:
    """The area under the ROC curve, ties counted half; nan when all truths are the same."""
    values, truth = np.asarray(scores, dtype=float), np.asarray(truths, dtype=bool)
    yes, no = int(truth.sum()), int((~truth).sum())
    if not yes or not no:
        return float("nan")
    _, back, sizes = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(sizes) - (sizes - 1) / 2)[back]
    return float((ranks[truth].sum() - yes * (yes + 1) / 2) / (yes * no))


def interval(values: Sequence[float], seed: int = 0, rounds: int = 400) -> tuple[float, float]:
    """A 95 % interval of a mean over people, by the bootstrap."""
    data = np.asarray(values, dtype=float)
    if not len(data):
        return float("nan"), float("nan")
    draw = np.random.default_rng(seed)
    means = [data[draw.integers(0, len(data), len(data))].mean() for _ in range(rounds)]
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)
