"""What a user is a member of: groups, and the administrator roles that it holds itself or by way of a group.

https://learn.microsoft.com/graph/api/user-list-memberof and .../user-list-transitivememberof; groups are not nested here.
A caller who may not read a type sees no more than its ids: https://learn.microsoft.com/graph/permissions-overview, "limited
information returned for inaccessible member objects". The words of the refused cast are from memory.
"""

from __future__ import annotations

from aiohttp import web

from agent_ops.sandbox.entra import permissions
from agent_ops.sandbox.entra.directory import Directory
from agent_ops.sandbox.entra.entry import Entry
from agent_ops.sandbox.entra.errors import ADVANCED_QUERIES, unsupported
from agent_ops.sandbox.entra.http import Gate
from agent_ops.sandbox.entra.roles import Roles
from agent_ops.sandbox.entra.schema import GROUP, ROLE
from agent_ops.sandbox.entra.views import Views, is_advanced

_CAST = r"/{cast:(?:microsoft\.)?graph\.(?:group|directoryRole)}"


class Memberships:
    """Routes of ``/users/{id}/memberOf`` and ``/users/{id}/transitiveMemberOf``."""

    def __init__(self, directory: Directory, roles: Roles, views: Views, gate: Gate) -> None:
        self._directory, self._roles, self._views, self._gate = directory, roles, views, gate

    def routes(self) -> list[web.RouteDef]:
        guard, read = self._gate.guard, permissions.MEMBER_OF_READ
        direct, all_of_them = "/v1.0/users/{key}/memberOf", "/v1.0/users/{key}/transitiveMemberOf"
        return [
            web.get(direct, guard(self.direct, read)),
            web.get(direct + _CAST, guard(self.direct, read)),
            web.get(all_of_them, guard(self.transitive, read)),
            web.get(all_of_them + _CAST, guard(self.transitive, read)),
        ]

    async def direct(self, request: web.Request) -> web.StreamResponse:
        user = self._user(request)
        return self._answer(request, self._groups(user), [user.id])

    async def transitive(self, request: web.Request) -> web.StreamResponse:
        user = self._user(request)
        if "cast" in request.match_info and not is_advanced(request):
            raise unsupported(f"A type cast of a transitive relation needs an advanced query. {ADVANCED_QUERIES}")
        groups = self._groups(user)
        return self._answer(request, groups, [user.id, *(group.id for group in groups)])

    def _answer(self, request: web.Request, groups: list[Entry], principals: list[str]) -> web.StreamResponse:
        cast = request.match_info.get("cast", "").rpartition(".")[2]
        roles = self._roles.held_by(principals) if cast != GROUP.edm_type.rpartition(".")[2] else []
        if not permissions.ROLES_READ & self._gate.held(request):
            roles = [Entry(role.id, {"id": role.id}) for role in roles]
        if cast:
            of_roles = cast == "directoryRole"
            return self._views.relation(request, roles if of_roles else groups, ROLE if of_roles else GROUP, cast=True)
        return self._views.relation(request, groups, GROUP, cast=False, others=(roles, ROLE))

    def _groups(self, user: Entry) -> list[Entry]:
        old_enough, joined = self._views.old_enough(), self._directory.member_of(user.id)
        return [self._directory.groups.entries[group] for group, born in joined.items() if old_enough(born)]

    def _user(self, request: web.Request) -> Entry:
        key = request.match_info["key"]
        return self._views.seen(self._directory.user(key), key)
