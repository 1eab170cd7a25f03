"""What is told of one run: of a hire, and of a task in words."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from pydantic import Field

from agent_ops.api.answers import Answer, ItemAnswer, Personal, RunAnswer, Usage, fields_of, run_url, sight
from agent_ops.api.recommend_answers import ChoiceAnswer
from agent_ops.domain.evaluation import Evaluation
from agent_ops.domain.grants import Caller
from agent_ops.domain.runs import Run, RunStatus
from agent_ops.domain.tasks import TASK_READ, StepResult, TaskReport, Told
from agent_ops.domain.veil import without_addresses

_OF_PEOPLE = "status"
"""The agent that reads our own records of people."""
_RUN = "88a3edfd-ed10-476b-b5b3-baaa2d79c277"


class TaskQueued(Answer):
    """A task that was taken on; the work goes on behind it."""

    run_id: str = Field(examples=[_RUN])
    status: RunStatus = Field(examples=["queued"])
    status_url: str = Field(examples=[f"/api/runs/{_RUN}"], description="Needs the scope `status`.")
    events_url: str = Field(examples=[f"/api/runs/{_RUN}/events"], description="Needs the scope `status`.")

    @classmethod
    def of(cls, run: Run) -> TaskQueued:
        return cls(run_id=run.id, status=run.status, status_url=run_url(run.id), events_url=f"{run_url(run.id)}/events")


class TaskStep(Answer):
    """One step: which agent was asked what, and whether it could."""

    id: str = Field(examples=["1"])
    agent: str = Field(examples=["github"])
    asked: Personal
    succeeded: bool


class TaskResult(Answer):
    """What a step brought back."""

    step: str = Field(description="The step's id.", examples=["1"])
    text: Personal
    untrusted: bool = Field(description="Read outside: it is data, and tells nobody what to do.")
    sources: list[str] = Field(description="Where it stands.", examples=[["GitHub: acme/web#12"]])


class Counts(Answer):
    """How the run did, counted from facts."""

    asked: int
    done: int
    refused: int
    failed: int
    unknown: int
    seconds: float
    remark: Personal

    @classmethod
    def of(cls, one: Evaluation, words: Callable[[str], str | None]) -> Counts:
        return cls(**{**one.to_json(), "remark": words(one.remark)})


class TaskAnswer(TaskQueued):
    """A task and what came of it. Without the scope `pii` words have no addresses, and what was read of people is null."""

    task: Personal
    plan: list[str] = Field(description="What was thought, in order.", examples=[["read list_pull_requests (github)"]])
    steps: list[TaskStep]
    results: list[TaskResult]
    summary: Personal
    sources: list[str] = Field(description="Where everything that was read stands, each once; no model can leave one out.")
    changes: list[ItemAnswer] = Field(description="What the run might change, and how far each of it is.")
    withheld: Personal
    sealed_plan: Personal
    needs_model: str = Field(description="What a model is missing for, and how to configure one; empty when none is.")
    evaluation: Counts | None = Field(description="Null until the run has ended.")
    model: Usage
    created_at: datetime
    finished_at: datetime | None

    @classmethod
    def told(cls, report: TaskReport, caller: Caller) -> TaskAnswer:
        """A task as the caller may see it; who gave it sees what it read, others need the scope ``pii``."""
        words, run = _words(report, caller), report.run
        summary = words(report.answer)
        if any(result.agent == _OF_PEOPLE for result in report.results):
            summary = sight(caller)(report.answer)
        return cls(
            **TaskQueued.of(run).model_dump(),
            task=words(report.task.text),
            plan=[told for thought in report.plan if (told := words(thought)) is not None],
            steps=[TaskStep(id=r.step, agent=r.agent, asked=words(r.asked), succeeded=r.succeeded) for r in report.results],
            results=[_result(result, words, caller) for result in report.results],
            summary=summary,
            sources=list(report.sources),
            changes=[ItemAnswer.of(change, caller) for change in report.changes],
            withheld=words(report.task.withheld),
            sealed_plan=sight(caller)(report.task.plan),
            needs_model=report.needs_model,
            evaluation=Counts.of(report.evaluation, words) if report.evaluation else None,
            model=Usage(**vars(run.usage)),
            created_at=run.created_at,
            finished_at=run.finished_at,
        )


class MailAnswer(Answer):
    """A notice to a point of contact."""

    notice: str
    recipient: Personal
    delivered: bool
    reason: Personal


class RunDetails(RunAnswer):
    """A run with everything that came of it."""

    account: list[ItemAnswer]
    access_items: list[ItemAnswer]
    mails: list[MailAnswer]
    recommended: list[ChoiceAnswer] = Field(description="What memory suggested, and what was given unasked.")
    denials: int = Field(description="How often the run asked for something and was denied.")
    task: TaskAnswer | None = Field(description="What came of it as a task; null where it is none, or without `task:read`.")

    @classmethod
    def whole(cls, told: Told, caller: Caller) -> RunDetails:
        seen, report = sight(caller), told.report
        return cls(
            **fields_of(told.run, caller),
            account=[ItemAnswer.of(part, caller) for part in (report.account if report else ())],
            access_items=[ItemAnswer.of(item, caller) for item in (report.items if report else ())],
            mails=[
                MailAnswer(notice=m.notice, recipient=seen(m.recipient), delivered=m.delivered, reason=seen(m.reason))
                for m in (report.mails if report else ())
            ],
            recommended=[ChoiceAnswer.of(one, caller) for one in (report.recommended if report else ())],
            denials=told.denials,
            task=TaskAnswer.told(told.task, caller) if told.task and TASK_READ in caller.scopes else None,
        )


def _words(report: TaskReport, caller: Caller) -> Callable[[str], str | None]:
    """What the caller may see of a task's words. What it read was bound by the scopes of whoever gave it."""
    if "pii" in caller.scopes:
        return lambda text: text
    theirs = caller.name == report.task.caller and report.task.scopes <= caller.scopes
    return lambda text: without_addresses(text) if theirs else None


def _result(result: StepResult, words: Callable[[str], str | None], caller: Caller) -> TaskResult:
    text = sight(caller)(result.text) if result.agent == _OF_PEOPLE else words(result.text)
    return TaskResult(step=result.step, text=text, untrusted=result.untrusted, sources=list(result.sources))
