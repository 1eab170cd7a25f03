"""What the directory says about itself: its domains, licences, groups and our own application.

https://learn.microsoft.com/graph/api/resources/domain, .../subscribedsku, .../group and .../application
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from agent_ops.transport.graph import GraphError, GraphReads

_GROUP_FIELDS = "id,displayName,isAssignableToRole,groupTypes,onPremisesSyncEnabled,mailEnabled,securityEnabled"
_ADVANCED = {"ConsistencyLevel": "eventual"}  # https://learn.microsoft.com/graph/aad-advanced-queries


@dataclass(frozen=True)
class Domain:
    """A domain of the tenant. In a federated one another identity provider signs people in."""

    name: str
    verified: bool
    federated: bool


@dataclass(frozen=True)
class Group:
    """An Entra group, and why Graph could not add a member to it (empty: it can)."""

    id: str
    name: str
    obstacle: str


@dataclass(frozen=True)
class ClientCredential:
    """A client secret or certificate of our application. ``hint`` is a secret's beginning."""

    kind: str
    name: str
    hint: str
    ends: datetime


class DirectoryReader:
    """Reads the directory.

    Raises:
        ServiceError: Graph does not answer, or refuses; the message has its own words.
    """

    def __init__(self, graph: GraphReads) -> None:
        self._graph = graph

    async def synchronised(self) -> bool:
        """Whether objects come from an on-premises directory too."""
        found = await self._get("/organization?$select=id,onPremisesSyncEnabled")
        return any(organization.get("onPremisesSyncEnabled") for organization in found.get("value", []))

    async def domains(self) -> list[Domain]:
        return [
            Domain(str(d["id"]).casefold(), bool(d.get("isVerified")), d.get("authenticationType") == "Federated")
            for d in (await self._get("/domains")).get("value", [])
        ]

    async def free_seats(self) -> dict[str, tuple[int, int]]:
        """For each licence (``skuPartNumber``) the free seats and all seats."""
        seats = {}
        for sku in (await self._get("/subscribedSkus")).get("value", []):
            total = int((sku.get("prepaidUnits") or {}).get("enabled", 0)) if sku.get("capabilityStatus") == "Enabled" else 0
            seats[str(sku["skuPartNumber"])] = (max(0, total - int(sku.get("consumedUnits", 0))), total)
        return seats

    async def group(self, object_id: str) -> Group | None:
        """The group; None when there is none."""
        try:
            found = await self._graph.get(f"/groups/{quote(object_id, safe='')}?$select={_GROUP_FIELDS}")
        except GraphError as error:
            if error.status in (400, 404):  # 400: no object id at all
                return None
            raise error.refusal from error
        return Group(str(found["id"]), str(found.get("displayName")), obstacle(found))

    async def client_credentials(self, client_id: str) -> list[ClientCredential]:
        """The secrets and certificates of an application."""
        query = f"$filter=appId eq '{quote(client_id)}'&$select=passwordCredentials,keyCredentials"
        found = (await self._get(f"/applications?{query}")).get("value", [])
        return [
            ClientCredential(kind, str(c.get("displayName") or ""), str(c.get("hint") or ""), _moment(c["endDateTime"]))
            for application in found
            for kind, key in (("client secret", "passwordCredentials"), ("certificate", "keyCredentials"))
            for c in application.get(key) or []
            if c.get("endDateTime")
        ]

    async def attribute_values(self, attribute: str, at_most: int = 20) -> list[str]:
        """Some of the values that users have in an extension attribute."""
        path = f"onPremisesExtensionAttributes/{attribute}"
        query = f"$filter={quote(path)} ne null&$count=true&$select=id,onPremisesExtensionAttributes&$top={at_most}"
        found = (await self._get(f"/users?{query}", _ADVANCED)).get("value", [])
        return [str((user.get("onPremisesExtensionAttributes") or {}).get(attribute)) for user in found]

    async def _get(self, path: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
        try:
            return await self._graph.get(path, headers)
        except GraphError as error:
            raise error.refusal from error


def obstacle(group: dict[str, Any]) -> str:
    """Why Graph cannot add a member to a group; empty: it can. https://learn.microsoft.com/graph/api/group-post-members"""
    if group.get("isAssignableToRole"):
        return "can hold directory roles, which takes RoleManagement.ReadWrite.Directory to change"
    if "DynamicMembership" in (group.get("groupTypes") or []):
        return "has dynamic membership: its rule alone decides who is in it"
    if group.get("onPremisesSyncEnabled"):
        return "is synchronised from an on-premises directory, where its members are kept"
    if group.get("mailEnabled") and "Unified" not in (group.get("groupTypes") or []):
        return "is a distribution list or mail-enabled security group, which Graph cannot change"
    return ""


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text[:19] + "+00:00")  # Graph says Z, with or without fractions
