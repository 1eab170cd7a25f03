"""The planner graph's state: plain JSON, so that checkpoints need no custom types, and thin: facts live in storage."""

from __future__ import annotations

from typing import Annotated, Any

from typing_extensions import TypedDict

from agent_ops.agents.graph import ObservationState, StepState
from agent_ops.domain.decisions import Observation, Step
from agent_ops.domain.tasks import StepResult


def gather(old: list[ObservationState] | None, new: list[ObservationState] | None) -> list[ObservationState]:
    """Append observations; None starts afresh (a resumed run plans again from storage)."""
    return [] if new is None else [*(old or []), *new]


class PlannerState(TypedDict, total=False):
    """What the nodes hand each other.

    ``patterns`` and ``recommended`` are what long-term memory says: nothing acts on it.
    ``steps`` are those of the present decision; ``observations`` what they brought back; ``mail_due`` whether a notice's
    occasion has come, ``mail_refused`` that one was denied; ``rounds`` counts thoughts.
    """

    goal: str
    patterns: list[str]
    recommended: list[dict[str, Any]]
    thought: str
    steps: list[StepState]
    observations: Annotated[list[ObservationState] | None, gather]
    mail_due: bool
    mail_refused: bool
    summary: str | None
    rounds: int
    by_runbook: bool


class Order(TypedDict):
    """What ``Send`` gives an agent's node: one step."""

    step: StepState


def step_to_state(step: Step, number: int, reads: bool = False) -> StepState:
    return {
        "id": step.id,
        "round": number,
        "agent": step.agent,
        "goal": step.goal,
        "after": list(step.after),
        "tool": step.tool,
        "arguments": dict[str, Any](step.arguments),
        "reads": reads,
    }


def observation_from_state(seen: ObservationState) -> Observation:
    return Observation(
        seen["step_id"],
        seen["agent"],
        seen["succeeded"],
        seen["text"],
        seen["untrusted"],
        seen["waiting"],
        tuple(seen["sources"]),
        seen.get("asked", "") if seen.get("reads") else "",
    )


def results_of(observations: list[ObservationState] | None) -> tuple[StepResult, ...]:
    """What was read, each reading's last word."""
    last = {(o["round"], o["step_id"]): o for o in observations or [] if o.get("reads")}
    return tuple(
        StepResult(o["step_id"], o["agent"], o["asked"], o["succeeded"], o["text"], o["untrusted"], tuple(o["sources"]))
        for o in last.values()
    )
