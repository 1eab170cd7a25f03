"""From a spec to a subgraph: a tool-calling loop that needs no model when the step already names its tool.

START -> (tool known?) -> tools -> END
             |              ^ |
             +-> model -----+ +-> model ... END
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Annotated, Any, cast

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import ToolException
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime
from pydantic import ValidationError
from typing_extensions import TypedDict

from agent_ops.agents.spec import AgentSpec
from agent_ops.domain.decisions import Step
from agent_ops.domain.effects import Outcome, OutcomeKind
from agent_ops.domain.errors import LeaseLost, ModelError, StorageError
from agent_ops.domain.readings import MAX_READING, Reading
from agent_ops.prompts import prompt
from agent_ops.tools.context import RunContext

logger = logging.getLogger(__name__)
MAX_MODEL_TURNS = 8
MAX_TEXT = 1000


class StepState(TypedDict, total=False):
    """A step as plain JSON. ``round`` counts the thoughts: it tells this decision's steps from earlier ones.

    ``reads``: its agent has no tool that changes anything.
    """

    id: str
    round: int
    agent: str
    goal: str
    after: list[str]
    tool: str | None
    arguments: dict[str, Any]
    reads: bool


class ObservationState(TypedDict):
    """An observation as plain JSON. ``asked`` is the call or the goal; ``reads`` tells readings from changes."""

    step_id: str
    round: int
    agent: str
    succeeded: bool
    text: str
    untrusted: bool
    waiting: float
    sources: list[str]
    asked: str
    reads: bool


class AgentState(TypedDict, total=False):
    """The state of one agent's subgraph: a step in, an observation out."""

    step: StepState
    messages: Annotated[list[AnyMessage], add_messages]
    observation: ObservationState


AgentGraph = CompiledStateGraph[AgentState, RunContext, AgentState, AgentState]


def build_agent(spec: AgentSpec, *, persisted: bool = False) -> AgentGraph:
    """Compile an agent.

    Args:
        spec: what the agent is.
        persisted: take the parent's checkpointer (Studio and diagrams); else the ledger alone is its durability.
    """

    async def model(state: AgentState, runtime: Runtime[RunContext]) -> AgentState:
        return await _ask(spec, state, runtime.context)

    async def tools(state: AgentState, runtime: Runtime[RunContext]) -> AgentState:
        return await _call_tools(spec, state, runtime.context)

    graph = StateGraph(AgentState, context_schema=RunContext)
    graph.add_node("model", model)
    graph.add_node("tools", tools)
    graph.add_conditional_edges(START, _entry, ["model", "tools"])
    graph.add_conditional_edges("model", _after_model, ["tools", END])
    graph.add_conditional_edges("tools", _after_tools, ["model", END])
    return graph.compile(checkpointer=None if persisted else False, name=spec.name)


async def _entry(state: AgentState) -> str:
    return "tools" if state["step"].get("tool") else "model"


async def _after_model(state: AgentState) -> str:
    return END if "observation" in state else "tools"


async def _after_tools(state: AgentState) -> str:
    return END if "observation" in state else "model"


async def _ask(spec: AgentSpec, state: AgentState, context: RunContext) -> AgentState:
    """Let the model choose among the agent's own tools; its last words become the observation."""
    step, said = state["step"], list(state.get("messages", []))
    if context.model is None:
        return {"observation": observation(step, False, "this goal names no tool, and no model is configured to find one")}
    if sum(isinstance(message, AIMessage) for message in said) >= MAX_MODEL_TURNS:
        return {"observation": observation(step, False, f"stopped after {MAX_MODEL_TURNS} model calls")}
    opening: list[AnyMessage] = [SystemMessage(prompt(spec.prompt)), HumanMessage(step["goal"])]
    veil = await context.journal.veil(context.run_id)
    try:
        answer = await context.model.ask(context.run_id, opening + [_veiled(message, veil) for message in said], spec.tools)
    except ModelError as error:
        return {"observation": observation(step, False, error.what)}
    if answer.tool_calls:
        return {"messages": [answer]}
    worked, text = _all_succeeded(said), str(answer.text) or "no answer"
    seen = observation(step, worked, text, untrusted=True, waiting=_waits_for(said), sources=_sources(said))
    return {"messages": [answer], "observation": seen}


async def _call_tools(spec: AgentSpec, state: AgentState, context: RunContext) -> AgentState:
    step = state["step"]
    if step.get("tool"):
        call = {"name": step["tool"] or "", "args": step.get("arguments", {}), "id": step["id"], "type": "tool_call"}
        answer = await _call(spec, call, context)
        waits, sources, read = _waits_for([answer]), _sources([answer]), isinstance(answer.artifact, Reading)
        seen = observation(step, _succeeded(answer), str(answer.text), untrusted=read, waiting=waits, sources=sources)
        return {"observation": seen}
    last = cast(AIMessage, state["messages"][-1])
    return {"messages": [await _call(spec, dict(call), context) for call in last.tool_calls]}


async def _call(spec: AgentSpec, call: dict[str, Any], context: RunContext) -> ToolMessage:
    """Run one tool call. Whatever goes wrong becomes an answer, but for what concerns the whole run: lease and storage."""
    tool = spec.tool(call["name"])
    if tool is None:
        return await _denial(spec, call, context, "unknown tool", f"agent {spec.name} has no tool {call['name']!r}")
    arguments = {key: value for key, value in call["args"].items() if key != "context"}
    try:
        return cast(ToolMessage, await tool.ainvoke({**call, "args": {**arguments, "context": context}}))
    except (LeaseLost, StorageError):
        raise
    except ValidationError as error:
        return await _denial(spec, call, context, "bad argument", f"{call['name']} cannot be called like that: {error}")
    except ToolException as error:
        return _refusal(call, str(error))
    except Exception as error:
        logger.warning("tool %s of agent %s failed", call["name"], spec.name, exc_info=error)
        return _refusal(call, f"{call['name']} could not be run: {type(error).__name__}: {error}")


async def _denial(spec: AgentSpec, call: dict[str, Any], context: RunContext, cause: str, why: str) -> ToolMessage:
    """A call that no tool can take never reaches the door; it is denied, and written down, all the same."""
    await context.journal.refuse(context.run_id, spec.name, cause, why)
    return _refusal(call, why)


def _refusal(call: dict[str, Any], why: str) -> ToolMessage:
    return ToolMessage(content=why[:MAX_TEXT], tool_call_id=call["id"] or "", name=call["name"], status="error")


def _veiled(message: AnyMessage, veil: Callable[[str], str]) -> AnyMessage:
    """What a tool answered, without what names the run's employee: the model that reads it needs no name."""
    return message.model_copy(update={"content": veil(str(message.text))}) if isinstance(message, ToolMessage) else message


def _succeeded(message: ToolMessage) -> bool:
    if isinstance(message.artifact, Outcome):
        return message.artifact.succeeded
    return message.status != "error"


def _waits_for(messages: Sequence[AnyMessage]) -> float:
    """Seconds until it is worth looking again at what is not over; 0 when everything is."""
    outcomes = [m.artifact for m in messages if isinstance(m, ToolMessage) and isinstance(m.artifact, Outcome)]
    return min((o.seconds for o in outcomes if o.kind is OutcomeKind.WAITING), default=0.0)


def _sources(messages: Sequence[AnyMessage]) -> list[str]:
    """Where what was read stands, each once, in the order of reading."""
    readings = [m.artifact for m in messages if isinstance(m, ToolMessage) and isinstance(m.artifact, Reading)]
    return list(dict.fromkeys(str(source) for reading in readings for source in reading.sources))


def _all_succeeded(messages: list[AnyMessage]) -> bool:
    answers = [message for message in messages if isinstance(message, ToolMessage)]
    return bool(answers) and all(_succeeded(answer) for answer in answers)


def observation(
    step: StepState,
    succeeded: bool,
    text: str,
    *,
    untrusted: bool = False,
    waiting: float = 0.0,
    sources: Sequence[str] = (),
) -> ObservationState:
    """What a step brought back, bounded: what was read may be longer than what was done."""
    return {
        "step_id": step["id"],
        "round": step.get("round", 0),
        "agent": step.get("agent", ""),
        "succeeded": succeeded,
        "text": text[: MAX_READING if untrusted else MAX_TEXT],
        "untrusted": untrusted,
        "waiting": waiting,
        "sources": list(sources),
        "asked": Step(step["id"], "", step["goal"], (), step.get("tool"), step.get("arguments", {})).asked,
        "reads": step.get("reads", False),
    }
