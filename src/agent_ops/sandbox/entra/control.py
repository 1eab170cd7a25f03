"""What the control server can tell the Entra twin: what an administrator, or time, would do to a tenant."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from agent_ops.sandbox.entra.entry import Entry
from agent_ops.sandbox.entra.errors import GraphError
from agent_ops.sandbox.entra.twin import EntraTwin
from agent_ops.sandbox.world import ContactSeed, GroupSeed, UserSeed


class EntraControl:
    """Routes below ``/entra`` of the control server. Nothing of it is a call to Microsoft."""

    def __init__(self, twin: EntraTwin) -> None:
        self._twin = twin

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/entra/licences", self._licences),
            web.post("/entra/licences/reprocess", self._reprocess),
            web.post("/entra/domains", self._domain),
            web.post("/entra/permissions", self._permissions),
            web.post("/entra/conditions", self._conditions),
            web.post("/entra/methods", self._method),
            web.post("/entra/users", _planting(self._user)),
            web.post("/entra/groups", _planting(self._group)),
            web.post("/entra/contacts", _planting(self._contact)),
        ]

    async def _licences(self, request: web.Request) -> web.Response:
        self._twin.licences.settle()  # what was due before is done under the old terms
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

    async def _domain(self, request: web.Request) -> web.Response:
        data: dict[str, Any] = await request.json()
        self._twin.directory.domains.set(data.pop("name"), **data)
        return web.json_response({})

    async def _permissions(self, request: web.Request) -> web.Response:
        names = (await request.json())["names"]
        if names is not None:
            self._twin.set_permissions(names)
        return web.json_response({"names": sorted(self._twin.permissions)})

    async def _conditions(self, request: web.Request) -> web.Response:
        self._twin.conditions.change(**await request.json())
        return web.json_response({})

    async def _method(self, request: web.Request) -> web.Response:
        data: dict[str, Any] = await request.json()
        self._twin.passes.befall(data["user"], data["event"])
        return web.json_response({})

    def _user(self, data: dict[str, Any]) -> Entry:
        roles = tuple(data["roles"])
        seed = UserSeed(data["user_principal_name"], data["display_name"], data["attributes"], data["deleted"], roles)
        return self._twin.directory.plant_user(seed)

    def _group(self, data: dict[str, Any]) -> Entry:
        key = data["id"] or str(uuid.uuid4())
        seed = GroupSeed(key, data["name"], data["licence"], data["mail"], tuple(data["roles"]))
        return self._twin.directory.plant_group(seed)

    def _contact(self, data: dict[str, Any]) -> Entry:
        seed = ContactSeed(data["display_name"], data["mail"], tuple(data["proxy_addresses"]))
        return self._twin.directory.plant_contact(seed)


def _planting(plant: Callable[[dict[str, Any]], Entry]) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """A route that answers the id of what was planted, or why it cannot be."""

    async def handler(request: web.Request) -> web.StreamResponse:
        try:
            return web.json_response({"id": plant(await request.json()).id})
        except GraphError as error:
            raise web.HTTPConflict(text=f"{error}\n") from None

    return handler
