"""What every Graph route shares: request ids, error bodies, reading JSON, writing OData JSON, tokens and permissions."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NoReturn

from aiohttp import web

from agent_ops.sandbox.entra.errors import GraphError, bad_request, denied, unauthenticated
from agent_ops.sandbox.entra.tokens import InvalidToken, TokenService

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_ODATA = "application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8"
_REQUEST_ID = web.RequestKey("agent_ops.entra.request_id", str)
_UNREADABLE = "Unable to read JSON request payload. Please ensure Content-Type header is set and payload is of valid JSON format."
_LONGEST_ID = 128


def request_id(request: web.Request) -> str:
    """The service's own id of this call."""
    if _REQUEST_ID not in request:
        request[_REQUEST_ID] = str(uuid.uuid4())
    return request[_REQUEST_ID]


def client_request_id(request: web.Request) -> str:
    """The caller's id of this call, ours when it sent none that can be echoed."""
    sent = request.headers.get("client-request-id", "")
    return sent if 0 < len(sent) <= _LONGEST_ID and sent.isascii() and sent.isprintable() else request_id(request)


async def add_ids(request: web.Request, response: web.StreamResponse) -> None:
    """Every answer, also a refusal, carries both ids: https://learn.microsoft.com/graph/best-practices-concept."""
    response.headers["request-id"] = request_id(request)
    response.headers["client-request-id"] = client_request_id(request)
    if request.path.startswith("/v1.0"):
        response.headers.setdefault("Cache-Control", "no-cache")
        response.headers.setdefault("OData-Version", "4.0")
    else:
        response.headers["x-ms-request-id"] = request_id(request)
        response.headers.setdefault("Cache-Control", "no-store, no-cache")


@web.middleware
async def graph_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn refusals into Graph's error body."""
    try:
        return await handler(request)
    except web.HTTPRequestEntityTooLarge:
        return error_answer(request, GraphError(413, "RequestEntityTooLarge", "The request entity is too large."))
    except GraphError as error:
        return error_answer(request, error)


def error_answer(request: web.Request, error: GraphError) -> web.Response:
    date = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
    body = error.body(date=date, request_id=request_id(request), client_request_id=client_request_id(request))
    return web.json_response(body, status=error.status, headers=error.headers)


def answer(body: Mapping[str, Any], *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """An OData JSON answer."""
    text = json.dumps(body, separators=(",", ":"))
    return web.Response(body=text.encode(), status=status, headers={"Content-Type": _ODATA, **(headers or {})})


def no_content() -> web.Response:
    return web.Response(status=204)


async def read_object(request: web.Request, *, empty: bool = False) -> dict[str, Any]:
    """The JSON object in the body; ``empty`` allows none."""
    raw = await request.read()
    if not raw.strip():
        if empty:
            return {}
        raise bad_request("Empty Payload. JSON content expected.")
    if "json" not in request.content_type:
        raise bad_request("Write requests (excluding DELETE) must contain the Content-Type header declaration.")
    try:
        body = json.loads(raw, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise bad_request(_UNREADABLE) from None
    if not isinstance(body, dict):
        raise bad_request(_UNREADABLE)
    return body


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


class Gate:
    """Lets a call through when its token is good and one of a route's permissions is granted."""

    def __init__(self, tokens: TokenService, granted: Callable[[], frozenset[str]], authority: str) -> None:
        self._tokens, self._granted, self._authority = tokens, granted, authority

    def guard(self, handler: Handler, any_of: frozenset[str]) -> Handler:
        """``handler`` behind the gate; with no permissions named, a good token is enough."""

        async def guarded(request: web.Request) -> web.StreamResponse:
            held = self.held(request)
            if any_of and not any_of & held:
                raise denied()
            return await handler(request)

        return guarded

    def held(self, request: web.Request) -> frozenset[str]:
        """The permissions in the caller's token that are still granted."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise unauthenticated("Access token is empty.", self._authority)
        try:
            return self._tokens.roles(token.strip()) & self._granted()
        except InvalidToken as error:
            raise unauthenticated(str(error), self._authority) from None
