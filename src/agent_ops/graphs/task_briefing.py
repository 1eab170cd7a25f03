"""What a chat model is told of a free-form task: the agents that read, the task, and all that was brought back so far."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage
from langchain_core.tools import BaseTool

from agent_ops.agents.spec import AgentSpec, parameters_of
from agent_ops.domain.decisions import Observation, Situation
from agent_ops.domain.tasks import Task
from agent_ops.prompts import prompt

MAX_SHOWN = 24_000
"""Characters of observations in one briefing, shared by all of them."""
_LEAST = 600


def task_briefing(situation: Situation, agents: Mapping[str, AgentSpec], task: Task, due: Iterator[str]) -> list[BaseMessage]:
    """The messages that ask for a decision.

    Args:
        situation: without what names the run's employee.
        agents: all that there are; those that can change something are shown when something is due of them.
        task: as it may be shown.
        due: what may be changed, in lines.
    """
    needed = {proposal.agent for proposal in situation.known.due}
    shown = [spec for _, spec in sorted(agents.items()) if spec.only_reads or spec.name in needed]
    shown = [spec for spec in shown if task.agent in ("", spec.name)]
    system = prompt("task") + "\n".join(f"{spec.name}: {', '.join(map(_call, spec.tools))}" for spec in shown)
    return [SystemMessage(system), HumanMessage("\n".join([*_lines(situation, task, due)]))]


def _call(tool: BaseTool) -> str:
    """The tool with what a model gives it: what may be left out, and between which values it may choose."""
    schema = parameters_of(tool)
    needs = set(schema.get("required", ()))
    given = [_parameter(name, field, name in needs) for name, field in schema.get("properties", {}).items()]
    return f"{tool.name}({', '.join(given)})"


def _parameter(name: str, field: Mapping[str, Any], needed: bool) -> str:
    choice = "|".join(map(str, field.get("enum", ())))
    return f"{name}{'' if needed else '?'}{f'={choice}' if choice else ''}"


def _lines(situation: Situation, task: Task, due: Iterator[str]) -> Iterator[str]:
    yield f"task: {json.dumps(task.text, ensure_ascii=False)}"
    yield f"asked on {task.asked_at:%A, %Y-%m-%d}"
    if situation.known.has_subject:
        yield from due
    else:
        yield f"due: nothing{f' ({task.withheld})' if task.withheld else ''}"
    if situation.observations:
        share = max(_LEAST, MAX_SHOWN // len(situation.observations))
        yield from (_observed(seen, share) for seen in situation.observations)


def _observed(seen: Observation, length: int) -> str:
    how = "" if seen.succeeded else " failed"
    sources = f" sources: {'; '.join(seen.sources[:30])}" if seen.sources else ""
    return f"step {seen.step_id} ({seen.agent}){how}: {json.dumps(seen.text[:length], ensure_ascii=False)}{sources}"
