"""The recommender on small companies made by code: what it must find, what it must not be moved by, when it abstains."""

from __future__ import annotations

import random

import numpy as np
import pytest

from agent_ops.memory.calibration import Calibration, threshold, wilson
from agent_ops.memory.cohorts import Cohorts, Table
from agent_ops.memory.completion import Completer
from agent_ops.memory.conjugate import solved
from agent_ops.memory.decisions import Decider
from agent_ops.memory.metrics import area, of_ranking, r_precision
from agent_ops.memory.patterns import MOST_PEOPLE, History, Person
from agent_ops.memory.recommender import Recommender
from agent_ops.memory.ridge import ridge_voices

TEAMS = ("Data", "Web", "Sales", "Legal")
LEVELS = ("L1", "L2", "L3")


def company(people: int, seed: int = 0) -> list[Person]:
    """Everybody has their team's and their level's access; a desk number says nothing; a tenth holds something odd."""
    draw = random.Random(seed)
    rows = []
    for at in range(people):
        team, level = draw.choice(TEAMS), draw.choice(LEVELS)
        held = [f"{team}-repo", f"{team}-chat", f"{level}-vpn", *([f"odd-{at % 7}"] if draw.random() < 0.1 else [])]
        rows.append(Person(f"p{at}", {"team": team, "level": level, "desk": draw.randrange(10_000)}, tuple(held)))
    return rows


def names(recommender: Recommender, profile: dict[str, object], count: int = 3) -> set[str]:
    return {one.item for one in recommender.recommend([profile])[0][:count]}


@pytest.fixture(scope="module")
def light() -> Recommender:
    return Recommender.learn(company(300), boosted=False)


@pytest.mark.parametrize("boosted", [False, True])
def test_a_new_profile_gets_its_teams_and_levels_access_first(boosted: bool) -> None:
    if boosted:
        pytest.importorskip("sklearn")
    recommender = Recommender.learn(company(300), boosted=boosted)
    hits = [names(recommender, dict(one.profile)) == set(one.access[:3]) for one in company(40, seed=9)]
    assert np.mean(hits) > 0.95


def test_what_is_sure_is_marked_and_what_is_odd_is_not(light: Recommender) -> None:
    asked = company(60, seed=5)
    found = light.recommend([one.profile for one in asked])
    granted = [(one.item in person.access) for person, items in zip(asked, found, strict=True) for one in items if one.auto]
    assert len(granted) > 120
    assert np.mean(granted) >= 0.9
    assert not any(one.auto for items in found for one in items if one.item.startswith("odd"))


def habits(people: int, seed: int) -> list[Person]:
    """A company of twelve profiles; each item of a team or a level is held by some share, 5 to 95 %, of its people."""
    draw, share = random.Random(seed), random.Random("shares")
    shares = {(name, at): share.uniform(0.05, 0.95) for name in (*TEAMS, *LEVELS) for at in range(6)}
    rows = []
    for at in range(people):
        team, level = draw.choice(TEAMS), draw.choice(LEVELS)
        held = tuple(f"{name}-{n}" for (name, n), often in shares.items() if name in {team, level} and draw.random() < often)
        rows.append(Person(f"p{at}", {"team": team, "level": level}, held))
    return rows


def test_a_stated_probability_is_the_share_of_people_of_that_profile_who_hold_it() -> None:
    asked = habits(600, seed=18)
    found = Recommender.learn(habits(800, seed=17), boosted=False).recommend([one.profile for one in asked])
    stated = np.array([one.score for items in found for one in items])
    holds = np.array([one.item in person.access for person, items in zip(asked, found, strict=True) for one in items])
    assert stated.mean() == pytest.approx(holds.mean(), abs=0.03)
    for low in (0.0, 0.2, 0.4, 0.6, 0.8):
        part = (stated >= low) & (stated < low + 0.2)
        assert part.sum() > 300
        assert stated[part].mean() == pytest.approx(holds[part].mean(), abs=0.08), f"from {low}"


def test_lower_bounds_stay_below_and_scores_fall(light: Recommender) -> None:
    for items in light.recommend([one.profile for one in company(20, seed=6)]):
        scores = [one.score for one in items]
        assert scores == sorted(scores, reverse=True)
        assert all(0 <= one.low <= one.score + 1e-3 <= 1.002 for one in items)


def test_a_title_never_seen_stands_for_the_one_written_most_like_it() -> None:
    titles = {"Data Engineer": "warehouse", "Sales Manager": "crm", "Lawyer": "contracts"}
    people = [Person(str(at), {"title": title}, (item, f"own-{at}")) for at in range(30) for title, item in titles.items()]
    recommender = Recommender.learn(people, boosted=False)
    assert names(recommender, {"title": "Senior Data Engineer"}, 1) == {"warehouse"}, "by its words"
    assert names(recommender, {"title": "Lawyers"}, 1) == {"contracts"}, "by its letters"
    assert names(recommender, {"title": "Salesmanager"}, 1) == {"crm"}, "by its letters"


def test_nobody_to_learn_from_is_no_error_and_no_recommendation() -> None:
    assert Recommender.learn([]).recommend([{"team": "Data"}]) == [[]]
    few = Recommender.learn([Person("a", {"team": "Data"}, ("x",))]).recommend([{"team": "Data"}, {}, {"other": ["ü", None, 3]}])
    assert [one.item for one in few[0]] == ["x"]
    assert not any(one.auto or one.recommended for items in few for one in items)


def test_a_cohort_is_counted_as_by_hand_and_nobody_is_in_one_that_is_not_there() -> None:
    people = [
        Person("a", {"team": "Web"}, ("x", "y")),
        Person("b", {"team": "Web"}, ("x",)),
        Person("c", {"team": "Sales"}, ("y",)),
    ]
    history = History.of(people)
    codes = history.vocabulary.encode([{"team": "Web"}, {"team": "unheard of"}])
    asked, items = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    held, size = Table.of(history.patterns, [(0,)]).look_up(codes, asked, items)
    assert (held[:, 0].tolist(), size[:, 0].tolist()) == ([2, 1, 0, 0], [2, 2, 0, 0])
    held, size = Cohorts.of(history.patterns, (0,)).look_up(codes[0], asked, items)
    assert (held.tolist(), size.tolist()) == ([2, 1, 0, 0], [2, 2, 0, 0])


def test_the_nearest_tell_together_what_only_two_attributes_give() -> None:
    """Each team and each level has it by half; whoever has neither or both has it, and nobody else."""
    people = [
        Person(f"{team}{level}{desk}", {"team": team, "level": level, "desk": f"{team}{level}{desk}"}, ("x",) * (team == level))
        for team in "AB" for level in "AB" for desk in range(10)
    ]  # fmt: skip
    history = History.of(people)
    codes = history.vocabulary.encode([{"team": "A", "level": "A"}, {"team": "A", "level": "B"}, {"team": "A", "level": None}])
    holds = np.diff(history.patterns.start)
    both, one, unknown = (float(ridge_voices(history.patterns, np.arange(len(people)), codes, row) @ holds) for row in range(3))
    assert both > 0.75
    assert one < 0.25
    assert one < unknown < both


def test_equations_are_solved_as_by_elimination() -> None:
    draw = np.random.default_rng(3)
    half, aim = draw.normal(size=(30, 30)), draw.normal(size=30)
    matrix = half @ half.T + np.eye(30)
    assert solved(lambda way: matrix @ way, aim, 60) == pytest.approx(np.linalg.solve(matrix, aim), abs=1e-4)
    assert solved(lambda way: matrix @ way, np.zeros(30), 60).tolist() == [0.0] * 30


def test_ten_people_leave_folds_empty_and_that_is_no_error() -> None:
    for seed in range(20):
        assert Recommender.learn(company(10), seed, boosted=False).recommend([company(10)[0].profile])[0]


def test_values_of_every_kind_are_taken() -> None:
    people = [
        Person(str(at), {"n": at % 3, "l": ["a", "b", str(at % 3)], "u": "é", "none": None}, (f"i{at % 3}",)) for at in range(40)
    ]
    assert names(Recommender.learn(people, boosted=False), {"n": 2, "l": ["b", "2"]}, 1) == {"i2"}


def test_a_profile_repeated_a_thousandfold_weighs_as_a_few() -> None:
    flood = [Person(f"f{at}", {"team": "Data"}, ("root",)) for at in range(1000)]
    patterns = History.of([*company(50), *flood]).patterns
    assert patterns.weight.max() == MOST_PEOPLE
    assert patterns.held.max() <= MOST_PEOPLE


def test_who_holds_everything_weighs_less() -> None:
    everything = tuple(f"i{at}" for at in range(120))
    patterns = History.of([*company(50), Person("x", {"team": "nobody's"}, everything)]).patterns
    assert patterns.weight.min() == pytest.approx(4 * 3 / 120), "four times the median of three"


def test_planted_people_who_hold_everything_move_others_little() -> None:
    people = company(400)
    everything = tuple(sorted({item for one in people for item in one.access} | {f"secret-{at}" for at in range(60)}))
    draw = random.Random(1)
    planted = [Person(f"x{at}", {"team": draw.choice(TEAMS), "level": draw.choice(LEVELS)}, everything) for at in range(20)]
    clean, poisoned = Recommender.learn(people, boosted=False), Recommender.learn([*people, *planted], boosted=False)
    asked = [one.profile for one in company(40, seed=3)]
    for before, after in zip(clean.recommend(asked), poisoned.recommend(asked), strict=True):
        assert {one.item for one in after if one.auto} <= {one.item for one in before}
        assert not any(one.recommended for one in after if one.item.startswith("secret"))


def test_a_threshold_needs_people_and_precision() -> None:
    people = np.arange(100)
    sure = np.concatenate([np.full(50, 0.9), np.full(50, 0.2)])
    assert threshold(sure, np.arange(100) < 50, people) == 0.9
    assert threshold(sure, np.arange(100) % 2 == 0, people) == float("inf")
    assert threshold(sure, np.arange(100) < 50, np.zeros(100, dtype=np.int64)) == float("inf"), "one person is no evidence"


def test_calibration_follows_the_shares_and_the_order() -> None:
    draw = np.random.default_rng(0)
    scores = draw.random(20_000)
    made = Calibration.of(scores, draw.random(20_000) < scores**2, np.arange(20_000))
    at = np.array([0.2, 0.5, 0.8])
    assert np.abs(made.probability(at) - at**2).max() < 0.05
    assert (made.low(at) < made.probability(at)).all()
    assert wilson(9, 10) == pytest.approx(0.6518, abs=1e-3)


def test_figures_are_those_of_the_textbook() -> None:
    found = of_ranking(["a", "b", "c"], {"a", "c", "unseen"})
    assert found["P@1"] == 1
    assert found["R@5"] == pytest.approx(2 / 3)
    assert found["mAP"] == pytest.approx((1 + 2 / 3) / 3)
    assert found["nDCG@10"] == pytest.approx((1 + 0.5) / (1 + 0.63093 + 0.5), abs=1e-4)
    assert r_precision(["a", "b", "c"], {"a", "c"}) == 0.5
    assert area([0.1, 0.4, 0.4, 0.8], [False, True, False, True]) == pytest.approx(0.875)


def test_three_accesses_tell_the_rest() -> None:
    access = [tuple(f"{team}-{at}" for at in range(8)) for team in TEAMS for _ in range(20)]
    completer = Completer.learn(access, 3)
    ranked = [item for item, _ in completer.complete(["Web-1", "Web-2", "Web-5"])]
    assert set(ranked[:5]) == {"Web-0", "Web-3", "Web-4", "Web-6", "Web-7"}
    assert not {"Web-1", "Web-2", "Web-5"} & set(ranked)
    assert completer.complete(["never seen"])
    assert Completer.learn([], 3).complete(["x"]) == []


def test_decisions_are_told_for_profiles_never_seen() -> None:
    draw = random.Random(2)

    def made(count: int) -> tuple[list[dict[str, str]], list[bool]]:
        rows = [
            {"RESOURCE": str(draw.randrange(9)), "manager": str(draw.randrange(40)), "who": str(draw.random())}
            for _ in range(count)
        ]
        return rows, [draw.random() < (0.2 if int(row["RESOURCE"]) < 3 or int(row["manager"]) < 8 else 0.97) for row in rows]

    history, truths = made(1500)
    asked, answers = made(600)
    assert area(Decider.learn(history, truths, "RESOURCE").probabilities(asked).tolist(), answers) > 0.85


def test_nobody_is_evidence_about_themselves() -> None:
    """With a desk of one's own and items by chance nothing can be known; whoever counts a person in would think it all is."""
    draw = random.Random(4)
    people = [
        Person(str(at), {"desk": f"{at}x", "floor": at % 3}, tuple(draw.sample([f"i{n}" for n in range(40)], 3)))
        for at in range(200)
    ]
    assert Recommender.learn(people, boosted=False).calibration.threshold == float("inf")


def test_a_decided_request_is_no_evidence_about_itself() -> None:
    draw = random.Random(5)
    rows = [{"RESOURCE": str(at % 5), "who": str(at)} for at in range(400)]
    decider = Decider.learn(rows, [draw.random() < 0.5 for _ in rows], "RESOURCE")
    asked = decider.probabilities([{"RESOURCE": str(at % 5), "who": f"new{at}"} for at in range(50)])
    assert ((asked > 0.2) & (asked < 0.8)).all()
