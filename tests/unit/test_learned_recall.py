"""Recall heeds what attributes are worth, and lets a value stand for one that nobody ever had; neither gives anybody anything."""

from __future__ import annotations

import pytest

from agent_ops.domain.pattern import PatternChanges
from agent_ops.memory.alike import most_alike
from agent_ops.memory.attribute_weights import AttributeWeights
from agent_ops.memory.cohort_rates import likely, nearest
from agent_ops.memory.outliers import rare
from agent_ops.memory.pattern_index import PatternIndex
from tests.unit.test_pattern_index import DATA, index_of, pattern

ENGINEER = {"team": "Data engineer", "level": "L2", "location": "Pune"}
NEW = {**ENGINEER, "team": "Data engineer II"}


def weighed(index: PatternIndex, **worth: float) -> PatternIndex:
    index.weights = AttributeWeights({"team": 1.0, "level": 1.0, "location": 1.0, **worth}, 20, 1)
    return index


def two_ways() -> PatternIndex:
    """Of Data L2 in Pune there are too few; at L2 they hold a database, in Pune a desk, everybody the wiki."""
    held = [("L2", "Goa", "database"), ("L3", "Pune", "desk")]
    many = [pattern(n, 20, {item: 20, "wiki": 20}, team="Data", level=a, location=b) for n, (a, b, item) in enumerate(held, 1)]
    return index_of(*many)


def test_what_is_worth_more_comes_nearer() -> None:
    index = two_ways()
    assert [one.id for one, _ in weighed(index, level=2.0).nearest(DATA, 2)] == [1, 2]
    assert [one.id for one, _ in weighed(index, location=2.0).nearest(DATA, 2)] == [2, 1]
    assert "Data L3 in Pune" in nearest(index, DATA)[0]


def test_the_cohort_of_the_attribute_that_says_more_speaks_and_only_what_both_say_can_be_given_unasked() -> None:
    index = two_ways()
    by_level = {one.item: one for one in likely(weighed(index, level=2.0), DATA)}
    by_place = {one.item: one for one in likely(weighed(index, location=2.0), DATA)}
    assert (set(by_level), set(by_place)) == ({"database", "wiki"}, {"desk", "wiki"})
    assert (by_level["database"].unaided, by_place["desk"].unaided) == (0.0, 0.0)
    assert by_level["wiki"].unaided == by_place["wiki"].unaided > 0.8
    held_by_few = rare(weighed(index, location=2.0), DATA, {"database"}, None)
    assert "Data in Pune" in held_by_few[0].reason


def test_a_profile_repeated_a_thousandfold_makes_no_value_common() -> None:
    patterns = [pattern(n, 20, {}, team="Data", level=f"L{n}", location=f"city {n}") for n in range(9)]
    asked = {"team": "Data", "level": "L8", "location": "Oslo"}
    before = index_of(*patterns, pattern(10, 20, {}, team="Sales", level="L1", location="Rome")).nearest(asked, 1)
    after = index_of(*patterns, pattern(10, 20_000, {}, team="Sales", level="L1", location="Rome")).nearest(asked, 1)
    assert before == after


def test_for_a_title_never_seen_the_one_most_like_it_speaks_said_so_and_less_sure() -> None:
    index = index_of(
        pattern(1, 30, {"database": 30}, **ENGINEER), pattern(2, 30, {"crm": 30}, team="Sales", level="L2", location="Pune")
    )
    (known,), (new,) = likely(index, ENGINEER), likely(index, NEW)
    assert new.reason == (
        "30 of 30 people of Data engineer L2 in Pune have it, as Data engineer II was never seen: like Data engineer"
    )
    assert 0.5 <= new.at_least < known.at_least
    assert new.share < known.share
    assert (known.unaided, new.unaided) == (known.at_least, 0.0), "never sure enough to be given unasked"
    assert [one.id for one, _ in index.nearest(NEW, 1)] == [1]
    assert index.nearest(NEW, 1)[0][1] < index.nearest(ENGINEER, 1)[0][1]
    assert rare(index, NEW, {"root"}, None) == [], "nobody stands out from people of another title"


def test_a_value_that_was_seen_needs_no_stand_in_and_one_that_is_gone_is_none() -> None:
    index = index_of(pattern(1, 30, {"database": 30}, **ENGINEER), pattern(2, 1, {"root": 1}, **NEW))
    assert likely(index, NEW) == [], "of one person nothing is said, nor of others in their place"
    index.refresh(PatternChanges(2, gone=(1, 2)))
    assert likely(index, NEW) == []
    assert index.nearest(NEW, 3) == []
    index.refresh(PatternChanges(3, (pattern(3, 30, {"database": 30}, **ENGINEER),)))
    assert [one.item for one in likely(index, NEW)] == ["database"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Data engineer II", "Data engineer"),
        ("data Engineer", "Data engineer"),
        ("Senior level 5", None),
        ("L5", None),
        ("Sales", None),
        ("", None),
    ],
)
def test_values_are_alike_by_how_they_are_written_and_never_when_their_numbers_differ(text: str, found: str | None) -> None:
    near = most_alike(text, ["L4", "Senior level 4", "Data engineer", "Data engineering lead", "Salary"])
    assert (near and near[0]) == found
