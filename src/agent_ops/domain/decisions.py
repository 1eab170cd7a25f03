"""What a planner decides and what comes back from its decisions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from agent_ops.domain.errors import PlannerError
from agent_ops.domain.known import Known

MAX_STEPS, MAX_ASKED = 100, 300


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

    @property
    def asked(self) -> str:
        """The call as a person would write it, bounded, or the goal when the agent has to find its own."""
        if not self.tool:
            return self.goal[:MAX_ASKED]
        given = ", ".join(f"{name}={value}" for name, value in self.arguments.items())
        return f"{self.tool}({given})"[:MAX_ASKED]


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
    step is not over, and that it is worth looking again after so many seconds. ``sources`` are where what was read stands;
    ``asked`` is the reading's call or goal, empty for a change.
    """

    step_id: str
    agent: str
    succeeded: bool
    text: str
    untrusted: bool = False
    waiting: float = 0.0
    sources: tuple[str, ...] = ()
    asked: str = ""


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


def check_nothing_read_twice(decision: Decision, situation: Situation) -> None:
    """Refuse to ask a service for what it has answered in this run already. Only where the run changes nothing.

    Raises:
        PlannerError: for a call that was made before, with the same arguments.
    """
    if situation.known.has_subject:
        return
    read = {seen.asked for seen in situation.observations if seen.succeeded and len(seen.asked) < MAX_ASKED}
    for step in decision.steps:
        if step.tool and step.asked in read:
            raise PlannerError(f"{step.asked} was read already: use what it answered, read on with its next_page, or finish")
        read |= {step.asked} if len(step.asked) < MAX_ASKED else set()


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
