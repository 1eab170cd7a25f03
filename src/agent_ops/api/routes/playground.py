"""The playground of each runnable, where the settings switch it on: ``/langserve/<name>/playground/``, and what it asks."""

from __future__ import annotations

import contextlib
import functools
import json
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, FastAPI, HTTPException, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic_core import from_json
from starlette.concurrency import run_in_threadpool

from agent_ops.api import problems
from agent_ops.api.admission import Acting, needs
from agent_ops.api.browser import BrowserRoute
from agent_ops.api.facades import Outcome
from agent_ops.api.playground import Page, filled_in
from agent_ops.api.routes.langserve import PREFIX, Served, admitted, asking, parsed
from agent_ops.domain.errors import AgentOpsError
from agent_ops.domain.tasks import TASK_READ


def install(app: FastAPI, runnables: Mapping[str, Served]) -> None:
    """Add the routes, which answer 404 until ``settings.playground`` lets them be there."""
    router = APIRouter(prefix=PREFIX, route_class=BrowserRoute, include_in_schema=False, dependencies=[needs(TASK_READ)])
    for name, served in runnables.items():
        _add(router, name, served)
    app.include_router(router)


def _add(router: APIRouter, name: str, served: Served) -> None:
    @functools.cache
    def page() -> Page:
        """Made when somebody first asks: a service that starts has no time for it."""
        return Page(f"{PREFIX}/{name}/playground", served.takes, Outcome)

    @router.get(f"/{name}/playground", name=f"{name}_page")
    @router.get(f"/{name}/playground/{{file:path}}", name=f"{name}_playground")
    async def playground(request: Request) -> Response:
        """The page, or a file of it."""
        found = (await run_in_threadpool(page)).file(request.path_params.get("file", ""))
        if found is None:
            raise HTTPException(404, "The playground has no such file.")
        return found

    @router.post(f"/{name}/stream_log", name=f"{name}_stream_log")
    async def stream_log(request: Request, ops: Acting) -> Response:
        """Admit the input, and send the run's events as they happen, then the outcome; a refusal in the same form."""
        try:
            given = await parsed(request, served.one, _said)
            hands = await admitted(served, [given.input], ops, request)
        except (AgentOpsError, RequestValidationError) as error:
            return _shown(await problems.told_of(request, error))
        return await served.handler.stream_log(asking(request, input={}), server_config=hands.config())


def _said(body: bytes) -> bytes:
    """What was filled in; a body that is no JSON is left to be refused."""
    with contextlib.suppress(ValueError):
        return json.dumps(filled_in(from_json(body))).encode()
    return body


def _shown(problem: Response) -> Response:
    """A problem with its status, as the page can show it: it reads streams only, and knows of nothing else that goes wrong."""
    state: dict[str, Any] = {"id": "", "streamed_output": [from_json(bytes(problem.body))], "final_output": None, "logs": {}}
    patch = json.dumps({"ops": [{"op": "replace", "path": "", "value": state}]})
    text = f"event: data\r\ndata: {patch}\r\n\r\nevent: end\r\n\r\n"
    return Response(text, problem.status_code, media_type="text/event-stream")
