"""What planners and models are told: handles, never a person's name, number or address, whatever services say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool

from agent_ops import AgentOps, Decision, Profile, Settings, Situation
from agent_ops.domain.effects import Action, Failed
from agent_ops.domain.employee import Employee
from agent_ops.domain.veil import veiled
from agent_ops.graphs.runbook import RunbookPlanner
from tests.bytes import forms
from tests.fakes import FakeServices
from tests.integration.test_agents import calling
from tests.integration.test_erasure import ADDRESS, CANARIES, ZOE


class Watched(RunbookPlanner):
    """The runbook, whose goals are left open for a model; what it was told is kept."""

    def __init__(self) -> None:
        self.told: list[str] = []

    async def decide(self, situation: Situation) -> Decision:
        self.told.append(repr(situation))
        decision = await super().decide(situation)
        opened = [replace(step, tool=None, arguments={}) if step.id == "account" else step for step in decision.steps]
        self.told += [step.goal for step in opened]
        return replace(decision, steps=tuple(opened))


class Model:
    """A chat model that answers from a list; what it was shown is kept, the tools' descriptions among it."""

    def __init__(self, answers: list[AIMessage]) -> None:
        self.answers, self.shown = answers, list[str]()

    async def ask(self, run_id: str, messages: Sequence[BaseMessage], tools: Sequence[BaseTool], **options: Any) -> AIMessage:
        self.shown += [str(message.content) for message in messages] + [str(convert_to_openai_tool(tool)) for tool in tools]
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def named_in(texts: list[str]) -> list[str]:
    everything = "\n".join(texts).encode()
    return [canary for canary in CANARIES for form in forms(canary) if form in everything]


@pytest.mark.parametrize("refused", [False, True])
async def test_neither_planner_nor_model_is_told_who_it_is(settings: Settings, fakes: FakeServices, refused: bool) -> None:
    async def refuse(intent: Any) -> Failed:
        return Failed(f"Zoë Quillfeather ({ADDRESS}, +351 912 777 555 43) is refused, ask Oswin Marlbrook; quillfeather!")

    if refused:
        fakes[Action.CREATE_ACCOUNT].send = refuse  # type: ignore[method-assign,assignment]
    model = Model([calling("create_account"), AIMessage("it is done")])
    planner = Watched()
    async with AgentOps(settings, adapters=fakes.adapters(), planner=planner) as ops:
        ops._system = replace(ops._system, model=model)  # type: ignore[arg-type]
        report = await ops.onboard(ZOE)
    assert model.shown, "the model was not asked"
    assert any("refused" in text if refused else "exists" in text for text in model.shown), "the tool's answer was to be shown"
    assert named_in([*model.shown, *planner.told]) == []
    assert report.employee.profile.name == "Zoë Quillfeather"


def test_a_veiled_text_keeps_its_sense() -> None:
    employee = Employee("id", ZOE, address=ADDRESS)
    said = f"account {ADDRESS} exists; ZOË QUILLFEATHER, HR-canary-77123, needs github; other@acme.example too"
    assert veiled(said, employee) == (
        "account [the employee's address] exists; the employee, [external id], needs github; [address] too"
    )
    assert veiled("github: build 1 succeeded", Employee("id", Profile("Gi Hub", "Data"))) == "github: build 1 succeeded"
