"""What the control server can tell the Entra twin: what an administrator, or time, would do to a tenant."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from agent_ops.sandbox.entra.twin import EntraTwin


class EntraControl:
    """Routes below ``/entra`` of the control server. Nothing of it is a call to Microsoft."""

    def __init__(self, twin: EntraTwin) -> None:
        self._twin = twin

    def routes(self) -> list[web.RouteDef]:
        return [web.post("/entra/licences", self._licences), web.post("/entra/licences/reprocess", self._reprocess)]

    async def _licences(self, request: web.Request) -> web.Response:
        data: dict[str, Any] = await request.json()
        if "sku" in data:
            self._twin.subscriptions.set_seats(data["sku"], int(data["seats"]))
        self._twin.subscriptions.set_pace(
            licence_seconds=data.get("licence_seconds"), mailbox_seconds=data.get("mailbox_seconds")
        )
        return web.json_response({})

    async def _reprocess(self, request: web.Request) -> web.Response:
        for user in list(self._twin.directory.users.entries):
            self._twin.licences.reprocess(user)
        return web.json_response({})
