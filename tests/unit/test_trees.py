"""All trees at once say exactly what scikit-learn's own walk says, tree by tree."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_ops.memory.patterns import Floats
from agent_ops.memory.rankers import BoostedRanker
from agent_ops.memory.trees import AT_ONCE, MOST_LEAVES, Trees

ensemble = pytest.importorskip("sklearn.ensemble")


def figures(draw: np.random.Generator, rows: int, columns: int, kind: type[np.floating]) -> Floats:
    """Rates, counts and columns of one value, many of them equal, as evidence has them."""
    drawn = np.column_stack([draw.random(rows), np.round(draw.random(rows), 1), draw.integers(0, 3, rows), np.ones(rows)])
    return np.asarray(drawn[:, draw.integers(0, 4, columns)], dtype=kind)


@settings(max_examples=25)
@given(
    seed=st.integers(0, 2**32 - 1),
    rows=st.integers(30, 200),
    columns=st.integers(1, 9),
    leaves=st.integers(2, MOST_LEAVES),
    trees=st.sampled_from([1, 3, 40]),
    kind=st.sampled_from([np.float32, np.float64]),
)
def test_bit_by_bit(seed: int, rows: int, columns: int, leaves: int, trees: int, kind: type[np.floating]) -> None:
    draw = np.random.default_rng(seed)
    known, asked = figures(draw, rows, columns, kind), figures(draw, 2 * AT_ONCE + 3, columns, kind)
    truths = draw.random(rows) < 0.3 + 0.4 * known[:, 0]
    truths[:2] = (True, False)
    model = ensemble.HistGradientBoostingClassifier(
        max_iter=trees, max_leaf_nodes=leaves, min_samples_leaf=1, early_stopping=False, random_state=0
    )
    model.fit(known, truths)
    limits = [float(at) for step in model._predictors for at in step[0].nodes["num_threshold"]]
    asked[: len(limits), 0] = limits[: len(asked)]  # exactly at a limit one goes left
    ranker = BoostedRanker(model)
    assert ranker.score(asked).tolist() == model.predict_proba(asked)[:, 1].tolist()
    assert ranker.score(asked[:1]).tolist() == ranker.score(asked)[:1].tolist()
    assert ranker.score(asked[:0]).tolist() == []


def test_every_leaf_of_the_largest_tree_can_be_reached() -> None:
    asked = np.arange(MOST_LEAVES, dtype=np.float64)[:, None]
    truths = np.arange(MOST_LEAVES) % 2 == 0
    model = ensemble.HistGradientBoostingClassifier(
        max_iter=1, max_leaf_nodes=MOST_LEAVES, min_samples_leaf=1, early_stopping=False, random_state=0
    )
    model.fit(asked, truths)
    assert model._predictors[0][0].get_n_leaf_nodes() == MOST_LEAVES
    assert (BoostedRanker(model).score(asked) == model.predict_proba(asked)[:, 1]).all()


def test_trees_of_more_leaves_than_bits_are_refused() -> None:
    asked = np.arange(MOST_LEAVES + 1, dtype=np.float64)[:, None]
    truths = np.arange(MOST_LEAVES + 1) % 2 == 0
    model = ensemble.HistGradientBoostingClassifier(max_iter=1, max_leaf_nodes=None, min_samples_leaf=1, early_stopping=False)
    model.fit(asked, truths)
    with pytest.raises(ValueError, match="leaves"):
        Trees.of(model)
