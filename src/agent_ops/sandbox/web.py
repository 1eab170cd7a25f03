"""What every HTTP twin shares: each call is recorded, and faults strike before or after the work."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from typing import Any

from aiohttp import web

from agent_ops.sandbox.echo import echoed
from agent_ops.sandbox.faults import Fault, FaultBook, FaultKind
from agent_ops.sandbox.records import Call, Records

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_EFFECT = web.RequestKey("agent_ops.effect", tuple[str, dict[str, Any]])


def changed(request: web.Request, effect: str, **detail: Any) -> None:
    """Say that this call changed the twin's world; the recorder writes it down even when the answer never arrives."""
    request[_EFFECT] = (effect, detail)


def twin_app(twin: str, records: Records, faults: FaultBook) -> web.Application:
    """An empty aiohttp application with the recorder and the faults of one twin in front."""

    @web.middleware
    async def recorder(request: web.Request, handler: Handler) -> web.StreamResponse:
        status = 0
        try:
            response = await _with_faults(request, handler, faults.draw(twin, request.method, request.path))
            status = response.status
            return response
        except web.HTTPException as answer:
            status = answer.status
            raise
        finally:
            effect, detail = request.get(_EFFECT, ("", {}))
            records.record(Call(twin, request.method, request.path_qs, status, effect, detail))

    async def clock(request: web.Request, response: web.StreamResponse) -> None:
        if ahead := faults.skew(twin):
            response.headers["Date"] = formatdate(time.time() + ahead, usegmt=True)

    app = web.Application(middlewares=[recorder])
    app.on_response_prepare.append(clock)
    return app


async def _with_faults(request: web.Request, handler: Handler, faults: list[Fault]) -> web.StreamResponse:
    kinds = {fault.kind: fault for fault in faults}
    if FaultKind.LATENCY in kinds:
        await asyncio.sleep(kinds[FaultKind.LATENCY].seconds)
    if FaultKind.HANG in kinds:
        await asyncio.sleep(kinds[FaultKind.HANG].seconds)
        cut(request)
    if FaultKind.DROP_BEFORE in kinds:
        cut(request)
    if FaultKind.STATUS in kinds:
        fault = kinds[FaultKind.STATUS]
        headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
        words = await echoed(request) if fault.echo else fault.words or "told to fail"
        return web.json_response({"error": {"code": "sandboxFault", "message": words}}, status=fault.status, headers=headers)
    response = await handler(request)
    if FaultKind.DROP_AFTER in kinds:
        cut(request)
    return response


def cut(request: web.Request) -> None:
    """Cut the TCP connection as a dying service or network does, and stop handling the request."""
    if request.transport is not None:
        request.transport.abort()
    raise asyncio.CancelledError
