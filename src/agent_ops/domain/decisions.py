"""What a planner decides and what comes back from its decisions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from agent_ops.domain.errors import PlannerError
from agent_ops.domain.known import Known

MAX_STEPS = 100


@dataclass(frozen=True)
class Step:
    """One agent, one goal, and the steps it comes ``after``.

    When ``tool`` and ``arguments`` are already known they stand here, and the agent runs them without asking a model.
    """

    id: str
    agent: str
    goal: str
    after: tuple[str, ...] = ()
    tool: str | None = None
    arguments: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Decision:
    """What Think yields: a one-line thought and either the next steps or, with ``summary``, the finish.

    With neither, the run waits for what is under way. ``told``: the thought stands in the run's events already.
    """

    thought: str
    steps: tuple[Step, ...] = ()
    summary: str | None = None
    told: bool = False

    @property
    def finished(self) -> bool:
        return self.summary is not None


@dataclass(frozen=True)
class Observation:
    """What a step brought back.

    ``untrusted`` marks text that came from outside: it never becomes an instruction. ``waiting`` above zero means that the
    step is not over, and that it is worth looking again after so many seconds. ``sources`` are where what was read stands.
    """

    step_id: str
    agent: str
    succeeded: bool
    text: str
    untrusted: bool = False
    waiting: float = 0.0
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class Situation:
    """Everything a planner may look at. It bears no personal data: the employee is 'the employee'."""

    known: Known
    observations: tuple[Observation, ...] = ()
    patterns: tuple[str, ...] = ()
    agents: tuple[str, ...] = ()


def check_decision(decision: Decision, situation: Situation) -> None:
    """Refuse a decision that cannot be followed.

    Raises:
        PlannerError: for steps that cannot be taken, for waiting when nothing is under way, or for a finish when the end of
            something that was begun is not known.
    """
    if decision.finished and situation.known.begun and not any(seen.waiting for seen in situation.observations):
        begun = ", ".join(sorted(p.item for p in situation.known.begun))
        raise PlannerError(f"the run cannot end before it is known what became of {begun}")
    if decision.finished or (not decision.steps and any(seen.waiting for seen in situation.observations)):
        return
    check_steps(decision.steps, situation.agents)


def check_steps(steps: Sequence[Step], agents: Sequence[str]) -> None:
    """Refuse a plan that cannot be followed.

    Raises:
        PlannerError: for too many steps, repeated ids, unknown agents, unknown or circular ``after``.
    """
    ids = {step.id for step in steps}
    if not steps or len(steps) > MAX_STEPS or len(ids) != len(steps):
        raise PlannerError(f"a decision needs 1 to {MAX_STEPS} steps with distinct ids, this one has {len(steps)}")
    for step in steps:
        if step.agent not in agents:
            raise PlannerError(f"step {step.id} names the unknown agent {step.agent!r}; known: {', '.join(agents)}")
        if unknown := set(step.after) - ids:
            raise PlannerError(f"step {step.id} comes after unknown steps: {', '.join(sorted(unknown))}")
    _check_order(steps)


def _check_order(steps: Sequence[Step]) -> None:
    waiting, settled = {step.id: set(step.after) for step in steps}, set[str]()
    while waiting:
        ready = {step_id for step_id, after in waiting.items() if after <= settled}
        if not ready:
            raise PlannerError(f"steps come after each other in a circle: {', '.join(sorted(waiting))}")
        settled |= ready
        waiting = {step_id: after for step_id, after in waiting.items() if step_id not in ready}
