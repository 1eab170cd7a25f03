"""What attributes are worth is learned beside runs, from patterns alone, the same in every process, and unlearned with people."""

from __future__ import annotations

import asyncio
import json
import threading
from dataclasses import replace
from typing import Any

import pytest
from click.testing import CliRunner

from agent_ops import AgentOps, Profile, Settings
from agent_ops.cli.main import main
from agent_ops.memory.attribute_weights import EQUAL, FEWEST_PATTERNS, AttributeWeights
from agent_ops.runtime import weighing
from agent_ops.runtime.remembering import PatternMemory
from tests.fakes import FakeServices
from tests.integration.test_advising import ERASER
from tests.integration.test_recommending import known

TEAMS = {"Engineering": ["github", "jira"], "Data": ["database", "snowflake"], "Design": ["figma"]}
PLACES = ("Pune", "Lisbon", "Berlin")


async def company(ops: AgentOps, levels: int) -> None:
    """A profile for each team, place and level, of whom the team decides everything."""
    for team, items in TEAMS.items():
        for place in PLACES:
            for level in range(1, levels + 1):
                await known(ops, 2, items, profile={"team": team, "level": f"L{level}", "location": place})


def memory(ops: AgentOps) -> PatternMemory:
    return ops._system.memory


async def recalled(ops: AgentOps, run_id: str) -> AttributeWeights:
    """What is in use once whatever a recall began is over."""
    await memory(ops).recall(run_id)
    await memory(ops).weighing.end()
    return memory(ops).index.weights


async def test_a_recall_begins_the_learning_off_the_loop_and_only_when_it_pays(
    ops: AgentOps, ana: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    where, learn = list[threading.Thread](), weighing.learn
    monkeypatch.setattr(weighing, "learn", lambda *given: (where.append(threading.current_thread()), learn(*given))[1])
    run = (await ops.onboard(ana)).run.id
    await company(ops, 2)
    assert await recalled(ops, run) is EQUAL, f"18 or 19 patterns are fewer than {FEWEST_PATTERNS}"
    await company(ops, 4)
    first = await recalled(ops, run)
    assert first.worth["team"] > 2
    assert max(first.worth["level"], first.worth["location"]) < 1
    assert first.patterns >= 36
    await known(ops, 1, ["figma"], profile={"team": "Sales", "location": "Pune"})
    assert await recalled(ops, run) is first, "one pattern in so many"
    await known(ops, 1, ["figma"], profile={"team": "Sales", "location": "Pune"}, start=5)
    await company(ops, 4)
    assert await recalled(ops, run) is first, "the same people again change nothing"
    for number in range(10):
        await known(ops, 1, ["figma"], profile={"team": "Sales", "location": f"Place {number}"})
    assert (await recalled(ops, run)).version > first.version
    assert len(where) == 2
    assert threading.main_thread() not in where


async def test_two_recalls_at_once_learn_once(ops: AgentOps, ana: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    run = (await ops.onboard(ana)).run.id
    await company(ops, 3)
    counted, learn = list[int](), weighing.learn
    monkeypatch.setattr(weighing, "learn", lambda *given: (counted.append(1), learn(*given))[1])
    await asyncio.gather(*(memory(ops).recall(run) for _ in range(5)))
    await memory(ops).weighing.end()
    assert len(counted) == 1


async def test_an_erased_person_has_no_part_in_the_weights(settings: Settings, fakes: FakeServices, ana: Profile) -> None:
    async with AgentOps(settings, caller=ERASER, adapters=fakes.adapters()) as ops:
        stays = (await ops.onboard(replace(ana, name="Bo Lindqvist", external_id="E-2", team="Data"))).run.id
        await company(ops, 3)
        before = await recalled(ops, stays)
        report = await ops.onboard(replace(ana, level="L4", location="Tokyo"), ["github", "jira", "vpn", "datadog"])
        index = memory(ops).index
        assert (await recalled(ops, stays), len(index)) == (before, before.patterns + 1), "one more is not worth it"
        assert weighing.learn(index.sample(99), index.version).worth != before.worth
        await ops.erase(report.employee.id)
        after = await recalled(ops, stays)
        assert after.version > before.version
        assert (after.worth, after.patterns) == (before.worth, before.patterns)


TOKYO = {"team": "Engineering", "level": "L4", "location": "Tokyo"}


@pytest.mark.parametrize("learning_fails", [False, True])
async def test_what_was_learned_from_an_erased_person_never_stays(
    settings: Settings, fakes: FakeServices, ana: Profile, monkeypatch: pytest.MonkeyPatch, learning_fails: bool
) -> None:
    """Not where somebody came in their place, so that as many people have the profile; nor where learning fails at first."""
    async with AgentOps(settings, caller=ERASER, adapters=fakes.adapters()) as ops:
        stays = (await ops.onboard(replace(ana, name="Bo Lindqvist", external_id="E-2", team="Data"))).run.id
        await company(ops, 3)
        await known(ops, 1, ["github"], profile=TOKYO)
        gone = await ops.onboard(replace(ana, **TOKYO), ["github", "jira", "vpn", "datadog"])
        before = await recalled(ops, stays)
        await ops.erase(gone.employee.id)
        if learning_fails:
            with monkeypatch.context() as failing:
                failing.setattr(weighing, "learn", fails)
                assert await recalled(ops, stays) is before
        else:
            await known(ops, 1, ["github"], profile=TOKYO, start=1)
        after = await recalled(ops, stays)
        assert after.version > before.version
        assert await recalled(ops, stays) is after, "once is enough"


async def test_every_process_learns_the_same_at_the_same_version_and_every_way_in_shows_it(
    ops: AgentOps, settings: Settings, fakes: FakeServices
) -> None:
    assert await ops.recommendation_weights() == EQUAL
    assert str(EQUAL) == "nothing was learned yet: that takes 20 patterns"
    await company(ops, 3)
    found = await ops.recommendation_weights()
    async with AgentOps(settings, adapters=fakes.adapters()) as neighbour:
        assert await neighbour.recommendation_weights() == found
    shown = await asyncio.to_thread(commanded, settings, "weights")
    assert (shown["worth"], shown["patterns"], shown["version"]) == (found.worth, 27, found.version)
    assert shown["said"] == f"learned from 27 patterns, at version {found.version} of them"


def commanded(settings: Settings, *words: str) -> Any:
    place = ["--data-dir", str(settings.data_dir)]
    result = CliRunner().invoke(main, ["recommend", *words, *place, "--json"], catch_exceptions=False)
    return json.loads(result.output)


def fails(*_: object) -> AttributeWeights:
    raise MemoryError


async def test_recall_goes_on_when_learning_fails(ops: AgentOps, ana: Profile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weighing, "learn", fails)
    run = (await ops.onboard(ana)).run.id
    await company(ops, 3)
    assert await recalled(ops, run) is EQUAL
    assert (await memory(ops).recall(run)).patterns
