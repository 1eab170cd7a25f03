"""The runbook's part of a task: which readings are due, and what is said at its end."""

from __future__ import annotations

from collections.abc import Sequence

from agent_ops.domain.decisions import Decision, Observation, Situation, Step
from agent_ops.domain.digest import more
from agent_ops.domain.intents import reading_steps, understood

NEEDS_MODEL = (
    "a model is needed for this: no phrase of the runbook says it (docs/tasks.md lists them). Set OPENAI_API_KEY and"
    " AGENT_OPS_MODEL, or OPENAI_BASE_URL for a model of your own, and see `agent-ops doctor`; --sandbox never asks a model"
)
"""The answer when a task is not understood, and nothing here can understand more."""

NO_ANSWER = (
    "the model gave no answer that can be used, and no phrase of the runbook says this: `agent-ops status RUN --json` has why"
)
"""The answer when a model was asked in vain, and nothing else here understands the task."""


def still_to_read(situation: Situation) -> tuple[Step, ...]:
    """The readings of an understood task that were not tried yet."""
    task = situation.known.task
    if task is None:
        return ()
    tried = {seen.step_id for seen in situation.observations}
    steps = reading_steps(task.text, task.asked_at.date())
    return tuple(step for step in steps if step.id not in tried and step.agent in situation.agents)


def reading_thought(steps: Sequence[Step]) -> str:
    """What is read, in a line."""
    what = ", ".join(f"{step.goal} ({step.agent})" for step in steps)
    return f"read {what}" + (" side by side" if len(steps) > 1 else "")


def closing(situation: Situation, changed: str, stands_in: bool) -> Decision:
    """The end of a task: what was changed, and what was read or not."""
    task = situation.known.task
    assert task is not None  # noqa: S101 - only a task is closed like this
    if not understood(task.text, task.asked_at.date()):
        why = NO_ANSWER if stands_in else NEEDS_MODEL
        return Decision("nothing here understands this task", summary="; ".join(filter(None, [changed, why])))
    wanted = reading_steps(task.text, task.asked_at.date())
    lines = [changed, task.settled, *(_told(step, situation) for step in wanted)]
    return Decision("nothing is left to do: finish and report", summary="; ".join(filter(None, lines)) or "nothing was done")


def _told(step: Step, situation: Situation) -> str:
    seen: Observation | None = next((seen for seen in situation.observations if seen.step_id == step.id), None)
    if seen is None:
        only = situation.known.task.agent if situation.known.task else ""
        return (
            f"{step.goal}: only {only} may carry this task out" if only else f"{step.goal}: there is no agent {step.agent!r} here"
        )
    if not seen.succeeded:
        return f"{step.goal}: {seen.text}"
    count = len(seen.sources)
    rest = f", and there is more: ask the same with '(page {mark})' at its end" if (mark := more(seen.text)) else ""
    return f"{step.goal}: {count} source{'' if count == 1 else 's'} read{rest}"
