"""What the control server can tell the GitHub twin. Nothing of it is a call to GitHub."""

from __future__ import annotations

import time

from aiohttp import web

from agent_ops.sandbox.github.site import SignOn
from agent_ops.sandbox.github.twin import GithubTwin


class GithubControl:
    """Routes below ``/github`` of the control server."""

    def __init__(self, twin: GithubTwin) -> None:
        self._twin = twin

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/github/pulls", self._pull),
            web.post("/github/members", self._member),
            web.post("/github/identities", self._identity),
            web.post("/github/sign_on", self._sign_on),
            web.post("/github/pipelines", self._pipelines),
            web.post("/github/token", self._token),
            web.post("/github/limit", self._limit),
            web.post("/github/slow", self._slow),
        ]

    async def _pull(self, request: web.Request) -> web.Response:
        return web.json_response({"number": self._twin.site.open_pull(**await request.json())})

    async def _member(self, request: web.Request) -> web.Response:
        self._twin.site.member(**await request.json())
        return web.json_response({})

    async def _identity(self, request: web.Request) -> web.Response:
        self._twin.site.identity(**await request.json())
        return web.json_response({})

    async def _sign_on(self, request: web.Request) -> web.Response:
        self._twin.site.sign_on = SignOn((await request.json())["state"])
        return web.json_response({})

    async def _pipelines(self, request: web.Request) -> web.Response:
        self._twin.left_behind.idle = bool((await request.json())["idle"])
        return web.json_response({})

    async def _token(self, request: web.Request) -> web.Response:
        self._twin.revoked = bool((await request.json())["revoked"])
        return web.json_response({})

    async def _limit(self, request: web.Request) -> web.Response:
        data = await request.json()
        self._twin.limits.exhaust(data["resource"], float(data["seconds"]))
        return web.json_response({})

    async def _slow(self, request: web.Request) -> web.Response:
        data = await request.json()
        self._twin.limits.slow_until, self._twin.limits.hint = time.time() + float(data["seconds"]), bool(data["hint"])
        return web.json_response({})
