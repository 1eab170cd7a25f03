"""Graph's groups and their members.

https://learn.microsoft.com/graph/api/resources/group
"""

from __future__ import annotations

import uuid

from aiohttp import web

from agent_ops.sandbox.entra import permissions
from agent_ops.sandbox.entra.directory import Directory
from agent_ops.sandbox.entra.entry import Entry
from agent_ops.sandbox.entra.errors import not_found, refused
from agent_ops.sandbox.entra.http import Gate, answer, no_content, read_object
from agent_ops.sandbox.entra.licences import Licences
from agent_ops.sandbox.entra.odata_query import parse_item_options
from agent_ops.sandbox.entra.schema import GROUP, USER
from agent_ops.sandbox.entra.views import Views, reference
from agent_ops.sandbox.web import changed


class Groups:
    """Routes below ``/groups``."""

    def __init__(self, directory: Directory, licences: Licences, views: Views, gate: Gate) -> None:
        self._directory, self._licences, self._views, self._gate = directory, licences, views, gate

    def routes(self) -> list[web.RouteDef]:
        guard, read, write = self._gate.guard, permissions.GROUPS_READ, permissions.MEMBERS_WRITE
        members = "/v1.0/groups/{group}/members"
        return [
            web.get("/v1.0/groups", guard(self.list, read)),
            web.get("/v1.0/groups/$count", guard(self.count, read)),
            web.get("/v1.0/groups/{group}", guard(self.get, read)),
            web.get(members, guard(self.members, read)),
            web.get(members + r"/{cast:(?:microsoft\.)?graph\.user}", guard(self.members, read)),
            web.post(f"{members}/$ref", guard(self.add, write)),
            web.delete(members + "/{user}/$ref", guard(self.remove, write)),
        ]

    async def list(self, request: web.Request) -> web.StreamResponse:
        return self._views.shelf(request, self._directory.groups)

    async def count(self, request: web.Request) -> web.StreamResponse:
        return self._views.count(request, self._directory.groups)

    async def get(self, request: web.Request) -> web.StreamResponse:
        select = parse_item_options(request.query, GROUP)
        return answer(self._views.item(self._group(request), GROUP, select))

    async def members(self, request: web.Request) -> web.StreamResponse:
        group, old_enough = self._group(request), self._views.old_enough()
        joined = self._directory.members(group.id)
        users = [self._directory.users.entries[user] for user, born in joined.items() if old_enough(born)]
        return self._views.relation(request, users, USER, cast="cast" in request.match_info)

    async def add(self, request: web.Request) -> web.StreamResponse:
        group = self._group(request)
        key = reference(await read_object(request))
        user = self._directory.user(key)
        if user is None:
            raise not_found(key)
        self._directory.add_member(group.id, user.id)
        self._licences.membership_changed(group.id, user.id)
        changed(request, "entra.group.add", group=group.id, user=user.id)
        return no_content()

    async def remove(self, request: web.Request) -> web.StreamResponse:
        group = self._group(request)
        user = object_id(request.match_info["user"])
        self._directory.remove_member(group.id, user)
        self._licences.membership_changed(group.id, user)
        changed(request, "entra.group.remove", group=group.id, user=user)
        return no_content()

    def _group(self, request: web.Request) -> Entry:
        key = object_id(request.match_info["group"])
        entry = self._directory.groups.entries.get(key)
        if entry is None:
            raise not_found(request.match_info["group"])
        return entry


def object_id(text: str) -> str:
    """A well-formed object id in lower case; Graph refuses any other key of a group or a deleted item."""
    try:
        canonical = str(uuid.UUID(text))
    except ValueError:
        canonical = ""
    if canonical != text.lower():
        raise refused(f"Invalid object identifier '{text}'.")
    return canonical
