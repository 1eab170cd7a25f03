"""Administrator roles: who holds which, and what an application may not do to those who hold one.

Sources: https://learn.microsoft.com/graph/api/rbacapplication-list-roleassignments (those by way of a group bear its id) and
https://learn.microsoft.com/graph/api/resources/users ("Who can update sensitive attributes"). An application without a role of
its own may touch the sensitive properties of those only who hold no role, or one of the few that the update page names.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from aiohttp import web

from agent_ops.sandbox.entra import permissions
from agent_ops.sandbox.entra.directory import Directory
from agent_ops.sandbox.entra.entry import Entry
from agent_ops.sandbox.entra.errors import denied
from agent_ops.sandbox.entra.http import Gate
from agent_ops.sandbox.entra.role_templates import HARMLESS, TEMPLATES
from agent_ops.sandbox.entra.views import Views

_SENSITIVE = frozenset(
    {
        *("accountEnabled", "businessPhones", "mobilePhone", "onPremisesImmutableId", "otherMails", "passwordProfile"),
        "userPrincipalName",
    }
)


class Roles:
    """The route of ``/roleManagement/directory/roleAssignments``, and the rules that follow from roles."""

    def __init__(self, directory: Directory, views: Views, gate: Gate) -> None:
        self._directory, self._views, self._gate = directory, views, gate

    def routes(self) -> list[web.RouteDef]:
        path = "/v1.0/roleManagement/directory/roleAssignments"
        return [web.get(path, self._gate.guard(self.assignments, permissions.ROLES_READ))]

    async def assignments(self, request: web.Request) -> web.StreamResponse:
        return self._views.shelf(request, self._directory.role_assignments)

    def held_by(self, principals: Iterable[str]) -> list[Entry]:
        """The roles of these principals, as directoryRole objects."""
        return [_role(self._directory.tenant_id, template) for template in sorted(self._templates(principals))]

    def protect(self, user: Entry, properties: Iterable[str] | None = None) -> None:
        """Refuse a sensitive change of somebody who is an administrator; without ``properties`` it is a deletion.

        Raises:
            GraphError: 403, the caller lacks a role of its own.
        """
        if properties is not None and not _SENSITIVE & set(properties):
            return
        groups = self._directory.member_of(user.id)
        assignable = any(self._directory.groups.entries[group].properties.get("isAssignableToRole") for group in groups)
        if assignable or self._templates([user.id]) - HARMLESS:
            raise denied()

    def _templates(self, principals: Iterable[str]) -> set[str]:
        wanted = set(principals)
        assignments = [entry.properties for entry in self._directory.role_assignments.entries.values()]
        return {found["roleDefinitionId"] for found in assignments if found["principalId"] in wanted}


def _role(tenant: str, template: str) -> Entry:
    name = next(name for name, known in TEMPLATES.items() if known == template)
    key = str(uuid.uuid5(uuid.UUID(tenant), template))
    return Entry(key, {"id": key, "displayName": name, "description": f"{name}.", "roleTemplateId": template})
