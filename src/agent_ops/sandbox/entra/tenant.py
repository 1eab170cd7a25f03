"""What the tenant as a whole shows: verified domains, the organization and its subscriptions.

https://learn.microsoft.com/graph/api/resources/domain, .../organization and .../subscribedsku
"""

from __future__ import annotations

import uuid
from typing import Any

from aiohttp import web

from agent_ops.sandbox.entra import permissions
from agent_ops.sandbox.entra.conditions import ConditionStore
from agent_ops.sandbox.entra.domains import Domain, Domains
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

    def __init__(
        self,
        world: World,
        domains: Domains,
        conditions: ConditionStore,
        subscriptions: Subscriptions,
        licences: Licences,
        views: Views,
        gate: Gate,
    ) -> None:
        self._world, self._domains, self._conditions = world, domains, conditions
        self._subscriptions, self._licences = subscriptions, licences
        self._views, self._gate = views, gate

    def routes(self) -> list[web.RouteDef]:
        guard, organization = self._gate.guard, permissions.ORGANIZATION_READ
        return [
            web.get("/v1.0/domains", guard(self.domains, permissions.DOMAINS_READ)),
            web.get("/v1.0/domains/{name}", guard(self.domain, permissions.DOMAINS_READ)),
            web.get("/v1.0/organization", guard(self.organization, organization)),
            web.get("/v1.0/subscribedSkus", guard(self.skus, permissions.SKUS_READ)),
        ]

    async def domains(self, request: web.Request) -> web.StreamResponse:
        return self._views.fixed_list("domains", [_domain(domain) for domain in self._domains.all()])

    async def domain(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["name"]
        domain = self._domains.get(name)
        if domain is None:
            raise not_found(name)
        return answer({"@odata.context": f"{self._views.root}/$metadata#domains/$entity", **_domain(domain)})

    async def organization(self, request: web.Request) -> web.StreamResponse:
        return self._views.fixed_list("organization", [self._organization()])

    async def skus(self, request: web.Request) -> web.StreamResponse:
        return self._views.fixed_list("subscribedSkus", [self._sku(sku_of(part)) for part in self._subscriptions.parts()])

    def _organization(self) -> dict[str, Any]:
        domain, synchronised = self._world.domain, self._conditions.now.synchronised
        return {
            "id": self._world.tenant_id,
            "deletedDateTime": None,
            "businessPhones": [],
            "countryLetterCode": self._world.country,
            "createdDateTime": timestamp(0),
            "displayName": domain.partition(".")[0].capitalize(),
            "defaultUsageLocation": None,
            "onPremisesLastSyncDateTime": timestamp(self._conditions.now.since) if synchronised else None,
            "onPremisesSyncEnabled": synchronised or None,
            "preferredLanguage": "en",
            "technicalNotificationMails": [f"admin@{domain}"],
            "tenantType": "AAD",
            "assignedPlans": [],
            "provisionedPlans": [],
            "verifiedDomains": [_verified_domain(domain) for domain in self._domains.all() if domain.verified],
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


def _domain(domain: Domain) -> dict[str, Any]:
    return {
        "authenticationType": domain.authentication,
        "availabilityStatus": None,
        "id": domain.name,
        "isAdminManaged": True,
        "isDefault": domain.default,
        "isInitial": domain.initial,
        "isRoot": domain.verified,
        "isVerified": domain.verified,
        "supportedServices": ["Email", "OfficeCommunicationsOnline"] if domain.verified else [],
        "passwordValidityPeriodInDays": 2147483647,
        "passwordNotificationWindowInDays": 14,
        "state": None,
    }


def _verified_domain(domain: Domain) -> dict[str, Any]:
    return {
        "capabilities": "Email, OfficeCommunicationsOnline",
        "isDefault": domain.default,
        "isInitial": domain.initial,
        "name": domain.name,
        "type": domain.authentication,
    }


def _plan(plan: Plan) -> dict[str, Any]:
    return {
        "servicePlanId": plan.id,
        "servicePlanName": plan.name,
        "provisioningStatus": "Success",
        "appliesTo": "User",
    }
