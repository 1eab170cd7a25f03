"""The index of patterns: the same after any changes as when read afresh; searched exactly; sure only of what many hold."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_ops.domain.errors import InvalidRequest
from agent_ops.domain.pattern import ATTRIBUTES, Pattern, PatternChanges
from agent_ops.memory.cohort_rates import FEWEST, likely, lower_bound
from agent_ops.memory.pattern_index import NOBODY, PatternIndex
from agent_ops.memory.vector_store import parsed

DATA = {"team": "Data", "level": "L2", "location": "Pune"}


def index_of(*patterns: Pattern) -> PatternIndex:
    index = PatternIndex()
    index.refresh(PatternChanges(1, patterns))
    return index


def pattern(number: int, people: int, items: dict[str, int], **profile: str) -> Pattern:
    return Pattern(number, profile, people, items, "2026-01-01")


values = st.sampled_from(["", "a", "b"])
profiles = st.fixed_dictionaries(dict.fromkeys(ATTRIBUTES, values)).map(lambda p: {k: v for k, v in p.items() if v})
HELD = st.dictionaries(st.sampled_from("xyz"), st.integers(1, 9))
patterns = st.builds(
    Pattern,
    st.integers(1, 6),
    profiles,
    st.integers(1, 9),
    st.dictionaries(st.sampled_from("xyz"), st.integers(1, 9)),
    st.just(""),
)
steps = st.lists(st.tuples(st.lists(patterns, unique_by=lambda p: p.id), st.sets(st.integers(1, 6))), max_size=6)


@given(steps)
def test_an_index_that_followed_every_change_is_like_one_read_afresh(steps: list[tuple[list[Pattern], set[int]]]) -> None:
    index, truth = PatternIndex(), dict[int, Pattern]()
    for changed, gone in steps:
        gone -= {p.id for p in changed}
        index.refresh(PatternChanges(1, tuple(changed), tuple(gone)))
        truth = {k: v for k, v in truth.items() if k not in gone} | {p.id: p for p in changed}
    fresh = index_of(*truth.values())
    assert len(index) == len(truth)
    for wanted in [{}, {"team": "a"}, {"team": "a", "level": "b"}, {"team": "b", "location": "a"}]:
        having = [p for p in truth.values() if wanted.items() <= p.profile.items()]
        assert index.cohort(wanted) == fresh.cohort(wanted)
        assert index.cohort(wanted).people == sum(p.people for p in having)
    asked = {"team": "a", "level": "b"}
    sure = {(near, p.id) for p, near in index.nearest(asked, 9)}
    assert sure == {(near, p.id) for p, near in fresh.nearest(asked, 9)}
    assert {p for _, p in sure} == {p.id for p in truth.values() if asked.items() & p.profile.items()}


def test_reasons_are_in_words_and_the_narrowest_cohort_of_enough_people_speaks() -> None:
    elsewhere = pattern(2, 3, {"github": 3}, team="Data", level="L3", location="Goa")
    index = index_of(pattern(1, 10, {"database": 10}, **DATA), elsewhere)
    (one,) = likely(index, DATA)
    assert str(one) == "database: 10 of 10 people of Data L2 in Pune have it (probability 0.83, at least 0.79)"
    (wider,) = likely(index, {"team": "Data", "level": "L9", "location": "Oslo"})
    assert (wider.holders, wider.people, dict(wider.cohort)) == (10, 13, {"team": "Data"})


def test_probabilities_are_calibrated_and_lower_bounds_hold_on_people_who_come_later() -> None:
    """Cohorts of every size and rate: the share promised is the share found; the bound is broken about as seldom as it says."""
    draw = Random(7)
    promised, found, broken, said = 0.0, 0.0, 0, 0
    for _ in range(4000):
        rate, people = draw.random(), draw.randint(FEWEST, 40)
        held = sum(draw.random() < rate for _ in range(people))
        for one in likely(index_of(pattern(1, people, {"database": held} if held else {}, **DATA)), DATA):
            promised, found, said = promised + one.share, found + rate, said + 1
            broken += rate < one.at_least
    assert said > 1000
    assert promised / said == pytest.approx(found / said, abs=0.05)
    assert promised <= found, "when in doubt, too low"
    assert broken / said < 0.07


def test_memory_abstains_when_it_knows_too_few_or_is_unsure() -> None:
    assert likely(PatternIndex(), DATA) == []
    assert likely(index_of(pattern(1, FEWEST - 1, {"database": FEWEST - 1}, **DATA)), DATA) == []
    assert likely(index_of(pattern(1, 10, {"database": 5}, **DATA)), DATA) == []
    assert likely(index_of(pattern(1, 10, {"database": 10}, **DATA)), {"team": "Sales", "level": "L2", "location": "Pune"}) == []


@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_lower_bound_lies_below_the_share_and_rises_with_people(held: tuple[int, int]) -> None:
    holders, people = held
    assert 0 <= lower_bound(holders, people) <= holders / people + 1e-12
    assert lower_bound(10 * holders, 10 * people) >= lower_bound(holders, people) - 1e-12


def test_one_profile_a_thousandfold_and_planted_people_move_nobody_elses_cohort() -> None:
    """A cohort hears only of its own people; when nobody like the asked one is known, nothing is said."""
    honest = pattern(1, 10, {"database": 9}, **DATA)
    planted = pattern(2, 1000, {"database": 1000, "root": 1000}, team="Data", level="L1", location="Goa")
    assert [(o.item, o.holders, o.people) for o in likely(index_of(honest, planted), DATA)] == [("database", 9, 10)]


def test_nearest_is_exact_and_a_rare_value_counts_more() -> None:
    rare = pattern(1, 1, {}, team="Data", level="L1", location="Pune")
    common = [pattern(n, 50, {}, team="Sales", level="L2", location=f"city {n}") for n in range(2, 30)]
    found = index_of(rare, *common).nearest({"team": "Data", "level": "L2"}, 3)
    assert next(p.id for p, _ in found) == 1
    assert len(found) == 3
    assert index_of(rare).nearest({"team": "nobody's"}, 3) == []
    assert index_of(rare).cohort({"team": "nobody's"}) is NOBODY


@pytest.mark.parametrize("text", ["", "team", "team=", "name=Ana", "team=Data, salary=9"])
def test_a_query_that_is_no_profile_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        parsed(text)
    assert parsed("team = Data,\nlevel=L2") == {"team": "Data", "level": "L2"}
