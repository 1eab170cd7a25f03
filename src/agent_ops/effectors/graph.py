"""A session with Microsoft Graph: msal's client-credentials token over httpx.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
"""

from __future__ import annotations

import asyncio
import ssl
import time
from dataclasses import dataclass
from typing import Any

import httpx
import msal
import requests

from agent_ops.domain.errors import AccessRefused, ServiceError, ServiceUnavailable
from agent_ops.transport.threads import ClientPool
from agent_ops.transport.vendor_errors import httpx_errors, requests_errors, status_error

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


class GraphError(Exception):
    """An answer of 400 or more, with Graph's own error body: https://learn.microsoft.com/graph/errors"""

    def __init__(self, response: httpx.Response) -> None:
        self.status = response.status_code
        body = _error_body(response)
        self.message = str(body.get("message", response.reason_phrase))
        self._details = body.get("details") or []
        words = f"{body.get('code', '')} {self.message}".strip()
        self.refusal: ServiceError = status_error(_SERVICE, self.status, words, response.headers.get("Retry-After"))
        super().__init__(words)

    def conflicts_on(self, target: str) -> bool:
        """Whether another object has this property's value: told by the details, not by the message."""
        return any(d.get("code") == "ObjectConflict" and d.get("target") == target for d in self._details if isinstance(d, dict))


def _error_body(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {}
    error = body.get("error") if isinstance(body, dict) else None
    return error if isinstance(error, dict) else {}


class _BoundedSession(requests.Session):
    """A session whose every request has a time-out; msal sets none on a session that it is given."""

    def __init__(self, timeout: float) -> None:
        super().__init__()
        self._timeout = timeout

    def request(self, *args: Any, **options: Any) -> requests.Response:
        return super().request(*args, **{"timeout": self._timeout, **options})


class GraphSession:
    """Authenticated calls to Graph. Neither environment variables nor redirects are followed.

    Raises, from :meth:`call`:
        GraphError: for an answer of 400 or more.
        ServiceUnavailable: when nothing was sent; ServiceAmbiguous: when something may have been.
        AccessRefused: when no token is given.
    """

    def __init__(self, config: EntraConfig) -> None:
        self.root, self.timeout = config.graph_url, config.timeout
        self._config = config
        verify = ssl.create_default_context(cafile=config.ca_file)
        limits = httpx.Limits(max_connections=32, max_keepalive_connections=32)
        self._http = httpx.AsyncClient(verify=verify, trust_env=False, timeout=config.timeout, limits=limits)
        self._msal = ClientPool("msal", 1, self._application)
        self._token, self._token_until = "", 0.0
        self._refreshing = asyncio.Lock()

    async def call(self, method: str, path: str, json: dict[str, Any] | None = None) -> dict[str, Any]:
        """One call; the answer's JSON object, empty for 204."""
        token = await self._bearer()
        with httpx_errors(_SERVICE):
            response = await self._http.request(method, self.root + path, json=json, headers={"Authorization": f"Bearer {token}"})
        if response.status_code >= 400:
            if response.status_code == 401:
                self._token = ""
            raise GraphError(response)
        return response.json() if response.content else {}

    async def close(self) -> None:
        await self._http.aclose()
        self._msal.close()

    async def _bearer(self) -> str:
        async with self._refreshing:
            if not self._token or time.monotonic() > self._token_until:
                answer = await self._msal.call(self._acquire)
                self._token = answer["access_token"]
                self._token_until = time.monotonic() + max(0, int(answer["expires_in"]) - _TOKEN_MARGIN_SECONDS)
            return self._token

    def _application(self) -> msal.ConfidentialClientApplication:
        session = _BoundedSession(self._config.timeout)
        session.trust_env = False
        session.verify = self._config.ca_file or True
        with requests_errors(_SERVICE):
            return msal.ConfidentialClientApplication(
                self._config.client_id,
                client_credential=self._config.client_secret,
                authority=f"{self._config.authority}/{self._config.tenant_id}",
                instance_discovery=self._config.ca_file is None,
                http_client=session,
            )

    def _acquire(self, application: msal.ConfidentialClientApplication) -> dict[str, Any]:
        with requests_errors(_SERVICE):
            answer: dict[str, Any] = application.acquire_token_for_client([self._config.scope])
        if "access_token" in answer:
            return answer
        said = f"gave no token: {answer.get('error_description', answer.get('error', 'no reason'))}"
        if "throttled" in said or answer.get("error") == "temporarily_unavailable":
            raise ServiceUnavailable(_SERVICE, said)
        raise AccessRefused(_SERVICE, said, "Check TENANT_ID, CLIENT_ID and CLIENT_SECRET.")
