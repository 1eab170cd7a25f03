"""Graph's deleted users: they wait thirty days, can be restored, or go for good.

https://learn.microsoft.com/graph/api/resources/directory
"""

from __future__ import annotations

from aiohttp import web

from agent_ops.sandbox.entra import permissions
from agent_ops.sandbox.entra.directory import Directory
from agent_ops.sandbox.entra.entry import Entry
from agent_ops.sandbox.entra.errors import invalid_value, not_found
from agent_ops.sandbox.entra.groups import object_id
from agent_ops.sandbox.entra.http import Gate, answer, no_content, read_object
from agent_ops.sandbox.entra.odata_query import parse_item_options
from agent_ops.sandbox.entra.roles import Roles
from agent_ops.sandbox.entra.rules import check_user_principal_name
from agent_ops.sandbox.entra.schema import USER
from agent_ops.sandbox.entra.views import Views
from agent_ops.sandbox.web import changed

_EXTRA = ("deletedDateTime",)


class Deleted:
    """Routes below ``/directory/deletedItems``."""

    def __init__(self, directory: Directory, roles: Roles, views: Views, gate: Gate) -> None:
        self._directory, self._roles, self._views, self._gate = directory, roles, views, gate

    def routes(self) -> list[web.RouteDef]:
        guard, read, write = self._gate.guard, permissions.USERS_READ, permissions.USERS_DELETE
        root = "/v1.0/directory/deletedItems"
        return [
            web.get(root + r"/{cast:(?:microsoft\.)?graph\.user}", guard(self.list, read)),
            web.get(root + "/{key}", guard(self.get, read)),
            web.delete(root + "/{key}", guard(self.purge, permissions.USERS_WRITE)),
            web.post(root + "/{key}/restore", guard(self.restore, write)),
        ]

    async def list(self, request: web.Request) -> web.StreamResponse:
        return self._views.shelf(request, self._directory.deleted, extra=_EXTRA)

    async def get(self, request: web.Request) -> web.StreamResponse:
        select = parse_item_options(request.query, USER)
        return answer(self._shown(self._entry(request), select))

    async def purge(self, request: web.Request) -> web.StreamResponse:
        entry = self._entry(request)
        self._roles.protect(entry)
        self._directory.purge_user(entry)
        changed(request, "entra.purge", id=entry.id)
        return no_content()

    async def restore(self, request: web.Request) -> web.StreamResponse:
        entry = self._entry(request)
        self._roles.protect(entry)
        new_name = (await read_object(request, empty=True)).get("newUserPrincipalName")
        if new_name is not None:
            if not isinstance(new_name, str):
                raise invalid_value("newUserPrincipalName")
            check_user_principal_name(new_name, self._directory.domains.verified)
        self._directory.restore_user(entry, new_name)
        changed(request, "entra.restore", id=entry.id, upn=entry.properties["userPrincipalName"])
        return answer(self._shown(entry, ()))

    def _entry(self, request: web.Request) -> Entry:
        key = object_id(request.match_info["key"])
        entry = self._directory.deleted.entries.get(key)
        if entry is None:
            raise not_found(key)
        return entry

    def _shown(self, entry: Entry, select: tuple[str, ...]) -> dict[str, object]:
        """The object by its type, with the time of its deletion unless the caller chose."""
        shown = self._views.directory_object(entry, USER, select)
        return shown if select else {**shown, **entry.render(_EXTRA, USER)}
