"""What a chat model is told: stable words first, so that providers cache them, then the situation in handles."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage
from langchain_core.tools import BaseTool

from agent_ops.agents.spec import AgentSpec, parameters_of
from agent_ops.domain.decisions import Situation
from agent_ops.domain.effects import Proposal
from agent_ops.domain.known import Known
from agent_ops.graphs.task_briefing import task_briefing
from agent_ops.prompts import prompt
from agent_ops.tools.effect_tool import EffectTool

MAX_TEXT = 160
_MAX_PATTERNS = 3


def briefing(situation: Situation, agents: Mapping[str, AgentSpec]) -> list[BaseMessage]:
    """The messages that ask for a decision. They bear handles only: no name, address or number of the employee."""
    if (task := situation.known.task) is not None:
        return task_briefing(situation, agents, task, _due(situation.known, agents))
    needed = {proposal.agent for proposal in situation.known.due} & set(agents)
    lines = [_capability(spec, spec.name in needed) for name, spec in sorted(agents.items())]
    return [SystemMessage(prompt("planner") + "\n".join(lines)), HumanMessage("\n".join(_situation(situation, agents)))]


def _capability(spec: AgentSpec, needed: bool) -> str:
    """An agent that the grant needs with its tools' signatures, any other in a line."""
    tools = ", ".join(signature(tool) for tool in spec.tools) if needed else ""
    return f"{spec.name}: {tools or spec.purpose}"


def signature(tool: BaseTool) -> str:
    """The tool's name and what a model gives it."""
    return f"{tool.name}({', '.join(parameters_of(tool).get('properties', {}))})"


def _due(known: Known, agents: Mapping[str, AgentSpec]) -> Iterator[str]:
    """What may be changed, and how far it is."""
    handles = {p: _handle(p, agents) for p in known.due}
    due = [p for p, handle in handles.items() if handle and p not in known.done and p not in known.closed]
    yield f"{known.event.value}; the account {'exists' if known.account_exists else 'does not exist'}"
    yield "due: " + (
        ", ".join(_marked(p, handles[p], known.account_groups) for p in due if p not in known.under_way) or "nothing"
    )
    if done := [handles[p] for p in known.due if p in known.done and handles[p]]:
        yield "done: " + ", ".join(done)
    yield from (f"waits: {handles[p]}: {_quoted(why)}" for p, why in known.under_way.items() if handles.get(p))
    yield from (f"in vain: {handles[p]}: {_quoted(why)}" for p, why in known.closed.items() if handles.get(p))


def _situation(situation: Situation, agents: Mapping[str, AgentSpec]) -> Iterator[str]:
    yield from _due(situation.known, agents)
    for seen in situation.observations:
        if not seen.succeeded and not seen.waiting:
            yield f"step {seen.step_id} failed: {_quoted(seen.text)}"
        elif seen.untrusted:
            yield f"step {seen.step_id}: {_quoted(seen.text)}"
    yield from (f"people like this one: {_quoted(pattern)}" for pattern in situation.patterns[:_MAX_PATTERNS])


def _marked(proposal: Proposal, handle: str, account_groups: frozenset[str]) -> str:
    return f"{handle}*" if proposal.item in account_groups else handle


def _handle(proposal: Proposal, agents: Mapping[str, AgentSpec]) -> str:
    """The call that does it; empty for what no agent does, such as mails."""
    spec = agents.get(proposal.agent)
    for tool in spec.tools if spec else ():
        if isinstance(tool, EffectTool) and tool.action is proposal.action:
            return tool.name if tool.fixed_item else f"{tool.name}({proposal.item})"
    return ""


def _quoted(text: str) -> str:
    return json.dumps(text[:MAX_TEXT], ensure_ascii=False)
