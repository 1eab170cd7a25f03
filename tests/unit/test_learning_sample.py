"""What boosted rankers learn from: the examples that tell most, and figures of few values, without a bent view of the whole."""

from __future__ import annotations

import numpy as np
import pytest

from agent_ops.memory import recommender
from agent_ops.memory.patterns import Floats
from agent_ops.memory.rankers import BoostedRanker, Constant, Ranker, Truths
from agent_ops.memory.rounding import VALUES, rounded
from agent_ops.memory.sampling import TOP, Sample, sampled, telling
from tests.unit.test_recommender import company


def examples(people: int, each: int = 100, seed: int = 0) -> tuple[Floats, Truths]:
    """Candidates of people, ``each`` of everybody, right with a probability that the first figure tells."""
    draw = np.random.default_rng(seed)
    figures = draw.gamma(0.5, size=(people * each, 4)).astype(np.float32)
    return figures, draw.random(people * each) < 1 / (1 + np.exp(4 - 1.5 * figures[:, 0]))


@pytest.mark.parametrize("most", [100, 3_000, 9_000, 20_000])
def test_weights_add_up_to_the_whole_of_either_kind(most: int) -> None:
    told = np.random.default_rng(1).random(10_000) < 0.2
    sample = sampled(told, 0, most)
    mine = told[sample.rows]
    assert len(sample.rows) == min(most, 10_000)
    assert np.all(np.diff(sample.rows) > 0)
    assert sample.weights[mine].sum() == pytest.approx(told.sum())
    assert sample.weights[~mine].sum() == pytest.approx((~told).sum())
    assert (sample.weights >= 1).all()


def test_all_that_tells_is_learned_from_and_counts_once() -> None:
    told = np.random.default_rng(2).random(10_000) < 0.2
    sample = sampled(told, 0, 4_000)
    assert set(np.flatnonzero(told)) <= set(sample.rows)
    assert (sample.weights[told[sample.rows]] == 1).all()
    assert len({tuple(sampled(told, seed, 4_000).rows) for seed in range(3)}) == 3, "the others by chance"


def test_what_tells_is_what_is_right_and_the_top_of_each_list() -> None:
    draw = np.random.default_rng(3)
    people, scores, truths = draw.permutation(np.repeat(np.arange(30), 40)), draw.random(1200), draw.random(1200) < 0.05
    told = telling(truths, people, scores)
    for person in range(30):
        mine = np.flatnonzero(people == person)
        top = set(mine[np.argsort(-scores[mine])][:TOP])
        assert set(mine[told[mine]]) == top | set(mine[truths[mine]])
    assert telling(truths[:5], np.zeros(5, dtype=np.int64), scores[:5]).all(), "a short list tells as a whole"


def test_rounding_leaves_few_values_and_turns_no_order_round() -> None:
    draw = np.random.default_rng(4)
    raw = np.column_stack(
        [draw.normal(size=5000), draw.integers(0, 9, 5000) * 0.5, np.where(draw.random(5000) < 0.9, 0, draw.random(5000))]
    )
    found = rounded(raw.astype(np.float32))
    for before, after in zip(raw.astype(np.float32).T, found.T, strict=True):
        values = np.unique(after)
        assert len(values) <= VALUES
        assert set(values) <= set(before)
        assert (np.diff(after[np.argsort(before)]) >= 0).all()
        assert (np.abs(after - before) <= np.abs(before[:, None] - values).min(axis=1)).all(), "drawn to the nearest"
    assert (found[:, 1] == raw[:, 1]).all(), "of few values none changes"
    assert len(np.unique(found[:, 0])) > VALUES - 5


def test_trees_say_of_a_raw_value_what_they_say_of_the_rounded_one() -> None:
    pytest.importorskip("sklearn")
    figures, truths = examples(100)
    ranker = BoostedRanker.learn(figures, truths, 0, np.ones(len(truths)))
    assert ranker.score(figures).tolist() == ranker.score(rounded(figures)).tolist()


def test_learned_from_a_weighed_sample_the_odds_are_those_of_everything() -> None:
    pytest.importorskip("sklearn")
    figures, truths = examples(600)
    asked, _ = examples(200, seed=9)
    people = np.repeat(np.arange(600), 100)
    sample = sampled(telling(truths, people, figures[:, 0].astype(float)), 0, 20_000)
    assert truths[sample.rows].mean() > 2 * truths.mean(), "without weights the odds would be others"
    whole = BoostedRanker.learn(figures, truths, 0).score(asked)
    part = BoostedRanker.learn(figures[sample.rows], truths[sample.rows], 0, sample.weights).score(asked)
    assert part.mean() == pytest.approx(whole.mean(), rel=0.03)
    for low, high in ((0, 0.05), (0.05, 0.2), (0.2, 0.5), (0.5, 1.0)):
        mine = (whole >= low) & (whole < high)
        assert mine.sum() > 100
        assert part[mine].mean() == pytest.approx(whole[mine].mean(), rel=0.1), f"from {low}"


def test_of_more_than_it_can_learn_from_the_recommender_takes_all_that_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    def learned(most: int) -> tuple[int, int, float]:
        """How many examples the last ranker got, how many of them right, and how many they stand for."""
        got = list[tuple[int, int, float]]()

        def few(told: Truths, seed: int) -> Sample:
            return sampled(told, seed, most)

        def noted(figures: Floats, truths: Truths, seed: int, weights: Floats) -> Ranker:
            got.append((len(figures), int(truths.sum()), float(weights.sum())))
            return Constant(0.5)

        monkeypatch.setattr(recommender, "sampled", few)
        monkeypatch.setattr(BoostedRanker, "learn", noted)
        recommender.Recommender.learn(company(300), boosted=True)
        return got[-1]

    whole, right, weight = learned(10**6)
    assert weight == whole > 4_900
    assert learned(4_900) == (4_900, right, pytest.approx(whole))
