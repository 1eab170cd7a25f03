"""Graph's users: create, list, read, change, delete, manager and licences.

https://learn.microsoft.com/graph/api/resources/user
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from aiohttp import web
from multidict import MultiDict

from agent_ops.sandbox.entra import permissions
from agent_ops.sandbox.entra.conditions import ConditionStore
from agent_ops.sandbox.entra.directory import Directory
from agent_ops.sandbox.entra.entry import Entry
from agent_ops.sandbox.entra.errors import GraphError, denied, not_found
from agent_ops.sandbox.entra.http import Gate, answer, no_content, read_object
from agent_ops.sandbox.entra.licences import Licences
from agent_ops.sandbox.entra.moments import timestamp
from agent_ops.sandbox.entra.odata_query import parse_item_options
from agent_ops.sandbox.entra.roles import Roles
from agent_ops.sandbox.entra.rules import changed_user, check_mastered_here, new_user
from agent_ops.sandbox.entra.schema import USER
from agent_ops.sandbox.entra.views import Views, reference
from agent_ops.sandbox.web import changed

_ACTIVITY = "signInActivity"


class Users:
    """Routes below ``/users``."""

    def __init__(
        self,
        directory: Directory,
        roles: Roles,
        licences: Licences,
        conditions: ConditionStore,
        views: Views,
        gate: Gate,
        tenant_url: str,
    ) -> None:
        self._directory, self._roles, self._licences, self._conditions = directory, roles, licences, conditions
        self._views, self._gate, self._tenant_url = views, gate, tenant_url

    def routes(self) -> list[web.RouteDef]:
        guard, read, write = self._gate.guard, permissions.USERS_READ, permissions.USERS_WRITE
        one, manager = "/v1.0/users/{key}", "/v1.0/users/{key}/manager"
        return [
            web.get("/v1.0/users", guard(self.list, read)),
            web.post("/v1.0/users", guard(self.create, write)),
            web.get("/v1.0/users/$count", guard(self.count, read)),
            web.get(one, guard(self.get, read)),
            web.patch(one, guard(self.update, permissions.USERS_UPDATE)),
            web.delete(one, guard(self.delete, permissions.USERS_DELETE)),
            web.get(manager, guard(self.manager, read)),
            web.put(f"{manager}/$ref", guard(self.set_manager, write)),
            web.delete(f"{manager}/$ref", guard(self.remove_manager, write)),
            web.post(f"{one}/reprocessLicenseAssignment", guard(self.reprocess, permissions.LICENCES_WRITE)),
        ]

    async def list(self, request: web.Request) -> web.StreamResponse:
        return self._views.shelf(request, self._directory.users)

    async def count(self, request: web.Request) -> web.StreamResponse:
        return self._views.count(request, self._directory.users)

    async def create(self, request: web.Request) -> web.StreamResponse:
        domains = self._directory.domains
        properties = new_user(await read_object(request), domains.verified, domains.federated)
        entry = self._directory.create_user(properties)
        name = entry.properties["userPrincipalName"]
        changed(request, "entra.create", upn=name, id=entry.id, display_name=entry.properties["displayName"])
        location = f"{self._tenant_url}/directoryObjects/{entry.id}/Microsoft.DirectoryServices.User"
        return answer(self._views.item(entry, USER, ()), status=201, headers={"Location": location})

    async def get(self, request: web.Request) -> web.StreamResponse:
        names = request.query.get("$select", "").split(",")
        if _ACTIVITY in names:
            return self._with_activity(request, [name for name in names if name != _ACTIVITY])
        select = parse_item_options(request.query, USER)
        return answer(self._views.item(self._seen(request), USER, select))

    async def update(self, request: web.Request) -> web.StreamResponse:
        entry = self._known(request)
        body = await read_object(request)
        names = sorted(
            name for name, value in body.items() if not name.startswith("@") and (name, value) != ("passwordProfile", None)
        )
        if not permissions.may_update_user(names, self._gate.held(request)):
            raise denied()
        self._roles.protect(entry, names)
        check_mastered_here(entry, names)
        properties = changed_user(body, self._directory.domains.verified)
        if body.get("passwordProfile"):
            properties["lastPasswordChangeDateTime"] = timestamp(time.time())
        if properties:
            self._directory.update_user(entry, properties)
            changed(request, "entra.update", id=entry.id, properties=names)
        return no_content()

    async def delete(self, request: web.Request) -> web.StreamResponse:
        entry = self._known(request)
        self._roles.protect(entry)
        name = entry.properties["userPrincipalName"]
        self._directory.delete_user(entry)
        changed(request, "entra.delete", id=entry.id, upn=name)
        return no_content()

    async def reprocess(self, request: web.Request) -> web.StreamResponse:
        """Try the failed licences again: https://learn.microsoft.com/graph/api/user-reprocesslicenseassignment."""
        entry = self._known(request)
        await read_object(request, empty=True)
        self._licences.reprocess(entry.id)
        changed(request, "entra.licences.reprocess", id=entry.id)
        return answer(self._views.item(entry, USER, ()))

    async def manager(self, request: web.Request) -> web.StreamResponse:
        entry = self._seen(request)
        found = self._directory.users.entries.get(entry.manager) if entry.manager else None
        manager = self._views.seen(found, "manager")
        return answer(self._views.directory_object(manager, USER, parse_item_options(request.query, USER)))

    async def set_manager(self, request: web.Request) -> web.StreamResponse:
        entry = self._known(request)
        key = reference(await read_object(request))
        manager = self._directory.user(key)
        if manager is None:
            raise not_found(key)
        check_mastered_here(entry, ["manager"])
        self._directory.set_manager(entry, manager.id)
        changed(request, "entra.manager", id=entry.id, manager=manager.id)
        return no_content()

    async def remove_manager(self, request: web.Request) -> web.StreamResponse:
        entry = self._known(request)
        if entry.manager is None:
            raise not_found("manager")
        check_mastered_here(entry, ["manager"])
        self._directory.set_manager(entry, None)
        changed(request, "entra.manager", id=entry.id, manager=None)
        return no_content()

    def _with_activity(self, request: web.Request, others: Sequence[str]) -> web.StreamResponse:
        """https://learn.microsoft.com/graph/api/resources/signinactivity: a permission of its own, and a licence."""
        if "AuditLog.Read.All" not in self._gate.held(request):
            raise denied()
        if not self._conditions.now.premium:
            words = "Neither tenant is B2C or tenant doesn't have premium license"
            raise GraphError(403, "Authentication_RequestFromNonPremiumTenantOrB2CTenant", words)
        entry = self._seen(request)
        select = parse_item_options(MultiDict({"$select": ",".join(["id", *others])}), USER)
        return answer({**self._views.item(entry, USER, select), _ACTIVITY: entry.properties.get(_ACTIVITY)})

    def _seen(self, request: web.Request) -> Entry:
        key = request.match_info["key"]
        return self._views.seen(self._directory.user(key), key)

    def _known(self, request: web.Request) -> Entry:
        """The user that a write is about: writes go to the primary replica, which knows every object at once."""
        key = request.match_info["key"]
        entry = self._directory.user(key)
        if entry is None:
            raise not_found(key)
        return entry
