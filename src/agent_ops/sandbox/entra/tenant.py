"""What the tenant as a whole shows: verified domains, the organization and its subscriptions.

https://learn.microsoft.com/graph/api/resources/domain, .../organization and .../subscribedsku
"""

from __future__ import annotations

import uuid
from typing import Any

from aiohttp import web

from agent_ops.sandbox.entra import permissions
from agent_ops.sandbox.entra.errors import not_found
from agent_ops.sandbox.entra.http import Gate, answer
from agent_ops.sandbox.entra.licences import Licences
from agent_ops.sandbox.entra.moments import timestamp
from agent_ops.sandbox.entra.skus import Plan, Sku, sku_of
from agent_ops.sandbox.entra.subscriptions import Subscriptions
from agent_ops.sandbox.entra.views import Views
from agent_ops.sandbox.world import World


class Tenant:
    """Routes of ``/domains``, ``/organization`` and ``/subscribedSkus``."""

    def __init__(self, world: World, subscriptions: Subscriptions, licences: Licences, views: Views, gate: Gate) -> None:
        self._world, self._views, self._gate = world, views, gate
        self._subscriptions, self._licences = subscriptions, licences

    def routes(self) -> list[web.RouteDef]:
        guard, organization = self._gate.guard, permissions.ORGANIZATION_READ
        return [
            web.get("/v1.0/domains", guard(self.domains, permissions.DOMAINS_READ)),
            web.get("/v1.0/domains/{name}", guard(self.domain, permissions.DOMAINS_READ)),
            web.get("/v1.0/organization", guard(self.organization, organization)),
            web.get("/v1.0/subscribedSkus", guard(self.skus, permissions.SKUS_READ)),
        ]

    async def domains(self, request: web.Request) -> web.StreamResponse:
        return self._views.fixed_list("domains", [self._domain()])

    async def domain(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        if name.casefold() != self._world.domain.casefold():
            raise not_found(name)
        return answer({"@odata.context": f"{self._views.root}/$metadata#domains/$entity", **self._domain()})

    async def organization(self, request: web.Request) -> web.StreamResponse:
        return self._views.fixed_list("organization", [self._organization()])

    async def skus(self, request: web.Request) -> web.StreamResponse:
        return self._views.fixed_list("subscribedSkus", [self._sku(sku_of(part)) for part in self._subscriptions.parts()])

    def _domain(self) -> dict[str, Any]:
        return {
            "authenticationType": "Managed",
            "availabilityStatus": None,
            "id": self._world.domain,
            "isAdminManaged": True,
            "isDefault": True,
            "isInitial": True,
            "isRoot": True,
            "isVerified": True,
            "supportedServices": ["Email", "OfficeCommunicationsOnline"],
            "passwordValidityPeriodInDays": 2147483647,
            "passwordNotificationWindowInDays": 14,
            "state": None,
        }

    def _organization(self) -> dict[str, Any]:
        domain = self._world.domain
        verified = {
            "capabilities": "Email, OfficeCommunicationsOnline",
            "isDefault": True,
            "isInitial": True,
            "name": domain,
            "type": "Managed",
        }
        return {
            "id": self._world.tenant_id,
            "deletedDateTime": None,
            "businessPhones": [],
            "countryLetterCode": self._world.country,
            "createdDateTime": timestamp(0),
            "displayName": domain.partition(".")[0].capitalize(),
            "defaultUsageLocation": None,
            "onPremisesSyncEnabled": None,
            "preferredLanguage": "en",
            "technicalNotificationMails": [f"admin@{domain}"],
            "tenantType": "AAD",
            "assignedPlans": [],
            "provisionedPlans": [],
            "verifiedDomains": [verified],
        }

    def _sku(self, sku: Sku) -> dict[str, Any]:
        tenant, seats = uuid.UUID(self._world.tenant_id), self._subscriptions.seats(sku.id)
        account = str(uuid.uuid5(tenant, "account"))
        return {
            "accountName": self._world.domain.partition(".")[0],
            "accountId": account,
            "appliesTo": "User",
            "capabilityStatus": "Enabled" if seats else "Suspended",
            "consumedUnits": self._licences.consumed(sku.id),
            "id": f"{account}_{sku.id}",
            "skuId": sku.id,
            "skuPartNumber": sku.part,
            "subscriptionIds": [str(uuid.uuid5(tenant, f"subscription {sku.part}"))],
            "prepaidUnits": {"enabled": seats, "suspended": 0, "warning": 0, "lockedOut": 0},
            "servicePlans": [_plan(plan) for plan in sku.plans],
        }


def _plan(plan: Plan) -> dict[str, Any]:
    return {
        "servicePlanId": plan.id,
        "servicePlanName": plan.name,
        "provisioningStatus": "Success",
        "appliesTo": "User",
    }
