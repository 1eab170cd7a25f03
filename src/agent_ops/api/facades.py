"""What LangServe serves: inputs, outcomes, and a runnable that follows runs which the edge admitted.

The runnable has no authority and admits nothing: the route does that, as the request's caller, before LangServe is asked. So
nothing in a client's ``config`` can reach what decides.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.tracers.log_stream import RunLogPatch, RunState
from pydantic import ConfigDict, Field, GetJsonSchemaHandler, RootModel, StringConstraints, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema
from typing_extensions import Self

from agent_ops.api.answers import EventAnswer, ItemAnswer, Personal, Queued, sight
from agent_ops.api.bodies import Body, OnboardBody
from agent_ops.api.run_answers import TaskAnswer, TaskQueued, TaskResult, TaskStep
from agent_ops.api.streams import Bell, follow, over_within
from agent_ops.api.task_body import MAX_WAIT, NOT_BLANK, ContextBody, TaskBody
from agent_ops.api.words import Code
from agent_ops.domain.access import AccessItem, ItemStatus
from agent_ops.domain.grants import Caller
from agent_ops.domain.runs import Event, Run
from agent_ops.domain.tasks import MAX_TASK, Told
from agent_ops.runtime.agent_ops import AgentOps

HANDS = "agent_ops_hands"
FOLLOWING = "status"
_IN_PLACE = (ItemStatus.COMPLETED.value, ItemStatus.VERIFIED.value)


class HireInput(OnboardBody):
    """A new hire. Plans are made at /api/plans."""

    mode: Literal["apply"] = "apply"


class AgentInput(TaskBody):
    """A task that this agent alone may carry out."""


class PlannerInput(Body):
    """A hire to onboard, or a task in words: one of them."""

    hire: HireInput | None = Field(None, description="Needs the scope `onboard`, too.")
    idempotency_key: Code | None = Field(None, description="Marks a repeat of the same hire.")
    task: Annotated[str, StringConstraints(pattern=NOT_BLANK, max_length=MAX_TASK)] | None = Field(
        None, description="What is to be done, in words; a change needs `task:write`, too."
    )
    context: ContextBody | None = Field(None, description="What the words of the task do not say.")

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "oneOf": [{"required": ["hire"]}, {"required": ["task"]}],
            "examples": [{"hire": {"name": "Ana Silva", "team": "Engineering", "external_id": "HR-4711"}}],
        },
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.hire is None) == (self.task is None):
            raise ValueError("give a hire or a task, and not both")
        if self.hire is not None and self.context is not None:
            raise ValueError("a hire has no context")
        if self.hire is None and self.idempotency_key is not None:
            raise ValueError("a task has no idempotency key")
        return self

    def as_task(self) -> TaskBody:
        """The task, where it is one."""
        return TaskBody(task=self.task or "", context=self.context)


class Outcome(TaskQueued):
    """A run and what came of it so far; without the scope `pii` null stands where something is personal."""

    plan: list[str] = Field(description="What was thought, in order.")
    steps: list[TaskStep] = Field(description="Which agent was asked what, and whether it could.")
    results: list[TaskResult] = Field(description="What the steps brought back.")
    summary: Personal
    sources: list[str] = Field(description="Where everything that was read stands.")
    changes: list[ItemAnswer] = Field(description="What the run might change, and how far each of it is.")
    needs_model: str = Field(description="What a model is missing for; empty when none is.")

    @classmethod
    def told(cls, told: Told, events: list[Event], caller: Caller) -> Outcome:
        """What came of a run, as the caller may see it."""
        if told.task is not None:
            answer = TaskAnswer.told(told.task, caller)
            return cls(**{name: getattr(answer, name) for name in cls.model_fields})
        seen, report = sight(caller), told.report
        parts: tuple[AccessItem, ...] = (*report.account, *report.items) if report else ()
        return cls(
            **TaskQueued.of(told.run).model_dump(),
            plan=[thought for event in events if event.kind == "thought" and (thought := seen(event.message))],
            steps=_steps(events, caller),
            results=[
                TaskResult(step=_step(event), text=seen(event.message), untrusted=False, sources=[])
                for event in events
                if event.agent and event.kind in ("status", "mail")
            ],
            summary=seen(told.run.summary),
            sources=[],
            changes=[ItemAnswer.of(part, caller) for part in parts],
            needs_model="",
        )

    @classmethod
    def outlined(cls, told: Told) -> Outcome:
        """As much of somebody else's run as /api/users/onboard_user answers to whoever sends the same hire."""
        queued = Queued.of(told)
        why = {refused.item: refused.reason for refused in queued.refused}
        return cls(
            **TaskQueued.of(told.run).model_dump(),
            plan=[],
            steps=[],
            results=[],
            summary=None,
            sources=[],
            changes=[
                ItemAnswer(item=item, status=status, reason=why.get(item), detail=None)
                for item, status in queued.access_items_status.items()
            ],
            needs_model="",
        )


def _step(event: Event) -> str:
    return f"{event.agent}-{event.item}"


def _steps(events: list[Event], caller: Caller) -> list[TaskStep]:
    """What was begun, each with its latest end."""
    ends = {_step(event): event.status in _IN_PLACE for event in events if event.kind in ("status", "mail")}
    begun = {_step(event): event for event in events if event.kind == "action"}
    seen = sight(caller)
    return [TaskStep(id=key, agent=e.agent, asked=seen(e.message), succeeded=ends.get(key, False)) for key, e in begun.items()]


@dataclass(frozen=True)
class Hands:
    """What a request brings: the system in its caller's hands, and the runs that the edge gave for its inputs, in order."""

    ops: AgentOps
    caller: Caller
    bell: Bell
    runs: tuple[Run, ...]

    def config(self) -> RunnableConfig:
        """What LangServe hands on to the runnable; a client's own ``configurable`` has nothing that is read."""
        return {"configurable": {HANDS: self}}

    async def may_follow(self, run: Run) -> bool:
        """Whether the caller may see what comes of a run: one of theirs, or anybody's with the scope that /api/runs asks for."""
        return FOLLOWING in self.caller.scopes or await self.ops.is_mine(run.id)

    async def outcome(self, run: Run) -> dict[str, Any]:
        """What came of a run so far; of somebody else's no more than a repeat of their request is told anywhere."""
        told = await self.ops.told(run.id)
        if not await self.may_follow(run):
            return Outcome.outlined(told).model_dump(mode="json")
        events, _ = await self.ops.news(run.id, 0)
        return Outcome.told(told, events, self.caller).model_dump(mode="json")

    async def events(self, run: Run) -> AsyncIterator[dict[str, Any]]:
        """A run's events as they happen, as far as the caller may follow it."""
        if await self.may_follow(run):
            async for event in follow(self.ops, self.bell, run.id, 0):
                yield EventAnswer.of(event, self.caller).model_dump(mode="json")

    async def at_the_end(self, run: Run) -> dict[str, Any]:
        """What came of a run, once it has ended or :data:`MAX_WAIT` is over."""
        if await self.may_follow(run):
            await over_within(self.ops, self.bell, run.id, MAX_WAIT)
        return await self.outcome(run)


class Followed(Runnable[Any, dict[str, Any]]):
    """Follows the runs of the request's hands; what it is given as input was admitted already.

    Args:
        kind: what inputs are like.
    """

    def __init__(self, name: str, kind: type[Body]) -> None:
        self.name, self._kind = name, _told_as(kind)

    @property
    def InputType(self) -> type[Any]:  # noqa: N802 - LangChain's name
        return self._kind

    @property
    def OutputType(self) -> type[Any]:  # noqa: N802 - LangChain's name
        return Outcome

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> dict[str, Any]:  # noqa: A002
        """Not there: what serves is asynchronous."""
        raise NotImplementedError(f"{self.name} is asynchronous: use ainvoke")

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> dict[str, Any]:  # noqa: A002
        """The outcome of the first run."""
        hands = _hands(config)
        return await hands.at_the_end(hands.runs[0])

    async def abatch(self, inputs: list[Any], config: Any = None, **kwargs: Any) -> list[dict[str, Any]]:
        """The outcomes of all runs, in order."""
        hands = _hands(config[0])
        return list(await asyncio.gather(*map(hands.at_the_end, hands.runs)))

    async def astream(
        self,
        input: Any,  # noqa: A002
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[dict[str, Any]]:
        """The first run's events as they happen, then its outcome."""
        hands = _hands(config)
        run = hands.runs[0]
        async for event in hands.events(run):
            yield {"event": event}
        yield {"outcome": await hands.outcome(run)}

    async def astream_log(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> AsyncIterator[Any]:  # noqa: A002
        """The same as JSON patches, for the playground: events in a line each, the outcome, and nothing of the inside.

        Its own, since the library's would trace the input by whatever callbacks there are, and log every runnable within.
        """
        run = _hands(config).runs[0]
        begun = RunState(id=run.id, streamed_output=[], final_output=None, logs={}, name=self.name or "", type="chain")
        yield RunLogPatch({"op": "replace", "path": "", "value": begun})
        async for chunk in self.astream(input, config):
            shown = _line(chunk["event"]) if "event" in chunk else chunk["outcome"]
            yield RunLogPatch({"op": "add", "path": "/streamed_output/-", "value": shown})
        yield RunLogPatch({"op": "replace", "path": "/final_output", "value": shown})


def _line(event: Mapping[str, Any]) -> str:
    what = " ".join(part for name in ("kind", "agent", "item", "status") if (part := event[name]))
    return f"{what}: {event['message'] or '(personal)'}\n"


def _told_as(kind: type[Body]) -> type[RootModel[dict[str, Any]]]:
    """An object with the kind's JSON schema, which the route has checked.

    LangServe 0.3.3 takes models apart by what pydantic 2.11 deprecates (``model_fields`` of an instance), objects not.
    """

    class Given(RootModel[dict[str, Any]]):
        @classmethod
        def __get_pydantic_json_schema__(cls, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
            return handler(kind.__pydantic_core_schema__)

    return Given


def _hands(config: Mapping[str, Any] | None) -> Hands:
    hands = ((config or {}).get("configurable") or {}).get(HANDS)
    assert isinstance(hands, Hands), "only the service's own routes can follow runs"  # noqa: S101 - nobody else calls it
    return hands
