"""Tokens of Entra ID for an application: msal's client-credentials grant.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import Any

import msal
import requests

from agent_ops.domain.errors import AccessRefused, ServiceUnavailable
from agent_ops.transport.threads import ClientPool
from agent_ops.transport.vendor_errors import msal_errors

_SERVICE = "Entra ID"
_TOKEN_MARGIN_SECONDS = 120


@dataclass(frozen=True)
class EntraConfig:
    """Where Entra is and who we are there. ``ca_file`` replaces the public certificate authorities."""

    tenant_id: str
    client_id: str
    client_secret: str
    authority: str = "https://login.microsoftonline.com"
    graph_url: str = "https://graph.microsoft.com/v1.0"
    scope: str = "https://graph.microsoft.com/.default"
    ca_file: str | None = None
    marker_attribute: str = "extensionAttribute15"
    timeout: float = 15.0

    def __repr__(self) -> str:
        return f"EntraConfig(tenant_id={self.tenant_id!r}, client_id={self.client_id!r})"


class _BoundedSession(requests.Session):
    """A session whose every request has a time-out; msal sets none on a session that it is given."""

    def __init__(self, timeout: float) -> None:
        super().__init__()
        self._timeout = timeout

    def request(self, *args: Any, **options: Any) -> requests.Response:
        return super().request(*args, **{"timeout": self._timeout, **options})


class EntraToken:
    """The application's token for Graph, kept until shortly before it ends. Environment variables are not followed."""

    def __init__(self, config: EntraConfig) -> None:
        self._config = config
        self._msal = ClientPool("msal", 1, self._application)
        self._token, self._token_until = "", 0.0
        self._refreshing = asyncio.Lock()

    async def value(self) -> str:
        """The token itself: a secret.

        Raises:
            AccessRefused: none is given; the message has Entra's own words with their AADSTS number.
            ServiceUnavailable: Entra was not reached.
        """
        async with self._refreshing:
            if not self._token or time.monotonic() > self._token_until:
                answer = await self._msal.call(self._acquire)
                self._token = answer["access_token"]
                self._token_until = time.monotonic() + max(0, int(answer["expires_in"]) - _TOKEN_MARGIN_SECONDS)
            return self._token

    def forget(self) -> None:
        """Get a new one at the next call."""
        self._token = ""

    def close(self) -> None:
        self._msal.close()

    def _application(self) -> msal.ConfidentialClientApplication:
        session = _BoundedSession(self._config.timeout)
        session.trust_env = False
        session.verify = self._config.ca_file or True
        with msal_errors(_SERVICE):
            return msal.ConfidentialClientApplication(
                self._config.client_id,
                client_credential=self._config.client_secret,
                authority=f"{self._config.authority}/{self._config.tenant_id}",
                instance_discovery=self._config.authority == EntraConfig.authority,  # else msal asks Microsoft's host
                http_client=session,
            )

    def _acquire(self, application: msal.ConfidentialClientApplication) -> dict[str, Any]:
        with msal_errors(_SERVICE):
            answer: dict[str, Any] = application.acquire_token_for_client([self._config.scope])
        if "access_token" in answer:
            return answer
        said = f"gave no token: {answer.get('error_description', answer.get('error', 'no reason'))}"
        if "throttled" in said or answer.get("error") == "temporarily_unavailable":
            raise ServiceUnavailable(_SERVICE, said)
        raise AccessRefused(_SERVICE, said, "Check TENANT_ID, CLIENT_ID and CLIENT_SECRET.")
