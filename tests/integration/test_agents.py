"""The agents' subgraphs: a known tool needs no model, an open goal does, and neither can reach past the door."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from proofs.unmetered import Unmetered
from pydantic import Field

from agent_ops.agents import load_agents
from agent_ops.agents.graph import MAX_MODEL_TURNS, StepState, build_agent
from agent_ops.domain.effects import Action, Outcome, OutcomeKind, Proposal
from agent_ops.domain.errors import LeaseLost
from agent_ops.domain.known import Known
from agent_ops.domain.runs import LifecycleEvent
from agent_ops.tools.context import RunContext


class SpyDoor:
    """Says yes to everything and remembers what was proposed."""

    def __init__(self, error: Exception | None = None) -> None:
        self.proposed: list[Proposal] = []
        self.error = error

    async def perform(self, run_id: str, proposal: Proposal) -> Outcome:
        self.proposed.append(proposal)
        if self.error:
            raise self.error
        return Outcome(OutcomeKind.SUCCEEDED, f"did {proposal.item}")


class FixedJournal:
    """Knows that the account exists, or that it does not."""

    def __init__(self, account: bool = True) -> None:
        self.account = account
        self.refused: list[tuple[str, str]] = []

    async def refuse(self, run_id: str, agent: str, cause: str, why: str) -> None:
        self.refused.append((agent, cause))

    async def known(self, run_id: str) -> Known:
        return Known(run_id, LifecycleEvent.JOINER, self.account, ())

    async def veil(self, run_id: str) -> Callable[[str], str]:
        return str


class ScriptedModel(BaseChatModel):
    """A chat model that answers from a list; what it was shown is kept."""

    answers: list[AIMessage]
    shown: list[list[BaseMessage]] = Field(default_factory=list)
    offered: list[dict[str, Any]] = Field(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> ScriptedModel:  # type: ignore[override]
        self.offered = [tool.tool_call_schema.model_json_schema() for tool in tools]
        return self

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        self.shown.append(messages)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return ChatResult(generations=[ChatGeneration(message=answer.model_copy(update={"id": None}))])


def calling(name: str, **arguments: Any) -> AIMessage:
    return AIMessage("", tool_calls=[{"name": name, "args": arguments, "id": "c1", "type": "tool_call"}])


async def run(
    agent: str,
    step: StepState,
    door: SpyDoor,
    *,
    model: BaseChatModel | None = None,
    account: bool = True,
    journal: FixedJournal | None = None,
) -> Any:
    context = RunContext("run-1", door, journal or FixedJournal(account), Unmetered(model) if model else None)  # type: ignore[arg-type]
    state = await build_agent(load_agents()[agent]).ainvoke({"step": {"id": "s1", "agent": agent, **step}}, context=context)
    return state["observation"]


async def test_a_step_with_a_known_tool_needs_no_model() -> None:
    door = SpyDoor()
    seen = await run("jenkins", {"goal": "x", "tool": "run_pipeline", "arguments": {"item": "aws"}}, door)
    assert door.proposed == [Proposal("jenkins", Action.RUN_PIPELINE, "aws")]
    assert (seen["succeeded"], seen["text"]) == (True, "did aws")


async def test_an_open_goal_without_a_model_says_so() -> None:
    seen = await run("jenkins", {"goal": "provision something"}, SpyDoor())
    assert not seen["succeeded"]
    assert "no model is configured" in seen["text"]


async def test_an_open_goal_goes_round_the_model_loop() -> None:
    door, model = SpyDoor(), ScriptedModel(answers=[calling("run_pipeline", item="aws"), AIMessage("aws is provisioned")])
    seen = await run("jenkins", {"goal": "provision aws"}, door, model=model)
    assert door.proposed == [Proposal("jenkins", Action.RUN_PIPELINE, "aws")]
    assert (seen["succeeded"], seen["untrusted"], seen["text"]) == (True, True, "aws is provisioned")
    assert "Jenkins agent" in str(model.shown[0][0].content)
    assert set(model.offered[0]["properties"]) == {"item"}, "a model is offered an item and nothing else"


async def test_a_model_that_claims_without_acting_has_not_succeeded() -> None:
    seen = await run("jenkins", {"goal": "provision aws"}, SpyDoor(), model=ScriptedModel(answers=[AIMessage("done!")]))
    assert not seen["succeeded"]


async def test_a_model_that_never_stops_is_stopped() -> None:
    model = ScriptedModel(answers=[calling("run_pipeline", item="aws")])
    seen = await run("jenkins", {"goal": "provision aws"}, SpyDoor(), model=model)
    assert len(model.shown) == MAX_MODEL_TURNS
    assert "stopped" in seen["text"]


@pytest.mark.parametrize(
    ("tool", "arguments", "cause"),
    [
        ("create_account", {}, "unknown tool"),
        ("no_such_tool", {}, "unknown tool"),
        ("run_pipeline", {}, "bad argument"),
        ("run_pipeline", {"item": 7}, "bad argument"),
        ("run_pipeline", {"item": "x" * 65}, "bad argument"),
        ("run_pipeline", {"item": "\ud800"}, "bad argument"),
        ("run_pipeline", {"item": "aws", "job": "root"}, "bad argument"),
    ],
)
async def test_unknown_tools_and_bad_arguments_reach_no_door(tool: str, arguments: dict[str, Any], cause: str) -> None:
    door, journal = SpyDoor(), FixedJournal()
    seen = await run("jenkins", {"goal": "x", "tool": tool, "arguments": arguments}, door, journal=journal)
    assert door.proposed == []
    assert journal.refused == [("jenkins", cause)]
    assert not seen["succeeded"]
    assert len(seen["text"]) <= 1000


async def test_a_forged_context_is_replaced_by_the_real_one() -> None:
    door = SpyDoor()
    await run("jenkins", {"goal": "x", "tool": "run_pipeline", "arguments": {"item": "aws", "context": "forged"}}, door)
    assert door.proposed == [Proposal("jenkins", Action.RUN_PIPELINE, "aws")]


async def test_a_precondition_that_does_not_hold_stops_before_the_door() -> None:
    door = SpyDoor()
    seen = await run("jenkins", {"goal": "x", "tool": "run_pipeline", "arguments": {"item": "aws"}}, door, account=False)
    assert door.proposed == []
    assert "needs the account" in seen["text"]


async def test_an_agent_never_raises_but_for_a_lost_lease() -> None:
    step: StepState = {"goal": "x", "tool": "run_pipeline", "arguments": {"item": "aws"}}
    seen = await run("jenkins", step, SpyDoor(RuntimeError("a defect")))
    assert "a defect" in seen["text"]
    with pytest.raises(LeaseLost):
        await run("jenkins", step, SpyDoor(LeaseLost("gone")))
