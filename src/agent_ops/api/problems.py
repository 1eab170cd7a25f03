"""Every error as problem details: https://www.rfc-editor.org/rfc/rfc9457

422 says that a request is not what the contract allows; 409 that it is, and that names, policy or what is known stand
against it.
"""

from __future__ import annotations

import http
from collections.abc import Mapping
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse
from starlette.routing import compile_path

from agent_ops.domain import errors
from agent_ops.transport.redaction import redactor

log = structlog.get_logger(__name__)
MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 5
BEARER = 'Bearer realm="agent-ops"'
AGAINST_IT = frozenset({"name", "manager", "joining_date", "run_after", "run", "employee", "user", "evidence"})
"""Fields of an ``InvalidRequest`` that the contract cannot judge: well-formed, and yet refused."""
IN_THE_CONTRACT: Mapping[str, str] = {
    "joining_date": "date_of_joining",
    "contact_number": "contact_no",
    "email_wish": "emailid",
    "idempotency_key": "Idempotency-Key",
}
"""What the library calls differently."""
STATUSES: tuple[tuple[type[errors.AgentOpsError], int], ...] = (
    (errors.NotAuthenticated, 401),
    (errors.NotPermitted, 403),
    (errors.NotFound, 404),
    (errors.Ambiguous, 409),
    (errors.Against, 409),
    (errors.InvalidRequest, 422),
    (errors.IdentityConflict, 409),
    (errors.NoAccessPass, 409),
    (errors.PlanInvalid, 409),
    (errors.PlanOutdated, 409),
    (errors.StorageBusy, 503),
    (errors.ServiceError, 502),
)


class FieldProblem(BaseModel):
    """What is wrong with one place of a request."""

    model_config = ConfigDict(extra="forbid")
    field: str = Field(description="Where: body.name, query.limit, header.Idempotency-Key.", examples=["body.team"])
    message: str = Field(description="What is wrong there.", examples=["Field required"])


class Problem(BaseModel):
    """Problem details (RFC 9457): what happened, and what to do about it."""

    model_config = ConfigDict(extra="forbid")
    type: str = Field(description="A URI reference that names the kind of problem.", examples=["/problems/not-found"])
    title: str = Field(description="The kind in words.", examples=["Not Found"])
    status: int = Field(description="The HTTP status, again.", examples=[404])
    detail: str = Field(description="What happened, and what to do about it.", examples=["there is no run '...'."])
    request_id: str = Field(
        description="Names this request in the service's log.", examples=["0f9c1d4e-5b7a-4c11-8f53-0a5a5f0f7a11"]
    )
    errors: list[FieldProblem] = Field([], description="What is wrong where, when the request itself is.")
    candidates: list[str] = Field([], description="Ids of the employees that may be meant, when there are several.")


def answer(
    request: HTTPConnection, status: int, kind: str, detail: str, headers: Mapping[str, str] | None = None, **more: Any
) -> JSONResponse:
    """A problem as an answer."""
    title = http.HTTPStatus(status).phrase
    request_id = getattr(request.state, "request_id", "")
    body = Problem(type=f"/problems/{kind}", title=title, status=status, detail=detail, request_id=request_id, **more)
    return JSONResponse(body.model_dump(), status, dict(headers or {}), media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Let every error of ours and of the framework leave as a problem; the envelope sees to the others."""
    app.add_exception_handler(errors.AgentOpsError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _of_the_framework)


class TooMany(HTTPException):
    """A caller asked more often than is allowed."""

    def __init__(self, seconds: int) -> None:
        super().__init__(429, f"Too many requests; try again in {seconds} s.", {"Retry-After": str(seconds)})


def status_of(error: errors.AgentOpsError) -> int:
    """The HTTP status for an error of ours."""
    if isinstance(error, errors.InvalidRequest) and error.field in AGAINST_IT:
        return 409
    return next((status for kind, status in STATUSES if isinstance(error, kind)), 500)


async def told_of(request: Request, error: errors.AgentOpsError | RequestValidationError) -> JSONResponse:
    """The problem that this error leaves as."""
    return await (_ours if isinstance(error, errors.AgentOpsError) else _invalid)(request, error)


async def _ours(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, errors.AgentOpsError)  # noqa: S101 - installed for these
    status, kind = status_of(error), _kebab(type(error).__name__)
    headers = {"WWW-Authenticate": getattr(request.state, "challenge", BEARER)} if status == 401 else {}
    more: dict[str, Any] = {}
    if isinstance(error, errors.InvalidRequest):
        more["errors"] = [FieldProblem(field=IN_THE_CONTRACT.get(error.field, error.field), message=error.what)]
    if isinstance(error, errors.Ambiguous):
        more["candidates"] = list(error.candidates)
    if status == 503:
        headers["Retry-After"] = str(RETRY_SECONDS)
    if status >= 500:
        log.error("request_failed", error=str(error), kind=kind)
    detail = redactor.clean(str(error)) if status < 500 or status == 502 else "The service cannot do it now. See its log."
    return answer(request, status, kind, detail, headers, **more)


async def _invalid(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - installed for these
    found = [FieldProblem(field=".".join(map(_place, one["loc"])), message=_told(one)) for one in error.errors()[:20]]
    return answer(request, 422, "invalid-request", "The request is not what the contract allows; nothing was done.", errors=found)


async def _of_the_framework(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - installed for these
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = ", ".join(sorted(_methods(request.app.openapi()["paths"], request.url.path))) or headers.get(
            "Allow", "GET"
        )
    kind = _kebab(http.HTTPStatus(error.status_code).phrase.title().replace(" ", ""))
    return answer(request, error.status_code, kind, str(error.detail), headers)


def unexpected(request: Request) -> JSONResponse:
    """What is answered when nobody knows what went wrong."""
    return answer(request, 500, "internal-error", "The service failed; see its log for this request id.")


def _methods(paths: Mapping[str, Mapping[str, Any]], asked: str) -> set[str]:
    """Every method that the contract has for this path; the pages beside it have GET."""
    matching = [asked] if asked in paths else [path for path in paths if compile_path(path)[0].match(asked)]
    return {method.upper() for path in matching for method in paths[path]}


def _told(one: Mapping[str, Any]) -> str:
    """Pydantic's words, without what was sent: it may be personal."""
    return str(one["msg"])


def _place(part: object) -> str:
    return str(part)[:40]


def _kebab(name: str) -> str:
    return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("-")
