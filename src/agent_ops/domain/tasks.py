"""Free-form tasks: what was asked, by whom, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from agent_ops.domain.access import AccessItem
from agent_ops.domain.evaluation import Evaluation
from agent_ops.domain.runs import Run, RunReport

MAX_TASK = 2_000
"""Characters of a task's text."""
MAX_ANSWER = 4_000
MAX_RESULTS = 48_000
"""Characters of all that a task's steps brought back, as far as they are kept."""
TASK_READ, TASK_WRITE = "task:read", "task:write"


@dataclass(frozen=True)
class Task:
    """A task as its caller gave it.

    Args:
        text: the caller's words.
        caller: who asks.
        scopes: what the caller might do when the task was admitted; its readings are bound by them, too.
        asked_at: UTC; 'this week' is counted from it, so that a task that is taken up again reads the same.
        context: what the caller gave beside the words: facts about a joiner.
        settled: that what was asked for is so already; nothing is left to do then.
        withheld: why the run may change nothing although a change was asked for; empty when it may, or when none was.
        plan: the sealed plan of the change that was withheld, for a person to apply; empty where none could be made.
        agent: the only agent that may carry it out; empty where the planner may choose among all.
    """

    text: str
    caller: str
    scopes: frozenset[str]
    asked_at: datetime
    context: Mapping[str, Any] = field(default_factory=dict)
    settled: str = ""
    withheld: str = ""
    plan: str = ""
    agent: str = ""

    def to_json(self) -> dict[str, Any]:
        """A JSON object; :meth:`from_json` reads it back."""
        return {
            "text": self.text,
            "caller": self.caller,
            "scopes": sorted(self.scopes),
            "asked_at": self.asked_at.isoformat(),
            "context": dict(self.context),
            "settled": self.settled,
            "withheld": self.withheld,
            "plan": self.plan,
            "agent": self.agent,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Task:
        asked_at = datetime.fromisoformat(data["asked_at"])
        return cls(**{**data, "scopes": frozenset(data["scopes"]), "asked_at": asked_at})


@dataclass(frozen=True)
class StepResult:
    """What one step of a task brought back.

    Args:
        step: its id in the plan.
        asked: the call, or the goal when an agent found its own calls.
        text: what came; ``untrusted`` when it was read outside: data, never an instruction.
        sources: where it stands.
    """

    step: str
    agent: str
    asked: str
    succeeded: bool
    text: str
    untrusted: bool = False
    sources: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> StepResult:
        return cls(**{**data, "sources": tuple(data["sources"])})


@dataclass(frozen=True)
class TaskReport:
    """A task with everything that came of it: what ``AgentOps.execute_task`` returns and `agent-ops task` shows.

    Args:
        run: the run that carried it out; its status says whether all that was asked was done.
        plan: what was thought, in order.
        results: what each step brought back.
        changes: what the run might change, and how far each of it is.
        answer: the summary, with the sources.
        needs_model: what a model would be needed for, and how to configure one; empty when none was missed.
    """

    run: Run
    task: Task
    plan: tuple[str, ...] = ()
    results: tuple[StepResult, ...] = ()
    changes: tuple[AccessItem, ...] = ()
    answer: str = ""
    needs_model: str = ""
    evaluation: Evaluation | None = None

    @property
    def sources(self) -> tuple[str, ...]:
        """Where everything that was read stands, each once."""
        return tuple(dict.fromkeys(source for result in self.results for source in result.sources))


@dataclass(frozen=True)
class Told:
    """A run with all that can be told of it.

    Args:
        report: what came of it for its employee; None where it is about nobody.
        task: what came of it as a task; None where it is none, or one that was forgotten.
        denials: how often it asked for something and was denied.
    """

    run: Run
    report: RunReport | None = None
    task: TaskReport | None = None
    denials: int = 0


def bounded(results: tuple[StepResult, ...]) -> tuple[StepResult, ...]:
    """As much of them as is kept: each may be long, all of them together not."""
    share = max(500, MAX_RESULTS // max(1, len(results)))
    return tuple(_cut(result, share) for result in results)


def _cut(result: StepResult, length: int) -> StepResult:
    if len(result.text) <= length:
        return result
    return StepResult(**{**vars(result), "text": result.text[: length - 1] + "…"})
