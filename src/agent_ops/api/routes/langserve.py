"""LangServe's routes, ``/langserve/<name>/...``, for the planner and each agent: https://github.com/langchain-ai/langserve

They are there when the library is (`pip install 'agent-ops[langserve]'`). They take the library's ``APIHandler`` for its
protocol, and our own gate, edge and errors for everything else: what ``add_routes`` would register knows none of them. They
are left out of the OpenAPI document, which must not depend on what is installed; each has its schemas at its own addresses.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import Field, ValidationError
from starlette.types import Message

from agent_ops.agents import load_agents
from agent_ops.api.admission import Acting, Calling, GuardedRoute, needs, said_once
from agent_ops.api.answers import run_url
from agent_ops.api.bodies import Body
from agent_ops.api.facades import AgentInput, Followed, Hands, PlannerInput
from agent_ops.api.routes.tasks import taken_on
from agent_ops.api.streams import GONE, unless_gone
from agent_ops.api.task_body import TaskBody
from agent_ops.domain.errors import Against, AgentOpsError
from agent_ops.domain.runs import Run
from agent_ops.domain.tasks import TASK_READ
from agent_ops.runtime.agent_ops import AgentOps

if TYPE_CHECKING:
    from langserve import APIHandler

PREFIX = "/langserve"
MAX_BATCH = 16
PLANNER = "planner"
B = TypeVar("B", bound=Body)
Admit = Callable[[AgentOps, Any, Request], Awaitable[Run]]


class Invocation(Body, Generic[B]):
    """What ``RemoteRunnable`` sends. ``config`` is the client's own, and nothing of it is heeded."""

    input: B
    config: dict[str, Any] | None = None
    kwargs: dict[str, Any] = Field({}, max_length=0)


class Batch(Body, Generic[B]):
    """Several inputs, each a run of its own."""

    inputs: list[B] = Field(min_length=1, max_length=MAX_BATCH)
    config: dict[str, Any] | list[dict[str, Any]] | None = None
    kwargs: dict[str, Any] = Field({}, max_length=0)


@dataclass(frozen=True)
class Served:
    """One runnable: how its inputs are read and admitted, and the library's handler of it."""

    takes: type[Body]
    one: type[Invocation[Any]]
    several: type[Batch[Any]]
    admit: Admit
    handler: APIHandler


def install(app: FastAPI) -> Mapping[str, Served]:
    """Add the routes, where the library is installed, and tell what they serve."""
    if importlib.util.find_spec("langserve") is None:
        return {}
    router = APIRouter(prefix=PREFIX, route_class=GuardedRoute, include_in_schema=False, dependencies=[needs(TASK_READ)])
    runnables = {name: _served(name, AgentInput, _by(name)) for name in load_agents()}
    runnables[PLANNER] = _served(PLANNER, PlannerInput, _planned)
    for name, served in runnables.items():
        _add(router, name, served)
    app.include_router(router)
    return runnables


def _served(name: str, kind: type[Body], admit: Admit) -> Served:
    from langserve import APIHandler  # noqa: PLC0415 - an extra

    handler = APIHandler(Followed(name, kind), path=f"/{name}", prefix=PREFIX)
    return Served(kind, Invocation[kind], Batch[kind], admit, handler)  # type: ignore[valid-type]


async def _planned(ops: AgentOps, given: PlannerInput, request: Request) -> Run:
    """The run of a hire or a task, as /api/users/onboard_user and /api/execute_task admit them."""
    if given.hire is None:
        return await _asked(ops, given.as_task(), request)
    return await ops.submit(given.hire.profile(), idempotency_key=given.idempotency_key, **given.hire.options())


def _by(agent: str) -> Admit:
    async def admit(ops: AgentOps, given: AgentInput, request: Request) -> Run:
        return await _asked(ops, given, request, agent)

    return admit


async def _asked(ops: AgentOps, body: TaskBody, request: Request, agent: str = "") -> Run:
    body.check(request.app.state.items)
    return await taken_on(ops, body, agent)


def _add(router: APIRouter, name: str, served: Served) -> None:
    """The routes of one runnable."""
    handler = served.handler

    @router.post(f"/{name}/invoke", name=f"{name}_invoke")
    async def invoke(request: Request, ops: Acting, caller: Calling) -> Any:
        """Admit the input, and answer its outcome."""
        hands = await admitted(served, [(await parsed(request, served.one)).input], ops, request)
        return await unless_gone(request, handler.invoke(asking(request, input={}), server_config=hands.config())) or Response(
            status_code=GONE
        )

    @router.post(f"/{name}/batch", name=f"{name}_batch")
    async def batch(request: Request, ops: Acting, caller: Calling) -> Any:
        """Admit every input, and answer their outcomes in order."""
        inputs = (await parsed(request, served.several)).inputs
        request.app.state.gate.more(caller, len(inputs) - 1)
        hands = await admitted(served, inputs, ops, request)
        several = asking(request, inputs=[{}] * len(inputs))
        return await unless_gone(request, handler.batch(several, server_config=hands.config())) or Response(status_code=GONE)

    @router.post(f"/{name}/stream", name=f"{name}_stream")
    async def stream(request: Request, ops: Acting, caller: Calling) -> Any:
        """Admit the input, and send the run's events as they happen, then the outcome."""
        hands = await admitted(served, [(await parsed(request, served.one)).input], ops, request)
        return await handler.stream(asking(request, input={}), server_config=hands.config())

    for schema in ("input_schema", "output_schema", "config_schema"):
        router.add_api_route(f"/{name}/{schema}", _telling(getattr(handler, schema)), name=f"{name}_{schema}")


def asking(request: Request, **body: Any) -> Request:
    """The request as the library reads it: without the client's words, as it refuses some of them when the runs are taken on."""

    async def receive() -> Message:
        return {"type": "http.request", "body": json.dumps({**body, "config": {}, "kwargs": {}}).encode()}

    return Request(request.scope, receive)


def _telling(schema: Callable[[Request], Awaitable[Any]]) -> Callable[[Request], Awaitable[JSONResponse]]:
    async def tell(request: Request) -> JSONResponse:
        """A JSON schema."""
        return JSONResponse(await schema(request))

    return tell


async def parsed(request: Request, kind: type[B], said: Callable[[bytes], bytes] = bytes) -> B:
    """The body, of which ``said`` tells what counts.

    Raises:
        RequestValidationError: it is not what the runnable takes; nothing was done.
        HTTPException: it says something twice.
    """
    body = said(await request.body())
    try:
        given = kind.model_validate_json(body)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        raise RequestValidationError([{**one, "loc": ("body", *one["loc"])} for one in found]) from None
    said_once(body)
    return given


async def admitted(served: Served, inputs: Sequence[Any], ops: AgentOps, request: Request) -> Hands:
    """The runs of all inputs, recorded one after the other.

    Raises:
        AgentOpsError: an input is refused; ``Against`` says which runs the ones before it were given.
    """
    runs: list[Run] = []
    for number, given in enumerate(inputs):
        try:
            runs.append(await served.admit(ops, given, request))
        except AgentOpsError as error:
            if not runs:
                raise
            before = ", ".join(run_url(run.id) for run in runs)
            raise Against(f"inputs.{number}", error.what, f"Those before it were taken on: {before}.") from error
    return Hands(ops, request.state.caller, request.app.state.bell, tuple(runs))
