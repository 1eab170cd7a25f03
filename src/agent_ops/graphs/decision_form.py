"""The form in which a chat model decides, and what of its answer can be followed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from langchain_core.messages import AIMessage
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent_ops.agents.spec import AgentSpec, parameters_of
from agent_ops.domain.decisions import MAX_STEPS, Decision, Step
from agent_ops.domain.errors import PlannerError
from agent_ops.domain.plain import one_line

NAME = "decide"
_MAX_THOUGHT, _MAX_GOAL, _MAX_SUMMARY = 200, 300, 2_000
_THOUGHT = re.compile(r'"thought"\s*:\s*("(?:[^"\\]|\\.)*")')
_FENCED = re.compile(r"```(?:json)?\s*(.*?)```", re.DOTALL)
_MINE = "m:"
"""Begins the ids of a model's steps: the runbook takes a failed step of its own id for tried, and would give that effect up."""


class StepForm(BaseModel):
    """One step of it."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(min_length=1, max_length=64)
    agent: str
    tool: str | None = None
    arguments: dict[str, Any] = Field(default_factory=dict)
    after: list[str] = Field(default_factory=list)
    goal: str = Field(default="", description="only without a tool")


class DecisionForm(BaseModel):
    """The next steps, or the end."""

    model_config = ConfigDict(extra="forbid")

    thought: str = Field(description="one line")
    steps: list[StepForm] = Field(default_factory=list, max_length=MAX_STEPS)
    summary: str | None = None


TOOL: dict[str, Any] = {
    "type": "function",
    "function": {
        "name": NAME,
        "description": DecisionForm.__doc__,
        "parameters": {
            "type": "object",
            "properties": {
                "thought": {"type": "string", "description": "one line"},
                "steps": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {
                            "id": {"type": "string"},
                            "agent": {"type": "string"},
                            "tool": {"type": "string"},
                            "arguments": {"type": "object"},
                            "after": {"type": "array", "items": {"type": "string"}},
                            "goal": {"type": "string", "description": "only without a tool"},
                        },
                        "required": ["id", "agent"],
                    },
                },
                "summary": {"type": "string"},
            },
            "required": ["thought"],
        },
    },
}
"""The form as chat models are given it: shorter than what pydantic would write."""


def thought_in(arguments: str) -> str | None:
    """The thought in the beginning of a call's JSON, once it is whole."""
    found = _THOUGHT.search(arguments)
    try:
        return one_line(json.loads(found.group(1)), _MAX_THOUGHT) if found else None
    except ValueError:
        return None


def decision_from(answer: AIMessage, agents: Mapping[str, AgentSpec]) -> Decision:
    """What the model decided.

    Raises:
        PlannerError: it cannot be followed, and why.
    """
    try:
        form = DecisionForm.model_validate(_fields(answer))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise PlannerError(f"{'.'.join(map(str, first['loc'])) or 'the decision'}: {first['msg']}") from None
    for step in form.steps:
        _check_tool(step, agents)
    summary = one_line(form.summary, _MAX_SUMMARY) if form.summary and not form.steps else None
    return Decision(one_line(form.thought, _MAX_THOUGHT) or "no thought given", tuple(map(_step, form.steps)), summary)


def _fields(answer: AIMessage) -> Any:
    """The arguments of the one call; some services give them as text."""
    calls = [call for call in answer.tool_calls if call["name"] == NAME]
    if calls:
        return calls[0]["args"]
    if answer.tool_calls:
        raise PlannerError(f"there is no tool {answer.tool_calls[0]['name'][:64]!r} to call: call decide")
    if answer.invalid_tool_calls:
        raise PlannerError("the arguments of decide are no JSON")
    text = str(answer.text).strip()
    fenced = _FENCED.search(text)
    try:
        return json.loads(fenced.group(1) if fenced else text)
    except ValueError:
        raise PlannerError("decide was not called" if text else "the answer is empty: call decide") from None


def _check_tool(step: StepForm, agents: Mapping[str, AgentSpec]) -> None:
    """A tool that the step names must be its agent's, with the arguments that it takes."""
    spec = agents.get(step.agent)
    if spec is None:
        raise PlannerError(f"step {step.id} names the unknown agent {step.agent[:64]!r}; known: {', '.join(sorted(agents))}")
    if step.tool is None:
        if not step.goal.strip():
            raise PlannerError(f"step {step.id} names neither a tool nor a goal")
        return
    tool = spec.tool(step.tool)
    if tool is None:
        known = ", ".join(known.name for known in spec.tools)
        raise PlannerError(f"agent {step.agent} has no tool {step.tool[:64]!r}; it has: {known}")
    schema = parameters_of(tool)
    given, takes, needs = set(step.arguments), set(schema.get("properties", {})), set(schema.get("required", ()))
    if given - takes or needs - given:
        raise PlannerError(f"step {step.id}: {step.tool} takes exactly ({', '.join(sorted(takes))})")


def _step(form: StepForm) -> Step:
    goal = one_line(form.goal, _MAX_GOAL) or form.tool or ""
    after = tuple(_MINE + before for before in dict.fromkeys(form.after))
    return Step(_MINE + form.id, form.agent, goal, after, form.tool, form.arguments)
