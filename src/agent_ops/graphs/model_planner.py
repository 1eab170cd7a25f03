"""The planner that asks a chat model: once for the plan, once for the end, more often only when something deviates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage

from agent_ops.agents.spec import AgentSpec
from agent_ops.domain.decisions import Decision, Situation, check_decision, check_nothing_read_twice
from agent_ops.domain.errors import PlannerError
from agent_ops.domain.ports import Journal
from agent_ops.graphs.briefing import briefing
from agent_ops.graphs.decision_form import NAME, TOOL, decision_from, thought_in
from agent_ops.graphs.runbook import RunbookPlanner, still_possible
from agent_ops.tools.context import ChatModel

_MAX_REPEATED = 400


@dataclass(frozen=True)
class ModelPlanner:
    """The ``Planner`` port over a chat model. What it decides is a proposal: code authorises.

    A decision that cannot be followed goes back once, with the reason; then ``PlannerError`` lets the runbook take over.
    Where there is no choice, because everything left is under way already, the runbook answers without asking.
    """

    model: ChatModel
    journal: Journal
    agents: Mapping[str, AgentSpec]
    runbook: RunbookPlanner = field(default_factory=RunbookPlanner)

    async def decide(self, situation: Situation) -> Decision:
        """The model's decision.

        Raises:
            PlannerError: it could not be asked, or did not decide what can be followed.
        """
        if _nothing_to_choose(situation):
            return await self.runbook.decide(situation)
        messages = briefing(situation, self.agents)
        answer, thought = await self._ask(situation, messages)
        try:
            return self._followed(answer, situation, thought)
        except PlannerError as error:
            repeated = [
                *messages,
                AIMessage(_said(answer)),
                HumanMessage(f"This cannot be followed: {error.what}. Decide again."),
            ]
        answer, thought = await self._ask(situation, repeated)
        return self._followed(answer, situation, thought)

    async def _ask(self, situation: Situation, messages: Sequence[BaseMessage]) -> tuple[AIMessage, str | None]:
        """The answer, and its thought when that was told while it was being made."""
        told: list[str] = []

        async def hear(so_far: AIMessageChunk) -> None:
            arguments = "".join(call.get("args") or "" for call in so_far.tool_call_chunks)
            if not told and (thought := thought_in(arguments)):
                told.append(thought)
                await self.journal.note(situation.known.run_id, "thought", thought, agent="planner")

        answer = await self.model.ask(situation.known.run_id, messages, [TOOL], force=NAME, on_chunk=hear)
        return answer, told[0] if told else None

    def _followed(self, answer: AIMessage, situation: Situation, told: str | None) -> Decision:
        decision = decision_from(answer, self.agents)
        check_decision(decision, situation)
        check_nothing_read_twice(decision, situation)
        if decision.finished and (left := still_possible(situation)):
            raise PlannerError(f"not finished: {', '.join(sorted(p.item for p in left))} can still be done")
        return Decision(decision.thought, decision.steps, decision.summary, told=decision.thought == told)


def _nothing_to_choose(situation: Situation) -> bool:
    """Whether everything that can still be done was begun before: it is followed, or waited for, whatever anybody thinks."""
    left = still_possible(situation)
    waiting = any(seen.waiting for seen in situation.observations)
    return all(p in situation.known.under_way for p in left) and (bool(left) or waiting)


def _said(answer: AIMessage) -> str:
    """The beginning of what the model said, for it to see."""
    calls = "".join(f"{call['name']}({call['args']})" for call in [*answer.tool_calls, *answer.invalid_tool_calls])
    return (str(answer.text) + calls)[:_MAX_REPEATED] or "(nothing)"
