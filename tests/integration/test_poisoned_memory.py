"""How far planted people get: the bounds that docs/memory.md states, in the database and through the policy's threshold."""

from __future__ import annotations

import pytest

from agent_ops import AgentOps, Profile
from agent_ops.domain.recommendation import Advice
from agent_ops.memory.cohort_rates import likely, lower_bound
from agent_ops.memory.pattern_index import MOST_PEOPLE, PatternIndex
from tests.integration.test_recommending import LISBON, known

HONEST, ALL = (
    ["github", "jira"],
    ["github", "jira", "vpn", "datadog", "kubernetes", "artifactory", "sonarqube", "m365", "workday"],
)
PUNE = {**LISBON, "location": "Pune"}
BERLIN = {**LISBON, "level": "L4", "location": "Berlin"}


async def advice(ops: AgentOps, profile: dict[str, str]) -> dict[str, Advice]:
    index = PatternIndex()
    index.refresh(await ops._system.store.read(lambda tx: tx.patterns.changes(0)))
    return {one.item: one for one in likely(index, profile)}


def share(found: dict[str, Advice], item: str) -> float:
    return found[item].share if item in found else 0.0


def hashed(ops: AgentOps, name: str) -> str:
    return ops._system.store._pseudonyms.requester(name)


async def test_five_in_a_hundred_who_hold_everything_move_no_share_by_more_than_five_in_a_hundred(ops: AgentOps) -> None:
    for number in range(2):
        await known(ops, 95, HONEST, requester=hashed(ops, f"manager {number}"), start=100 * number)
    before = await advice(ops, LISBON)
    await known(ops, 10, ALL, requester=hashed(ops, "mallory"))
    after = await advice(ops, LISBON)
    assert set(after) == set(before) == set(HONEST)
    for item in HONEST:
        assert abs(after[item].share - before[item].share) <= 10 / 200
        assert after[item].unaided <= after[item].at_least <= lower_bound(190, 190)


async def test_a_profile_repeated_a_thousandfold_weighs_as_twenty_among_others(ops: AgentOps) -> None:
    """Berlin L4 is new, so the whole team speaks: two honest profiles of 40 people, and a planted one."""
    await known(ops, 40, HONEST, profile=LISBON)
    await known(ops, 40, HONEST, profile={**PUNE, "level": "L3"})
    before = await advice(ops, BERLIN)
    await known(ops, 1000, ["vpn"], profile=PUNE)
    after = await advice(ops, BERLIN)
    assert "vpn" not in after
    assert share(before, "jira") - share(after, "jira") <= MOST_PEOPLE / (2 * MOST_PEOPLE + MOST_PEOPLE)
    assert after["jira"].people == 1080, "told in persons; weighed by profile"
    assert set(await advice(ops, LISBON)) == set(HONEST)


@pytest.mark.parametrize("honest", [5, 50])
async def test_one_requesters_people_never_raise_a_bound_beyond_what_the_others_support(ops: AgentOps, honest: int) -> None:
    await known(ops, honest, HONEST, requester=hashed(ops, "manager"))
    before = await advice(ops, LISBON)
    await known(ops, 1000, ALL, requester=hashed(ops, "mallory"))
    after = await advice(ops, LISBON)
    assert set(after) == set(HONEST), "nothing new is even suggested"
    for item in HONEST:
        assert after[item].at_least <= before[item].at_least == lower_bound(honest, honest)


async def test_with_hardly_anybody_else_one_requester_may_suggest_and_never_give(ops: AgentOps) -> None:
    await known(ops, 2, HONEST, requester=hashed(ops, "manager"))
    await known(ops, 1000, ALL, requester=hashed(ops, "mallory"))
    after = await advice(ops, LISBON)
    assert set(after) == set(ALL)
    assert {one.unaided for one in after.values()} == {0.0}


async def test_people_of_other_teams_move_nothing(ops: AgentOps) -> None:
    await known(ops, 30, HONEST)
    before = await ops.recommend(Profile("N", **LISBON))
    await known(ops, 300, ALL, profile={**LISBON, "team": "Data"}, requester=hashed(ops, "mallory"))
    assert await ops.recommend(Profile("N", **LISBON)) == before
