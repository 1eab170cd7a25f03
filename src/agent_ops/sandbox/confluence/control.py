"""What the control server can tell the Confluence twin: what people write in a site, and what its administrator does."""

from __future__ import annotations

from aiohttp import web

from agent_ops.sandbox.atlassian.people import account_id_of
from agent_ops.sandbox.confluence.twin import ConfluenceTwin


class ConfluenceControl:
    """Routes below ``/confluence`` of the control server. Nothing of it is a call to Atlassian."""

    def __init__(self, twin: ConfluenceTwin) -> None:
        self._twin = twin

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/confluence/pages", self._page),
            web.post("/confluence/removed", self._removed),
            web.post("/confluence/access", self._access),
            web.post("/confluence/pipelines", self._pipelines),
            web.post("/confluence/permissions", self._permission),
        ]

    async def _page(self, request: web.Request) -> web.Response:
        return web.json_response({"id": self._twin.site.write(**await request.json())})

    async def _removed(self, request: web.Request) -> web.Response:
        self._twin.site.remove((await request.json())["id"])
        return web.json_response({})

    async def _permission(self, request: web.Request) -> web.Response:
        data = await request.json()
        self._twin.site.let_in(data["space"], account_id_of(data["email"]))
        return web.json_response({})

    async def _pipelines(self, request: web.Request) -> web.Response:
        self._twin.left_behind.idle = bool((await request.json())["idle"])
        return web.json_response({})

    async def _access(self, request: web.Request) -> web.Response:
        data = await request.json()
        self._twin.closed, self._twin.forbidden = set(data["closed"]), bool(data["forbidden"])
        self._twin.revoked = bool(data["revoked"])
        return web.json_response({})
