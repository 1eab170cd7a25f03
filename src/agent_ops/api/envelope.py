"""What every request and answer has: an id, a line in the log, and headers that browsers heed."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Mapping

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agent_ops.api.metrics import Meters
from agent_ops.api.problems import answer, unexpected

log = structlog.get_logger(__name__)
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Strict-Transport-Security": "max-age=31536000",
}
"""https://owasp.org/www-project-secure-headers/ ; no CORS header at all: no page of another origin may read an answer."""


class Envelope:
    """Outermost: names the request, adds the headers, and tells the log of it without its path's or query's words."""

    def __init__(self, app: ASGIApp, meters: Meters) -> None:
        self._app, self._meters = app, meters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        asked = Headers(scope=scope).get("x-request-id", "")
        request_id = asked if _REQUEST_ID.fullmatch(asked) else str(uuid.uuid4())
        scope.setdefault("state", {})["request_id"] = request_id
        method, began, status = scope.get("method", "GET"), time.perf_counter(), 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"].endswith("http.response.start"):
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        with structlog.contextvars.bound_contextvars(request=request_id):
            try:
                await (self._app if scope["type"] == "http" else _no_socket)(scope, receive, sending)
            except Exception as error:
                log.error("request_broke", error=error, exc_info=error)
                if status:
                    raise  # what was begun is cut off
                await unexpected(Request(scope))(scope, receive, sending)
            finally:
                took, route = time.perf_counter() - began, _route(scope)
                self._meters.served(method, route, status, took)
                caller = getattr(scope["state"].get("caller"), "name", "")
                log.info("request_served", method=method, route=route, status=status, caller=caller, duration=round(took, 4))


async def _no_socket(scope: Scope, receive: Receive, send: Send) -> None:
    """Refuse a WebSocket: before anything is opened, as long as the server can say so."""
    if "websocket.http.response" in scope.get("extensions", {}):
        await answer(HTTPConnection(scope), 404, "not-found", "Nothing here speaks WebSocket.")(scope, receive, send)
    else:
        await send({"type": "websocket.close"})


def _route(scope: Scope) -> str:
    """The path as the contract writes it: it names no person."""
    return str(getattr(scope.get("route"), "path_format", "none"))
