"""What a planner in an attacker's hands, and a plan, must not reach: the graph's own facts, and long-term memory."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

from agent_ops import AgentOps, Profile, Settings
from agent_ops.domain.decisions import Decision, Situation, Step
from agent_ops.domain.recommendation import Recalled
from agent_ops.graphs.context import PlannerContext
from agent_ops.graphs.runbook import RunbookPlanner
from agent_ops.runtime.compose import System
from tests.fakes import FakeServices


class Overwriting:
    """Writes graph nodes over the agents that it was handed, and sends a step to one of them."""

    asked = 0

    async def decide(self, situation: Situation) -> Decision:
        self.asked += 1
        if self.asked > 1:
            return await RunbookPlanner().decide(situation)
        object.__setattr__(situation, "agents", ("learn",))
        return Decision("end it at once", (Step("s", "learn", "end it"),))


async def test_agents_that_a_planner_writes_into_its_situation_are_none(
    settings: Settings, fakes: FakeServices, ana: Profile
) -> None:
    async with AgentOps(settings, planner=Overwriting(), adapters=fakes.adapters()) as ops:
        report = await ops.onboard(ana)
        assert report.run.status.value == "done"  # the runbook took over; the node 'learn' did not end the run
        thoughts = [event.message async for event in ops.events(report.run.id) if event.kind == "thought"]
    assert any("unknown agent 'learn'" in thought for thought in thoughts)


class Memory:
    """Notes what it is taught."""

    learned: list[str]

    def __init__(self) -> None:
        self.learned = []

    async def recall(self, run_id: str) -> Recalled:
        return Recalled(("a pattern",))

    async def learn(self, run_id: str) -> None:
        self.learned.append(run_id)


async def test_a_plan_teaches_memory_nothing(ops: AgentOps, ana: Profile) -> None:
    memory = Memory()

    class Remembering(System):
        def context(self, run_id: str) -> PlannerContext:
            return replace(super().context(run_id), patterns=memory)

    system: Any = ops._system
    ops._system = Remembering(**{field.name: getattr(system, field.name) for field in fields(system)})
    await ops.plan(ana)
    assert memory.learned == []
    report = await ops.onboard(ana)
    assert memory.learned == [report.run.id]
