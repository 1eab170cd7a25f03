"""Recall says to the last digit what adding people up one after another says, whatever came, changed and went before."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from itertools import chain
from math import prod

from hypothesis import example, given
from hypothesis import strategies as st

from agent_ops.domain.pattern import ATTRIBUTES, Pattern, PatternChanges, Source
from agent_ops.domain.recommendation import Advice
from agent_ops.memory.alike import most_alike
from agent_ops.memory.attribute_weights import rarity
from agent_ops.memory.cohort_rates import FEWEST, LIKELY, likely, lower_bound
from agent_ops.memory.pattern_index import MOST_PEOPLE, PatternIndex

WAYS = [ATTRIBUTES, ("team", "level"), ("team", "location"), ("team",)]
Profile = dict[str, str]
Group = tuple[Profile, str, set[str], int]
"""So many people of one profile, brought by one requester, who hold the same."""

profiles = st.fixed_dictionaries(
    {
        "team": st.sampled_from(["Data team", "Data teams", "Sales"]),
        "level": st.sampled_from(["", "L1", "L2"]),
        "location": st.sampled_from(["", "Pune"]),
    }
).map(lambda one: {attribute: value for attribute, value in one.items() if value})
groups: st.SearchStrategy[Group] = st.tuples(
    profiles, st.sampled_from(["", "p", "q", "r"]), st.sets(st.sampled_from("xyz")), st.sampled_from([1, 2, 3, 7, 40])
)
histories = st.lists(st.lists(groups, max_size=8), min_size=1, max_size=4)
TRUSTED = st.sampled_from([("",), ("", "p")])


def counted(people: Iterable[Group]) -> list[Pattern]:
    """As the database adds them up, in order of their numbers; a profile's number is always the same."""
    by_profile = defaultdict[tuple[str, ...], list[Group]](list)
    for one in people:
        by_profile[tuple(one[0].get(attribute, "") for attribute in ATTRIBUTES)].append(one)
    found = []
    for key, of_one in by_profile.items():
        sources = []
        for requester in sorted({one[1] for one in of_one} - {""}):
            brought = [one for one in of_one if one[1] == requester]
            sources.append(Source(requester, sum(many for *_, many in brought), held(brought)))
        number = sum((len(value) + ord(value[-1])) * 1000**at for at, value in enumerate(key) if value)
        people_of = sum(many for *_, many in of_one)
        found.append(Pattern(number, of_one[0][0], people_of, held(of_one), "2026-01-01", tuple(sources)))
    return sorted(found, key=lambda one: one.id)


def held(people: Iterable[Group]) -> dict[str, int]:
    found = Counter[str]()
    for _, _, items, many in people:
        found.update(dict.fromkeys(items, many))
    return dict(found)


class Sum:
    """Some patterns' people by weight, all of them and each requester's."""

    def __init__(self, patterns: Collection[Pattern]) -> None:
        self.people, self.weight = Counter[str](), defaultdict[str, float](float)
        self.holders, self.held = Counter[str](), defaultdict[tuple[str, str], float](float)
        for one in patterns:
            scale = 1.0 if len(patterns) == 1 else min(1.0, MOST_PEOPLE / one.people)
            whole = Source("all", one.people, one.items)
            self.holders.update(one.items)
            for part in chain([whole], one.sources):
                self.people[part.requester] += part.people
                self.weight[part.requester] += part.people * scale
                for item, many in part.items.items():
                    self.held[part.requester, item] += many * scale

    def lowest(self, item: str, trusted: Collection[str]) -> tuple[float, float]:
        """Its lower bound, whichever requester is left out: where enough others are left, and whatever is left."""
        at_least = unaided = lower_bound(self.held["all", item], self.weight["all"])
        for one in self.people.keys() - {"all", *trusted}:
            enough = self.people["all"] - self.people[one] >= FEWEST
            weight = self.weight["all"] - self.weight[one]
            low = lower_bound(self.held["all", item] - self.held[one, item], weight)
            at_least, unaided = min(at_least, low if enough else 1.0), min(unaided, low if enough else 0.0)
        return at_least, unaided


def by_hand(patterns: list[Pattern], profile: Profile, trusted: Collection[str]) -> list[Advice]:
    """What docs/memory.md says is recalled."""
    if (found := said(patterns, profile, trusted)) is None:
        stands = {attribute: stand_in(patterns, attribute, value) for attribute, value in profile.items()}
        instead = {profile[attribute]: known for attribute, (known, _) in stands.items() if known != profile[attribute]}
        other = said(patterns, {attribute: known for attribute, (known, _) in stands.items()}, trusted) if instead else None
        found = [less_sure(one, prod(alike for _, alike in stands.values() if alike), instead) for one in other or ()]
    return sorted((one for one in found if one.at_least >= LIKELY), key=lambda one: (-one.at_least, one.item))


def less_sure(one: Advice, alike: float, instead: Profile) -> Advice:
    return replace(one, share=alike * one.share, at_least=alike * one.at_least, unaided=0.0, instead=instead)


def said(patterns: list[Pattern], profile: Profile, trusted: Collection[str]) -> list[Advice] | None:
    """What the narrowest cohort of enough people says; None where there is none."""
    found = [(wanted, Sum(having)) for wanted, having in cohorts(patterns, profile)]
    found = [(wanted, one) for wanted, one in found if one.people["all"] >= FEWEST]
    if not found:
        return None
    (wanted, near), (_, wide) = found[0], found[-1]
    rivals = [one for other, one in found if len(other) == len(wanted)]
    return [advice(item, wanted, near, wide, rivals, trusted) for item in near.holders]


def cohorts(patterns: list[Pattern], profile: Profile) -> Iterable[tuple[Profile, list[Pattern]]]:
    for way in WAYS:
        if set(way) <= set(profile):
            wanted = {attribute: profile[attribute] for attribute in way}
            yield wanted, [one for one in patterns if wanted.items() <= one.profile.items()]


def advice(item: str, wanted: Mapping[str, str], near: Sum, wide: Sum, rivals: list[Sum], trusted: Collection[str]) -> Advice:
    others = max(0.0, wide.held["all", item] - near.held["all", item])
    among = max(0.0, wide.weight["all"] - near.weight["all"]) + 2.0
    share = (near.held["all", item] + 2.0 * min(1.0, others / among)) / (near.weight["all"] + 2.0)
    unaided = min(rival.lowest(item, trusted)[1] for rival in rivals)
    return Advice(item, near.holders[item], near.people["all"], wanted, share, near.lowest(item, trusted)[0], unaided)


def stand_in(patterns: list[Pattern], attribute: str, value: str) -> tuple[str, float]:
    known = {one.profile[attribute] for one in patterns if attribute in one.profile}
    return (value, 1.0) if value in known else most_alike(value, known) or (value, 0.0)


def nearest(patterns: list[Pattern], profile: Profile, most: int) -> list[tuple[int, float]]:
    """The numbers of the patterns that share most with a profile: what each shared value is worth, added up."""
    weigh = {one.id: min(one.people, MOST_PEOPLE) for one in patterns}
    worth, whole = Counter[int](), 0.0
    for attribute in ATTRIBUTES:
        if attribute in profile:
            known, alike = stand_in(patterns, attribute, profile[attribute])
            sharing = [one.id for one in patterns if one.profile.get(attribute) == known]
            having = sum(weigh[number] for number in sharing) if known == profile[attribute] else 0
            rare = float(rarity(sum(weigh.values()), having))
            worth.update(dict.fromkeys(sharing, rare * alike))
            whole += rare
    people = {one.id: one.people for one in patterns}
    ranked = sorted(worth, key=lambda number: (-worth[number], -people[number], number))
    return [(number, worth[number] / whole) for number in ranked if worth[number]][:most]


SALES = {"team": "Sales", "level": "L1", "location": "Pune"}
BY_LEVEL: Group = ({"team": "Sales", "level": "L1"}, "p", {"x"}, 7)
PUNE = {"team": "Sales", "location": "Pune"}
BY_PLACE: list[Group] = [(PUNE, "q", {"y"}, 20), (PUNE, "r", {"y"}, 7), (PUNE, "r", set(), 3)]


@given(histories, profiles, TRUSTED)
@example([[(SALES, "p", {"x"}, 200), (SALES, "q", set(), 100)]], SALES, ("", "p"))
@example([[BY_LEVEL, *BY_PLACE]], SALES, ("",))
def test_recall_is_what_adding_up_by_hand_gives(history: list[list[Group]], asked: Profile, trusted: tuple[str, ...]) -> None:
    """Each step is a new company, for the same index: patterns come, change and go, and their places are used again."""
    index, before = PatternIndex(), set[int]()
    for version, people in enumerate(history, 1):
        patterns = counted(people)
        now = {one.id for one in patterns}
        assert len(now) == len(patterns)
        index.refresh(PatternChanges(version, tuple(patterns), tuple(before - now)))
        before = now
        elsewhere = {attribute: value for attribute, value in asked.items() if attribute != "level"}
        for profile in (asked, elsewhere, {**asked, "team": "Data team B"}):
            assert likely(index, profile, trusted) == by_hand(patterns, profile, trusted)
            assert [(one.id, near) for one, near in index.nearest(profile, 3)] == nearest(patterns, profile, 3)
            for wanted, having in cohorts(patterns, profile):
                cohort, hand = index.cohort(wanted), Sum(having)
                assert (cohort.people, dict(cohort.holders)) == (hand.people["all"], +hand.holders)
                assert cohort.weighed.weight == hand.weight["all"]
                assert dict(cohort.weighed.held) == {item: held for (by, item), held in hand.held.items() if by == "all" and held}
