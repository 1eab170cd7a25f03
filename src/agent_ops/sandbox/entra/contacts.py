"""Graph's organizational contacts, which an application can read only.

https://learn.microsoft.com/graph/api/orgcontact-list
"""

from __future__ import annotations

from aiohttp import web

from agent_ops.sandbox.entra import permissions
from agent_ops.sandbox.entra.directory import Directory
from agent_ops.sandbox.entra.errors import not_found
from agent_ops.sandbox.entra.groups import object_id
from agent_ops.sandbox.entra.http import Gate, answer
from agent_ops.sandbox.entra.odata_query import parse_item_options
from agent_ops.sandbox.entra.schema import CONTACT
from agent_ops.sandbox.entra.views import Views


class Contacts:
    """Routes below ``/contacts``."""

    def __init__(self, directory: Directory, views: Views, gate: Gate) -> None:
        self._directory, self._views, self._gate = directory, views, gate

    def routes(self) -> list[web.RouteDef]:
        guard, read = self._gate.guard, permissions.CONTACTS_READ
        return [
            web.get("/v1.0/contacts", guard(self.list, read)),
            web.get("/v1.0/contacts/$count", guard(self.count, read)),
            web.get("/v1.0/contacts/{key}", guard(self.get, read)),
        ]

    async def list(self, request: web.Request) -> web.StreamResponse:
        return self._views.shelf(request, self._directory.contacts)

    async def count(self, request: web.Request) -> web.StreamResponse:
        return self._views.count(request, self._directory.contacts)

    async def get(self, request: web.Request) -> web.StreamResponse:
        key = object_id(request.match_info["key"])
        entry = self._directory.contacts.entries.get(key)
        if entry is None:
            raise not_found(key)
        return answer(self._views.item(entry, CONTACT, parse_item_options(request.query, CONTACT)))
