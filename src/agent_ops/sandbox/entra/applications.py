"""The registration of the one application that calls: what of it expires, and when.

https://learn.microsoft.com/graph/api/application-list, .../resources/passwordcredential and .../resources/keycredential
"""

from __future__ import annotations

import base64
import uuid
from typing import Any

from aiohttp import web

from agent_ops.sandbox.entra import permissions
from agent_ops.sandbox.entra.certificate import ClientCertificate
from agent_ops.sandbox.entra.conditions import ConditionStore
from agent_ops.sandbox.entra.entry import Entry
from agent_ops.sandbox.entra.errors import not_found
from agent_ops.sandbox.entra.http import Gate, answer
from agent_ops.sandbox.entra.moments import timestamp
from agent_ops.sandbox.entra.odata_query import parse_item_options
from agent_ops.sandbox.entra.schema import APPLICATION
from agent_ops.sandbox.entra.views import Views
from agent_ops.sandbox.world import World


class Applications:
    """Routes below ``/applications``; the application is found by its object id, or by its appId in brackets."""

    def __init__(
        self, world: World, conditions: ConditionStore, certificate: ClientCertificate | None, views: Views, gate: Gate
    ) -> None:
        self._world, self._conditions, self._certificate = world, conditions, certificate
        self._views, self._gate = views, gate
        self._id = str(uuid.uuid5(uuid.UUID(world.tenant_id), f"application {world.client_id}"))

    def routes(self) -> list[web.RouteDef]:
        guard, read = self._gate.guard, permissions.APPLICATIONS_READ
        return [
            web.get("/v1.0/applications", guard(self.list, read)),
            web.get("/v1.0/applications(appId='{app}')", guard(self.get, read)),
            web.get("/v1.0/applications/{key}", guard(self.get, read)),
        ]

    async def list(self, request: web.Request) -> web.StreamResponse:
        return self._views.relation(request, [self._entry()], APPLICATION, cast=True)

    async def get(self, request: web.Request) -> web.StreamResponse:
        app, key = request.match_info.get("app"), request.match_info.get("key")
        wanted = (app or key or "").lower()
        if wanted != (self._world.client_id.lower() if app else self._id):
            raise not_found(wanted)
        return answer(self._views.item(self._entry(), APPLICATION, parse_item_options(request.query, APPLICATION)))

    def _entry(self) -> Entry:
        properties: dict[str, Any] = {
            "id": self._id,
            "appId": self._world.client_id,
            "createdDateTime": timestamp(self._conditions.now.since),
            "displayName": "agent-ops",
            "signInAudience": "AzureADMyOrg",
            "passwordCredentials": [self._secret()],
            "keyCredentials": [self._key(self._certificate)] if self._certificate else [],
        }
        return Entry(self._id, properties)

    def _secret(self) -> dict[str, Any]:
        """Everything but the secret, of which its first three characters are a hint."""
        return {
            "customKeyIdentifier": None,
            "displayName": "agent-ops",
            "endDateTime": timestamp(self._conditions.now.secret_ends),
            "hint": self._world.credentials.client_secret[:3],
            "keyId": str(uuid.uuid5(uuid.UUID(self._id), "secret")),
            "secretText": None,
            "startDateTime": timestamp(self._conditions.now.since),
        }

    def _key(self, certificate: ClientCertificate) -> dict[str, Any]:
        return {
            "customKeyIdentifier": base64.b64encode(bytes.fromhex(certificate.thumbprint)).decode(),
            "displayName": certificate.subject,
            "endDateTime": timestamp(certificate.ends(self._conditions.now.certificate_ends)),
            "key": None,
            "keyId": str(uuid.uuid5(uuid.UUID(self._id), certificate.thumbprint)),
            "startDateTime": timestamp(certificate.begins),
            "type": "AsymmetricX509Cert",
            "usage": "Verify",
        }
