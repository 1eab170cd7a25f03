"""Who bears an access token of Entra ID that was issued for this service.

https://learn.microsoft.com/entra/identity-platform/access-tokens#validate-tokens
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx

from agent_ops.domain.errors import ConfigurationError, NotAuthenticated, ServiceRefused
from agent_ops.domain.grants import SCOPES, Caller
from agent_ops.transport.graph_token import EntraConfig
from agent_ops.transport.vendor_errors import check_no_redirect, httpx_errors, jwt_errors, status_error

_SERVICE = "Entra login"
_LOOK_AGAIN_SECONDS = 60.0
_LEEWAY_SECONDS = 60
_FORMER_ISSUER = "https://sts.windows.net/{tenant}/"


@dataclass(frozen=True)
class _Known:
    """What the tenant says of itself: its id, who signs as whom, and with which keys."""

    tenant: str
    issuers: tuple[str, ...]
    keys: Mapping[str, Any]


class EntraIdentity:
    """Verifies tokens of one tenant for some audiences. Signing keys are fetched when one is unknown, at most once a minute.

    Args:
        config: where the tenant's login host is, and the way to it.
        audiences: the service's application ids (v2 tokens) or application ID URIs (v1 tokens).
    """

    def __init__(self, config: EntraConfig, audiences: tuple[str, ...]) -> None:
        self._config, self._audiences = config, audiences
        self._known: _Known | None = None
        self._looked = -_LOOK_AGAIN_SECONDS
        self._looking = asyncio.Lock()

    async def caller_of(self, token: str) -> Caller:
        """The user or application that the token is about, with the app roles that are scopes.

        Raises:
            NotAuthenticated: it is no good token for this service.
            ServiceError: the tenant's signing keys cannot be had.
        """
        import jwt  # noqa: PLC0415 - only where tokens are taken

        with jwt_errors():
            key_id = str(jwt.get_unverified_header(token).get("kid", ""))
        known = await self._with_key(key_id)
        if key_id not in known.keys:
            raise NotAuthenticated("this token is signed by nobody who signs for the tenant")
        with jwt_errors():
            claims = jwt.decode(
                token,
                known.keys[key_id],
                algorithms=["RS256"],
                audience=self._audiences,
                issuer=known.issuers,
                leeway=_LEEWAY_SECONDS,
                options={"require": ["exp", "nbf", "iss", "aud", "tid", "oid"]},
            )
        if claims["tid"] != known.tenant:
            raise NotAuthenticated("this token is of another tenant")
        roles = claims.get("roles", [])
        return Caller(f"entra:{claims['oid']}", frozenset(role for role in roles if role in SCOPES))

    async def _with_key(self, key_id: str) -> _Known:
        async with self._looking:
            now = time.monotonic()
            if self._known is None or (key_id not in self._known.keys and now - self._looked >= _LOOK_AGAIN_SECONDS):
                self._known, self._looked = await self._fetched(), now
            return self._known

    async def _fetched(self) -> _Known:
        import jwt  # noqa: PLC0415

        config = self._config
        root = f"{config.authority}/{config.tenant_id}/v2.0"
        proxy = config.proxies.way_to(root)
        async with httpx.AsyncClient(verify=config.route.tls(), proxy=proxy, trust_env=False, timeout=config.timeout) as client:
            about = await self._object(client, f"{root}/.well-known/openid-configuration")
            issuer, where = str(about.get("issuer", "")), str(about.get("jwks_uri", ""))
            if urlsplit(where).netloc != urlsplit(root).netloc:
                raise ConfigurationError(f"the tenant's signing keys lie at another host than {config.authority}")
            keys = (await self._object(client, where)).get("keys", [])
        tenant = urlsplit(issuer).path.split("/")[1] if issuer.count("/") > 2 else ""
        usable = {key["kid"]: jwt.PyJWK.from_dict(key) for key in keys if key.get("kty") == "RSA" and "kid" in key}
        return _Known(tenant, (issuer, _FORMER_ISSUER.format(tenant=tenant)), usable)

    async def _object(self, client: httpx.AsyncClient, url: str) -> dict[str, Any]:
        with httpx_errors(_SERVICE):
            answer = await client.get(url)
        check_no_redirect(_SERVICE, answer)
        if answer.status_code >= 400:
            raise status_error(_SERVICE, answer.status_code, answer.text, answer.headers.get("Retry-After"))
        try:
            body = answer.json()
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise ServiceRefused(_SERVICE, f"{urlsplit(url).path} was answered with something that is no JSON object")
        return body
