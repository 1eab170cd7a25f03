"""What turns the figures of a candidate into one score: a linear one with numpy alone, a boosted one with the extra ``learn``."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.util import find_spec
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from agent_ops.memory.patterns import Floats
from agent_ops.memory.rounding import rounded
from agent_ops.memory.trees import Trees

Truths = NDArray[np.bool_]
DECIDERS = 2


class Ranker(Protocol):
    """Scores between 0 and 1, higher is likelier."""

    def score(self, figures: Floats) -> Floats:
        """One score for each row."""


@dataclass(frozen=True)
class LinearRanker:
    """Rates and votes added up with learned weights, none negative: more evidence never speaks against an item."""

    weights: Floats

    @classmethod
    def learn(cls, figures: Floats, truths: Truths | Floats, columns: int) -> LinearRanker:
        """Non-negative least squares over the first ``columns`` figures, by coordinate descent."""
        x = figures[:, :columns].astype(np.float64)
        gram, aim = x.T @ x, x.T @ truths.astype(np.float64)
        gram += np.eye(columns) * (1e-3 * np.trace(gram) / max(columns, 1) + 1e-9)
        weights = np.zeros(columns)
        for _ in range(300):
            before = weights.copy()
            for at in range(columns):
                weights[at] = max(0.0, weights[at] + (aim[at] - gram[at] @ weights) / gram[at, at])
            if np.abs(weights - before).max(initial=0.0) < 1e-7:
                break
        return cls(weights)

    def score(self, figures: Floats) -> Floats:
        """The weighted sum, kept between 0 and 1."""
        return np.clip(figures[:, : len(self.weights)] @ self.weights, 0.0, 1.0)


@dataclass(frozen=True)
class BoostedRanker:
    """Gradient boosted trees (scikit-learn's HistGradientBoostingClassifier)."""

    model: Any

    @classmethod
    def learn(cls, figures: Floats, truths: Truths, seed: int, weights: Floats | None = None) -> Ranker:
        """Fit, each example counting as many times as it weighs. Of one kind of example only a constant comes back."""
        from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: PLC0415

        if truths.all() or not truths.any():
            return Constant(float(truths.mean()) if len(truths) else 0.0)
        model = HistGradientBoostingClassifier(
            max_iter=100, learning_rate=0.08, max_leaf_nodes=31, min_samples_leaf=_leaf(len(truths)), l2_regularization=20.0,
            max_features=0.3, early_stopping=False, random_state=seed,
        )  # fmt: skip
        return cls(_fitted(model, figures if weights is None else rounded(figures), truths, weights))

    @cached_property
    def _trees(self) -> Trees:
        return Trees.of(self.model)

    def score(self, figures: Floats) -> Floats:
        """The model's probability."""
        from scipy.special import expit  # noqa: PLC0415

        return np.asarray(expit(self._trees.raw(figures)), dtype=np.float64)


def _leaf(rows: int) -> int:
    return int(np.clip(rows // 500, 3, 200))


@dataclass(frozen=True)
class Constant:
    """Says the same of everything."""

    value: float

    def score(self, figures: Floats) -> Floats:
        """The value, for each row."""
        return np.full(len(figures), self.value)


@dataclass(frozen=True)
class Together:
    """The mean of several."""

    rankers: Sequence[Ranker]

    def score(self, figures: Floats) -> Floats:
        """The mean score of each row."""
        return np.mean([one.score(figures) for one in self.rankers], axis=0) if self.rankers else np.zeros(len(figures))


def can_boost() -> bool:
    """Whether the extra ``learn`` is installed."""
    return find_spec("sklearn") is not None


def boosted_deciders(figures: Floats, truths: Truths, seed: int) -> Ranker:
    """Small, strongly regularised trees for yes-or-no decisions, the mean of several seeds: approvals are noisy."""
    from sklearn.ensemble import HistGradientBoostingClassifier  # noqa: PLC0415

    several = [
        HistGradientBoostingClassifier(
            max_iter=200, learning_rate=0.04, max_leaf_nodes=15, min_samples_leaf=30, l2_regularization=10.0,
            max_features=0.2, early_stopping=False, random_state=seed + at,
        )
        for at in range(DECIDERS)
    ]  # fmt: skip
    return Together([BoostedRanker(_fitted(model, figures, truths)) for model in several])


def _fitted(model: Any, figures: Floats, truths: Truths, weights: Floats | None = None) -> Any:
    with _one_thread():
        return model.fit(figures, truths, sample_weight=weights)


def _one_thread() -> AbstractContextManager[Any]:
    """OpenMP's threads wait for each other, for minutes, where processors are shared; one gets on."""
    held: AbstractContextManager[Any] = _pools().limit(limits=1)
    return held


@cache
def _pools() -> Any:
    """The native libraries' threads; found once, as looking for them costs more than a query."""
    import sklearn.ensemble  # noqa: F401, PLC0415 - what is not loaded yet is not found
    from threadpoolctl import ThreadpoolController  # noqa: PLC0415

    return ThreadpoolController()
