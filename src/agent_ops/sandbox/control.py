"""The control server: not a twin of anything, but the handle by which tests and demos tell the twins what to do."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from aiohttp import web

from agent_ops.domain.policy import DEFAULT_INSTANCE
from agent_ops.sandbox.faults import Fault, FaultBook
from agent_ops.sandbox.jenkins import JenkinsTwin, Outcome
from agent_ops.sandbox.listener import Listener
from agent_ops.sandbox.records import Records
from agent_ops.sandbox.smtp import MAX_BYTES
from agent_ops.sandbox.smtp_ports import MailPorts

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class TwinControl(Protocol):
    """The routes of the control server below one twin's name."""

    def routes(self) -> list[web.RouteDef]:
        """What a test or a demo can tell the twin."""


class Control:
    """Faults, pipelines' outcomes, dead mail servers, and who is attached; ``twins`` add routes of their own."""

    def __init__(
        self,
        token: str,
        records: Records,
        faults: FaultBook,
        jenkins: Mapping[str, JenkinsTwin],
        listeners: Mapping[str, Listener],
        mail: MailPorts,
        twins: Sequence[TwinControl],
    ) -> None:
        self._token, self._records, self._faults = token, records, faults
        self._jenkins, self._listeners, self._mail, self._twins = jenkins, listeners, mail, twins
        self.attached = 0

    def app(self) -> web.Application:
        app = web.Application(middlewares=[self._authenticated])
        app.add_routes(
            [
                web.get("/health", self._health),
                web.get("/attach", self._attach),
                web.post("/faults", self._add_fault),
                web.get("/faults", self._list_faults),
                web.delete("/faults", self._clear_faults),
                web.post("/jenkins/outcomes", self._outcome),
                web.post("/jenkins/seconds", self._seconds),
                web.post("/jenkins/disabled", self._disabled),
                web.post("/jenkins/quieting", self._quieting),
                *(route for twin in self._twins for route in twin.routes()),
                web.post("/jenkins/hold", self._hold),
                web.post("/jenkins/restart", self._restart),
                web.post("/mail/down", self._mail_down),
                web.post("/mail/up", self._mail_up),
                web.post("/mail/limit", self._mail_limit),
            ]
        )
        return app

    @web.middleware
    async def _authenticated(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if not hmac.compare_digest(request.headers.get("Authorization", ""), f"Bearer {self._token}"):
            raise web.HTTPUnauthorized(text="the sandbox's control token is needed\n")
        return await handler(request)

    async def _health(self, request: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "attached": self.attached})

    async def _attach(self, request: web.Request) -> web.StreamResponse:
        """Held open for as long as a process uses the sandbox; a killed process's connection closes by itself."""
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"attached\n")
        self.attached += 1
        try:
            while True:
                await asyncio.sleep(0.5)
                await response.write(b".")
        except ConnectionError:
            return response
        finally:
            self.attached -= 1

    async def _add_fault(self, request: web.Request) -> web.Response:
        self._faults.add(Fault.from_json(await request.json()))
        return web.json_response({"faults": self._faults.struck()})

    async def _list_faults(self, request: web.Request) -> web.Response:
        return web.json_response({"faults": self._faults.struck()})

    async def _clear_faults(self, request: web.Request) -> web.Response:
        self._faults.clear()
        self._mail.twin.max_bytes = MAX_BYTES
        await self._mail.up()
        return web.json_response({"faults": []})

    async def _outcome(self, request: web.Request) -> web.Response:
        data: dict[str, Any] = await request.json()
        twin = self._jenkins[data.pop("instance", DEFAULT_INSTANCE)]
        twin.set_outcome(Outcome(**{**data, "console": tuple(data.get("console", ()))}))
        return web.json_response({})

    async def _seconds(self, request: web.Request) -> web.Response:
        data = await request.json()
        self._jenkins[data.get("instance", DEFAULT_INSTANCE)].set_seconds(data["job"], float(data["seconds"]))
        return web.json_response({})

    async def _hold(self, request: web.Request) -> web.Response:
        data = await request.json()
        self._jenkins[data["instance"]].hold(data["job"], data["why"], stuck=bool(data["stuck"]))
        return web.json_response({})

    async def _restart(self, request: web.Request) -> web.Response:
        """The first half of the time nothing listens, the second half everything is answered with 503."""
        data = await request.json()
        instance, seconds = data["instance"], float(data["seconds"])
        self._jenkins[instance].restart(seconds, refusing=seconds / 2, crash=bool(data["crash"]), resume=bool(data["resume"]))
        await self._listeners[instance].refuse(seconds / 2)
        return web.json_response({})

    async def _mail_down(self, request: web.Request) -> web.Response:
        self._mail.down((await request.json())["seconds"])
        return web.json_response({})

    async def _mail_up(self, request: web.Request) -> web.Response:
        await self._mail.up()
        return web.json_response({})

    async def _mail_limit(self, request: web.Request) -> web.Response:
        self._mail.twin.max_bytes = int((await request.json())["bytes"])
        return web.json_response({})

    async def _disabled(self, request: web.Request) -> web.Response:
        data = await request.json()
        self._jenkins[data["instance"]].set_disabled(data["job"], bool(data["disabled"]))
        return web.json_response({})

    async def _quieting(self, request: web.Request) -> web.Response:
        data = await request.json()
        self._jenkins[data["instance"]].quiet_down(bool(data["quieting"]))
        return web.json_response({})
