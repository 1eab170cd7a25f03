"""Tasks in words."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import JSONResponse

from agent_ops.api.admission import Acting, Calling, GuardedRoute, needs
from agent_ops.api.answers import run_url
from agent_ops.api.run_answers import TaskAnswer, TaskQueued
from agent_ops.api.streams import GONE, over_within, unless_gone
from agent_ops.api.task_body import Preferences, TaskBody
from agent_ops.domain.errors import Against, Ambiguous, InvalidRequest
from agent_ops.domain.runs import Run
from agent_ops.domain.tasks import TASK_READ
from agent_ops.runtime.agent_ops import AgentOps

router = APIRouter(prefix="/api", tags=["tasks"], route_class=GuardedRoute)
APPLIED = {"Preference-Applied": {"description": "Which preferences were heeded (RFC 7240).", "schema": {"type": "string"}}}
TAKEN_ON = {"model": TaskQueued, "description": "Taken on: asked for by `Prefer`, or it takes longer.", "headers": APPLIED}


@router.post(
    "/execute_task",
    response_model=TaskAnswer,
    responses={200: {"headers": APPLIED}, 202: TAKEN_ON},
    dependencies=[needs(TASK_READ)],
)
async def execute_task(
    body: TaskBody,
    ops: Acting,
    caller: Calling,
    request: Request,
    prefer: Annotated[
        str | None,
        Header(
            description="'respond-async' answers 202 at once; 'wait=5' waits so many seconds, at most 30 (RFC 7240).",
            examples=["respond-async"],
        ),
    ] = None,
) -> Any:
    """Do what a text asks: read through the agents, change what its words, the context and the caller's scopes allow.

    Waits for the end, at most 30 seconds; whoever does not wait finds the run at its URL. A change needs `task:write`, too.
    """
    preferences = Preferences(request.headers.getlist("Prefer"))
    body.check(request.app.state.items)
    run = await taken_on(ops, body)
    over = await unless_gone(request, over_within(ops, request.app.state.bell, run.id, preferences.seconds))
    if over is None:
        return Response(status_code=GONE)
    headers = {"Preference-Applied": said} if (said := preferences.applied(queued=not over)) else {}
    if not over:
        queued = TaskQueued.of(run).model_dump(mode="json")
        return JSONResponse(queued, 202, {**headers, "Location": run_url(run.id)})
    return JSONResponse(TaskAnswer.told(await ops.task(run.id), caller).model_dump(mode="json"), headers=headers)


async def taken_on(ops: AgentOps, body: TaskBody, agent: str = "") -> Run:
    """The run, recorded: from here on it needs nobody who listens. ``agent`` is the only one that may carry it out.

    Raises:
        Against: the body is what the contract allows, and yet nobody can be, or be given, what the context says.
    """
    try:
        facts = body.context.facts() if body.context else None
        return await ops.submit_task(body.task, facts, agent=agent)
    except (Against, Ambiguous):
        raise
    except InvalidRequest as error:
        raise Against(error.field, error.what.removeprefix(f"{error.field}: "), error.advice) from error
