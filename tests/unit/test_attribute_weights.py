"""What agreeing in an attribute is worth: found where it is, 1 where nothing is, and bent by no one requester."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest

from agent_ops.domain.pattern import ATTRIBUTES, Pattern, Source
from agent_ops.memory.attribute_weights import FEWEST_PATTERNS, AttributeWeights, learn

SIZES = {"team": 10, "level": 4, "location": 6}


def company(patterns: int, telling: Sequence[str], seed: int = 1, start: int = 0, people: int = 6) -> list[Pattern]:
    """Whose telling attributes each give three items of their own, to nine of ten; everybody may have two more."""
    draw = Random(seed)
    places = [(t, w, p) for t in range(SIZES["team"]) for w in range(SIZES["level"]) for p in range(SIZES["location"])]
    found = []
    for number, values in enumerate(draw.sample(places, patterns)):
        profile = {attribute: f"{attribute} {value}" for attribute, value in zip(ATTRIBUTES, values, strict=True)}
        items = [f"{profile[attribute]} {item}" for attribute in telling for item in "xyz"]
        held = {item: sum(draw.random() < 0.9 for _ in range(people)) for item in items}
        held |= {item: draw.randint(1, people) for item in ("chat", "wiki")}
        found.append(Pattern(start + number, profile, people, {item: many for item, many in held.items() if many}, "2026-01-01"))
    return found


def by(requester: str, patterns: list[Pattern]) -> list[Pattern]:
    return [replace(one, sources=(Source(requester, one.people, one.items),)) for one in patterns]


def within(found: AttributeWeights, honest: AttributeWeights) -> bool:
    """Whether every weight lies between 1 and what the honest say."""
    pairs = [(found.worth[attribute], honest.worth[attribute]) for attribute in ATTRIBUTES]
    return all(min(1.0, theirs) - 1e-9 <= mine <= max(1.0, theirs) + 1e-9 for mine, theirs in pairs)


@pytest.mark.parametrize("patterns", [24, 60, 200])
def test_what_tells_of_items_is_worth_more_the_surer_the_more_patterns_there_are(patterns: int) -> None:
    by_place = learn(company(patterns, ["team", "location"]), 7)
    assert min(by_place.worth["team"], by_place.worth["location"]) > 2 * by_place.worth["level"]
    assert (by_place.patterns, by_place.version) == (patterns, 7)
    assert learn(company(patterns, ["level"]), 7).worth["level"] > 2
    assert learn(company(patterns, []), 7).worth == pytest.approx(dict.fromkeys(ATTRIBUTES, 1.0), abs=0.25)


def test_nothing_is_learned_from_few_patterns_nor_from_people_who_all_hold_the_same() -> None:
    few = learn(company(FEWEST_PATTERNS - 1, ["team"]), 1)
    alike = learn([replace(one, items={"chat": one.people}) for one in company(60, [])], 1)
    alone = learn([replace(one, profile={"team": one.profile["team"]}) for one in company(60, ["team"])], 1)
    for one in (few, alike, alone):
        assert one.worth == pytest.approx(dict.fromkeys(ATTRIBUTES, 1.0))


@pytest.mark.parametrize("planted", [20, 240])
def test_one_requester_takes_no_weight_further_from_1_than_the_others_support(planted: int) -> None:
    """They hire whole companies in which the level decides, and the team nothing."""
    honest = company(120, ["team", "location"])
    theirs = by("mallory", company(planted, ["level"], seed=2, start=1000, people=20))
    alone, together = learn(honest, 1), learn([*honest, *theirs], 1)
    assert within(together, alone)
    assert together.worth["level"] <= 1 <= together.worth["team"]
    assert not within(learn([*honest, *theirs], 1, trusted={"", "mallory"}), alone), "whom the policy trusts is heard"


def test_of_many_requesters_each_is_left_out_with_others() -> None:
    honest = [one for number in range(24) for one in by(f"manager {number}", company(120, ["team"])[number::24])]
    theirs = by("mallory", company(200, ["level"], seed=2, start=1000, people=20))
    assert within(learn([*honest, *theirs], 1), learn([replace(one, sources=()) for one in honest], 1))


def test_with_hardly_anybody_else_nothing_is_learned_and_that_is_said() -> None:
    found = learn([*company(10, ["team"]), *by("mallory", company(100, ["level"], seed=2, start=1000))], 1)
    assert found.worth == dict.fromkeys(ATTRIBUTES, 1.0)
    assert str(found).startswith("nothing was learned: 10 of 110 patterns are left without one requester's people")


def test_a_profile_repeated_a_thousandfold_weighs_as_twenty() -> None:
    honest = company(60, ["team"])
    items = {f"level {level} {item}": 20 for level in range(4) for item in "xyz"}
    planted = Pattern(99, {"team": "team 1", "level": "level 1", "location": "elsewhere"}, 20, items, "")
    often = replace(planted, people=20_000, items=dict.fromkeys(items, 20000))
    assert learn([*honest, planted], 1).worth == pytest.approx(learn([*honest, often], 1).worth)


def test_the_same_patterns_give_the_same_weights_in_any_order() -> None:
    patterns = company(80, ["team", "level"])
    assert learn(patterns, 3) == learn(patterns[::-1], 3)
