"""What answers hold. Whoever lacks the scope ``pii`` gets null where something is personal."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from agent_ops.domain.access import AccessItem, ItemStatus
from agent_ops.domain.employee import EmployeeStatus
from agent_ops.domain.grants import Caller
from agent_ops.domain.plans import Plan
from agent_ops.domain.runs import Event, LifecycleEvent, Pause, Run, RunStatus
from agent_ops.domain.standing import Standing
from agent_ops.domain.tasks import Told

PERSONAL = "Personal: null without the scope `pii`."
Personal = Annotated[str | None, Field(description=PERSONAL)]


class Answer(BaseModel):
    """An answer's body."""

    model_config = ConfigDict(extra="forbid")


class Asserted(Answer):
    """A status that somebody asserted by hand."""

    item: str = Field(description="The access item; empty for the employee as a whole.")
    status: str
    by: str = Field(description="The caller who said so.")
    reason: Personal
    at: datetime


class User(Answer):
    """An employee and where they stand."""

    id: str = Field(examples=["5d2e1583e1689b93550117505a8679b7"])
    name: Personal
    emailid: Annotated[str | None, Field(description=f"Null until the account exists, empty once it was deleted. {PERSONAL}")]
    contact_no: Personal
    date_of_joining: Personal
    manager: Personal
    external_id: Personal
    location: str | None
    level: str | None
    team: str
    status: EmployeeStatus
    access_items_status: dict[str, ItemStatus] = Field(examples=[{"aws": "completed", "github": "in_progress"}])
    asserted: list[Asserted] = Field(description="What of it was asserted by hand, until the ledger has news.")
    run_id: str | None = Field(description="The latest run.")
    run_status: RunStatus | None
    created_at: datetime | None

    @classmethod
    def of(cls, standing: Standing, caller: Caller) -> User:
        """An employee as the caller may see them."""
        seen, profile, run = sight(caller), standing.employee.profile, standing.run
        return cls(
            id=standing.employee.id,
            name=seen(profile.name),
            emailid=seen(standing.employee.address),
            contact_no=seen(profile.contact_number),
            date_of_joining=seen(profile.joining_date.isoformat() if profile.joining_date else None),
            manager=seen(profile.manager),
            external_id=seen(profile.external_id),
            location=profile.location,
            level=profile.level,
            team=profile.team,
            status=standing.status,
            access_items_status=standing.item_statuses,
            asserted=[
                Asserted(item=one.item, status=one.status, by=one.by, reason=seen(one.reason), at=one.at)
                for one in standing.assertions
            ],
            run_id=run.id if run else None,
            run_status=run.status if run else None,
            created_at=standing.created_at,
        )


class RefusedItem(Answer):
    """An access item that was asked for and is not given."""

    item: str = Field(examples=["database"])
    reason: str = Field(examples=["the entitlement policy does not allow database for team Contractors"])


class Queued(Answer):
    """A request that was taken on; the work goes on behind it."""

    employee_id: str = Field(examples=["5d2e1583e1689b93550117505a8679b7"])
    run_id: str = Field(examples=["88a3edfd-ed10-476b-b5b3-baaa2d79c277"])
    status: RunStatus = Field(examples=["queued"])
    status_url: str = Field(examples=["/api/runs/88a3edfd-ed10-476b-b5b3-baaa2d79c277"])
    events_url: str = Field(examples=["/api/runs/88a3edfd-ed10-476b-b5b3-baaa2d79c277/events"])
    access_items_status: dict[str, ItemStatus]
    refused: list[RefusedItem] = Field(description="What the policy does not allow; the rest goes on.")

    @classmethod
    def of(cls, told: Told) -> Queued:
        run, items = told.run, told.report.items if told.report else ()
        denied = [RefusedItem(item=i.item, reason=i.reason) for i in items if i.status is ItemStatus.DENIED]
        return cls(
            employee_id=run.employee_id,
            run_id=run.id,
            status=run.status,
            status_url=run_url(run.id),
            events_url=f"{run_url(run.id)}/events",
            access_items_status={item.item: item.status for item in items},
            refused=denied,
        )


class Usage(Answer):
    """What a run asked of a chat model."""

    calls: int
    tokens_in: int
    tokens_out: int
    cost: float


class RunAnswer(Answer):
    """A run."""

    id: str
    employee_id: str = Field(description="Empty where it is about nobody: a task that only reads.")
    event: LifecycleEvent
    status: RunStatus
    created_at: datetime
    finished_at: datetime | None
    wake_at: datetime | None = Field(description="Before then nobody drives it.")
    summary: Personal
    model: Usage

    @classmethod
    def of(cls, run: Run, caller: Caller) -> RunAnswer:
        return cls(**fields_of(run, caller))


class ItemAnswer(Answer):
    """Where an access item, or a part of the account, stands."""

    item: str
    status: ItemStatus
    reason: Personal
    detail: Personal

    @classmethod
    def of(cls, item: AccessItem, caller: Caller) -> ItemAnswer:
        seen = sight(caller)
        return cls(item=item.item, status=item.status, reason=seen(item.reason), detail=seen(item.detail))


class EventAnswer(Answer):
    """One line of what a run did or thought. ``id`` grows; give it as Last-Event-ID to go on after it."""

    id: int
    run_id: str
    employee_id: str
    at: datetime
    kind: str
    agent: str
    item: str
    status: str
    message: Personal

    @classmethod
    def of(cls, event: Event, caller: Caller) -> EventAnswer:
        return cls(
            id=event.id,
            run_id=event.run_id,
            employee_id=event.employee_id,
            at=event.at,
            kind=event.kind,
            agent=event.agent,
            item=event.item,
            status=event.status,
            message=sight(caller)(event.message),
        )


class PlannedEffectAnswer(Answer):
    """One change that would be made."""

    agent: str
    action: str
    item: str
    prospect: str
    reason: str


class PlanAnswer(Answer):
    """What a request would change. Send ``plan`` unchanged to /api/plans/apply to have exactly that done."""

    employee_id: str
    summary: str
    effects: list[PlannedEffectAnswer]
    access_items_status: dict[str, ItemStatus]
    plan: str = Field(description="The plan, sealed. It holds personal data.")

    @classmethod
    def of(cls, plan: Plan) -> PlanAnswer:
        return cls(
            employee_id=plan.employee_id,
            summary=plan.summary,
            effects=[
                PlannedEffectAnswer(
                    agent=e.proposal.agent,
                    action=e.proposal.action.value,
                    item=e.proposal.item,
                    prospect=e.prospect.value,
                    reason=e.reason,
                )
                for e in plan.effects
            ],
            access_items_status={item.item: item.status for item in plan.items},
            plan=plan.to_text(),
        )


class PauseAnswer(Answer):
    """Changes that an administrator stopped."""

    scope: str = Field(description="'everything', 'item:aws' or 'agent:jenkins'.", examples=["everything"])
    by: str
    reason: str
    at: datetime

    @classmethod
    def of(cls, pause: Pause) -> PauseAnswer:
        return cls(scope=pause.scope, by=pause.by, reason=pause.reason, at=pause.at)


class Resumed(Answer):
    """Whether anything had been paused."""

    was_paused: bool


class PassAnswer(Answer):
    """A pass for the first sign-in: in this answer and nowhere else."""

    employee_id: str
    name: Personal
    address: Personal
    access_pass: str = Field(description="Usable once. It is not shown again.")
    minutes: int
    starts: datetime
    ends: datetime
    url: str = Field(description="Where the hire registers what they sign in with from then on.")
    replaced: bool = Field(description="Whether an earlier pass, which nobody had used, was withdrawn for it.")
    run_id: str


class Erased(Answer):
    """An erasure, and what it did not reach."""

    employee_id: str
    already: bool
    not_reached: list[str]


class AgentAnswer(Answer):
    """An agent and its tools."""

    name: str = Field(examples=["entra"])
    purpose: str
    tools: list[str]


class Health(Answer):
    """That the process lives."""

    status: str = Field(examples=["ok"])
    version: str


class Readiness(Answer):
    """Whether requests can be taken on, check by check."""

    ready: bool
    checks: dict[str, str] = Field(examples=[{"database": "ok", "dispatcher": "ok"}])


def run_url(run_id: str) -> str:
    """Where a run is told of."""
    return f"/api/runs/{run_id}"


def sight(caller: Caller) -> Callable[[str | None], str | None]:
    """What a caller may see of something personal."""
    sees = "pii" in caller.scopes
    return lambda text: text if sees else None


def fields_of(run: Run, caller: Caller) -> dict[str, object]:
    """The fields that every answer about a run has."""
    usage = run.usage
    return {
        "id": run.id,
        "employee_id": run.employee_id,
        "event": run.event,
        "status": run.status,
        "created_at": run.created_at,
        "finished_at": run.finished_at,
        "wake_at": run.wake_at,
        "summary": sight(caller)(run.summary),
        "model": Usage(calls=usage.calls, tokens_in=usage.tokens_in, tokens_out=usage.tokens_out, cost=usage.cost),
    }
