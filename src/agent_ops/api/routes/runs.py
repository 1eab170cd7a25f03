"""Runs: listed, followed, tried again, ended; and plans that are applied."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from agent_ops.api.admission import Acting, Calling, GuardedRoute, needs
from agent_ops.api.answers import PlanAnswer, Queued, RunAnswer
from agent_ops.api.bodies import ApplyBody, CancelBody, OnboardBody, RetryBody
from agent_ops.api.routes.users import NEXT_PAGE, IdempotencyKey, next_page, queued
from agent_ops.api.run_answers import RunDetails
from agent_ops.api.streams import stream
from agent_ops.api.words import UUID
from agent_ops.domain.plans import Plan
from agent_ops.domain.runs import RunStatus
from agent_ops.domain.standing import Wanted

router = APIRouter(prefix="/api", tags=["runs"], route_class=GuardedRoute)
_LIST = TypeAdapter(list[RunAnswer])
RunId = Annotated[str, Path(pattern=UUID, description="A run's id.")]
_EVENT_ID = r"^[0-9]{1,18}$"
SSE = {
    "type": "object",
    "description": "One message of the stream.",
    "properties": {
        "id": {"type": "string", "pattern": "^[0-9]+$"},
        "event": {"type": "string"},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
    "required": ["id", "event", "data"],
}
STREAM = {
    "description": "The events, as they happen: `id` goes into Last-Event-ID, `event` is the kind, `data` an event as JSON. "
    "Last comes `end`, or `waiting` when the run waits: come again in `wakes_in` seconds, with the last id.",
    "content": {"text/event-stream": {"schema": SSE, "example": "id: 17\nevent: thought\ndata: {...}\n\n"}},
}


class RunQuery(BaseModel):
    """Which runs; the newest come first."""

    model_config = ConfigDict(extra="forbid")
    status: RunStatus | None = Field(None, description="Only those that stand here.")
    employee: Annotated[str | None, Field(min_length=1, max_length=64, description="Only those of this employee's id.")] = None
    cursor: Annotated[str | None, Field(pattern=UUID, description="Only those before this run's id.")] = None
    limit: Annotated[int, Field(ge=1, le=1000, description="At most so many.")] = 100


@router.get("/runs", response_model=list[RunAnswer], responses={200: {"headers": NEXT_PAGE}}, dependencies=[needs("status")])
async def list_runs(query: Annotated[RunQuery, Query()], ops: Acting, caller: Calling, request: Request) -> Response:
    """Runs, the newest first, page by page."""
    status = query.status.value if query.status else None
    found = await ops.runs(Wanted(status=status, employee=query.employee, cursor=query.cursor, limit=query.limit))
    answer = Response(_LIST.dump_json([RunAnswer.of(run, caller) for run in found]), media_type="application/json")
    if len(found) == query.limit:
        answer.headers["Link"] = next_page(request, found[-1].id)
    return answer


@router.get("/runs/{run_id}", response_model=RunDetails, dependencies=[needs("status")])
async def get_run(run_id: RunId, ops: Acting, caller: Calling) -> RunDetails:
    """A run with everything that came of it; of a task also its plan, steps and results."""
    return RunDetails.whole(await ops.told(run_id), caller)


@router.get("/runs/{run_id}/events", response_class=Response, responses={200: STREAM}, dependencies=[needs("status")])
async def run_events(
    run_id: RunId,
    ops: Acting,
    caller: Calling,
    request: Request,
    after: Annotated[int, Query(ge=0, le=10**17, description="Only events with greater ids.")] = 0,
    last_event_id: Annotated[
        str | None, Header(alias="Last-Event-ID", pattern=_EVENT_ID, description="The same, as browsers send it; it wins.")
    ] = None,
) -> Any:
    """A run's events as server-sent events, from the first one or from where a reader stopped, until it has ended or waits."""
    await ops.news(run_id, 0)
    return stream(ops, request.app.state.bell, run_id, int(last_event_id) if last_event_id else after, caller)


@router.post("/runs/{run_id}/retry", status_code=202, response_model=Queued, dependencies=[needs("onboard")])
async def retry_run(run_id: RunId, ops: Acting, response: Response, body: RetryBody | None = None) -> Queued:
    """Queue a run that does what an ended one did not."""
    return await queued(ops, await ops.retry(run_id, evidence=body.evidence if body else None), response)


@router.post("/runs/{run_id}/cancel", status_code=202, response_model=Queued, dependencies=[needs("onboard")])
async def cancel_run(run_id: RunId, ops: Acting, response: Response, body: CancelBody | None = None) -> Queued:
    """End a run before its next effect; with ``undo`` the answer is the run that takes back what was given."""
    return await queued(ops, await ops.cancel(run_id, undo=bool(body and body.undo)), response)


@router.post("/plans", response_model=PlanAnswer, dependencies=[needs("onboard")])
async def make_plan(body: OnboardBody, ops: Acting, idempotency_key: IdempotencyKey = None) -> PlanAnswer:
    """What onboarding this hire would change, found out with nothing changed anywhere."""
    return PlanAnswer.of(await ops.plan(body.profile(), idempotency_key=idempotency_key, **body.options()))


@router.post("/plans/apply", status_code=202, response_model=Queued, dependencies=[needs("onboard")])
async def apply_plan(body: ApplyBody, ops: Acting, response: Response) -> Queued:
    """Queue a run that does exactly what a plan says; the same plan again gives the same run."""
    return await queued(ops, await ops.apply(Plan.from_text(body.plan)), response)
