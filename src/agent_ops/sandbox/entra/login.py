"""The login host: OpenID discovery, signing keys and the token endpoint for client credentials.

Sources: https://learn.microsoft.com/entra/identity-platform/v2-protocols-oidc and .../v2-oauth2-client-creds-grant-flow.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote_plus, urlsplit

from aiohttp import web

from agent_ops.sandbox.entra import aadsts, assertion
from agent_ops.sandbox.entra.aadsts import OAuthError
from agent_ops.sandbox.entra.certificate import ClientCertificate
from agent_ops.sandbox.entra.conditions import ConditionStore
from agent_ops.sandbox.entra.http import client_request_id, request_id
from agent_ops.sandbox.entra.tokens import GRAPH_AUDIENCE, LIFETIME, TokenService
from agent_ops.sandbox.world import World

_SHARED_TENANTS = ("common", "organizations", "consumers")
_SCOPE_SUFFIX = "/.default"
_GRAPH_APPLICATION = "00000003-0000-0000-c000-000000000000"


class Login:
    """Routes below ``/{tenant}``."""

    def __init__(
        self,
        world: World,
        tokens: TokenService,
        granted: Callable[[], frozenset[str]],
        conditions: ConditionStore,
        certificate: ClientCertificate | None,
        base_url: str,
    ) -> None:
        self._world, self._tokens, self._granted, self._base_url = world, tokens, granted, base_url
        self._conditions, self._certificate = conditions, certificate

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/{tenant}/discovery/instance", self.instance),
            web.get("/{tenant}/v2.0/.well-known/openid-configuration", self.configuration),
            web.get("/{tenant}/.well-known/openid-configuration", self.configuration),
            web.get("/{tenant}/discovery/v2.0/keys", self.keys),
            web.get("/{tenant}/discovery/keys", self.keys),
            web.post("/{tenant}/oauth2/v2.0/token", self.token),
        ]

    async def instance(self, request: web.Request) -> web.StreamResponse:
        """What a client asks to learn whether an authority is genuine."""
        host = urlsplit(self._base_url).netloc
        return web.json_response(
            {
                "tenant_discovery_endpoint": f"{self._base_url}/{self._world.tenant_id}/v2.0/.well-known/openid-configuration",
                "api-version": request.query.get("api-version", "1.1"),
                "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
            }
        )

    async def configuration(self, request: web.Request) -> web.StreamResponse:
        try:
            tenant = self._tenant(request, shared=True)
        except OAuthError as error:
            return _error_answer(request, error)
        return web.json_response(self._metadata(tenant, version_2="/v2.0/" in request.path))

    async def keys(self, request: web.Request) -> web.StreamResponse:
        return web.json_response(self._tokens.key_set())

    async def token(self, request: web.Request) -> web.StreamResponse:
        try:
            self._tenant(request, shared=False)
            form = await _form(request)
            client_id = self._client(request, form)
            audience = self._audience(form.get("scope", ""))
        except OAuthError as error:
            return _error_answer(request, error)
        by_certificate = "client_assertion" in form
        token = self._tokens.issue(client_id, audience, self._granted(), by_certificate=by_certificate)
        body = {"token_type": "Bearer", "expires_in": LIFETIME, "ext_expires_in": LIFETIME, "access_token": token}
        return web.json_response(body)

    def _metadata(self, tenant: str, *, version_2: bool) -> dict[str, Any]:
        root = f"{self._base_url}/{tenant}"
        version = "/v2.0" if version_2 else ""
        issuer = f"{root}/v2.0" if version_2 else f"https://sts.windows.net/{tenant}/"
        return {
            "token_endpoint": f"{root}/oauth2/v2.0/token",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
            "jwks_uri": f"{root}/discovery{version}/keys",
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "issuer": issuer,
            "request_uri_parameter_supported": False,
            "authorization_endpoint": f"{root}/oauth2/v2.0/authorize",
            "device_authorization_endpoint": f"{root}/oauth2/v2.0/devicecode",
            "end_session_endpoint": f"{root}/oauth2/v2.0/logout",
            "claims_supported": ["sub", "iss", "aud", "exp", "iat", "nonce", "oid", "tid", "ver", "at_hash", "c_hash"],
            "tenant_region_scope": "EU",
            "cloud_instance_name": urlsplit(self._base_url).netloc,
            "msgraph_host": urlsplit(self._base_url).netloc,
        }

    def _tenant(self, request: web.Request, *, shared: bool) -> str:
        tenant = request.match_info["tenant"].lower()
        if tenant in (self._world.tenant_id.lower(), self._world.domain.lower()):
            return self._world.tenant_id
        if tenant in _SHARED_TENANTS:
            if shared:
                return tenant
            raise aadsts.shared_tenant()
        raise aadsts.unknown_tenant(tenant) if _is_uuid(tenant) or "." in tenant else aadsts.malformed_tenant(tenant)

    def _client(self, request: web.Request, form: Mapping[str, str]) -> str:
        """The application that asks, once grant type, id and secret or assertion are right."""
        client_id, secret = _credentials(request, form)
        for name, value in (("grant_type", form.get("grant_type")), ("client_id", client_id)):
            if not value:
                raise aadsts.missing_parameter(name)
        if form["grant_type"] != "client_credentials":
            raise aadsts.unsupported_grant(form["grant_type"])
        if client_id.lower() != self._world.client_id.lower():
            raise aadsts.unknown_application(client_id, self._world.domain)
        if form.get("client_assertion"):
            self._check_assertion(form)
        else:
            self._check_secret(secret)
        return self._world.client_id

    def _check_secret(self, secret: str) -> None:
        if not secret:
            raise aadsts.missing_secret()
        expected = self._world.credentials.client_secret
        if not hmac.compare_digest(secret.encode("utf-8", "replace"), expected.encode()):
            raise aadsts.wrong_secret(self._world.client_id)
        if self._conditions.now.secret_ends <= time.time():
            raise aadsts.expired_secret(self._world.client_id)

    def _check_assertion(self, form: Mapping[str, str]) -> None:
        if form.get("client_assertion_type") != assertion.TYPE:
            raise aadsts.missing_parameter("client_assertion_type")
        tenants = (self._world.tenant_id, self._world.domain)
        assertion.check_assertion(
            form["client_assertion"],
            self._certificate,
            ends=self._conditions.now.certificate_ends,
            client_id=self._world.client_id,
            audiences=frozenset(f"{self._base_url}/{tenant}/oauth2/v2.0/token" for tenant in tenants),
        )

    def _audience(self, scope: str) -> str:
        scope = scope.strip()
        if not scope:
            raise aadsts.missing_parameter("scope")
        if not scope.endswith(_SCOPE_SUFFIX) or " " in scope:
            raise aadsts.invalid_scope(scope)
        resource = scope.removesuffix(_SCOPE_SUFFIX).rstrip("/")
        if resource == self._base_url:
            return self._base_url
        if resource not in (GRAPH_AUDIENCE, _GRAPH_APPLICATION):
            raise aadsts.unknown_resource(resource, self._world.domain)
        return GRAPH_AUDIENCE


async def _form(request: web.Request) -> Mapping[str, str]:
    """The form's text fields; a body that is no form counts as empty, so that the first parameter is the one found missing."""
    if request.content_type != "application/x-www-form-urlencoded":
        return {}
    try:
        form = await request.post()
    except (ValueError, LookupError):
        return {}  # undecodable bytes, or a charset that nobody knows
    return {name: value for name, value in form.items() if isinstance(value, str)}


def _credentials(request: web.Request, form: Mapping[str, str]) -> tuple[str, str]:
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return form.get("client_id", ""), form.get("client_secret", "")
    try:
        name, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return "", ""
    return unquote_plus(name), unquote_plus(secret)


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False


def _error_answer(request: web.Request, error: OAuthError) -> web.Response:
    sent = client_request_id(request)
    correlation = sent if _is_uuid(sent) else request_id(request)
    return web.json_response(error.body(trace=request_id(request), correlation=correlation), status=error.status)
