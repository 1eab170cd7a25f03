"""Tokens of Entra ID for an application: msal's client-credentials grant.

https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msal
import requests

from agent_ops.domain.errors import AccessRefused, ServiceUnavailable
from agent_ops.transport.calls import log_calls
from agent_ops.transport.redaction import redactor
from agent_ops.transport.routes import NO_PROXIES, Proxies, Route
from agent_ops.transport.threads import ClientPool
from agent_ops.transport.vendor_errors import msal_errors

_SERVICE = "Entra ID"
_TOKEN_MARGIN_SECONDS = 120


@dataclass(frozen=True)
class ClientCertificate:
    """A certificate, and its private key, that the app registration knows; both PEM. ``password`` opens the key."""

    certificate: str
    private_key: str = field(repr=False)
    password: str = field(repr=False)
    ends: datetime


@dataclass(frozen=True)
class EntraConfig:
    """Where Entra is and who we are there: a certificate, when there is one, goes before the secret.

    ``ca_file`` replaces the public certificate authorities.
    """

    tenant_id: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    authority: str = "https://login.microsoftonline.com"
    graph_url: str = "https://graph.microsoft.com/v1.0"
    scope: str = "https://graph.microsoft.com/.default"
    ca_file: str | None = None
    marker_attribute: str = "extensionAttribute15"
    timeout: float = 15.0
    certificate: ClientCertificate | None = field(default=None, repr=False)
    proxies: Proxies = NO_PROXIES

    @property
    def route(self) -> Route:
        """The way to the login host and to Graph."""
        return Route(self.ca_file, self.proxies)

    @property
    def credential(self) -> str | dict[str, str]:
        """What msal takes as ``client_credential``; it makes the SHA-256 thumbprint itself.

        https://learn.microsoft.com/python/api/msal/msal.application.confidentialclientapplication
        """
        if self.certificate is None:
            return self.client_secret
        pair = {"private_key": self.certificate.private_key, "public_certificate": self.certificate.certificate}
        return {**pair, "passphrase": self.certificate.password} if self.certificate.password else pair


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
                self._token = redactor.learn(answer["access_token"])
                self._token_until = time.monotonic() + max(0, int(answer["expires_in"]) - _TOKEN_MARGIN_SECONDS)
            return self._token

    def forget(self) -> None:
        """Get a new one at the next call."""
        self._token = ""

    def close(self) -> None:
        self._msal.close()

    def _application(self) -> msal.ConfidentialClientApplication:
        session = _BoundedSession(self._config.timeout)
        self._config.route.prepare(session, self._config.authority)
        log_calls(session, "Entra login", self._config.authority)
        with msal_errors(_SERVICE):
            return msal.ConfidentialClientApplication(
                self._config.client_id,
                client_credential=self._config.credential,
                authority=f"{self._config.authority}/{self._config.tenant_id}",
                instance_discovery=False,  # the operator names the authority: nobody else need vouch for it
                azure_region=False,  # None would let MSAL_FORCE_REGION choose another host
                http_client=session,
            )

    def _acquire(self, application: msal.ConfidentialClientApplication) -> dict[str, Any]:
        try:
            with msal_errors(_SERVICE):
                answer: dict[str, Any] = application.acquire_token_for_client([self._config.scope])
        except ServiceUnavailable:
            self._msal.renew()  # msal would answer with the same error for a minute without asking; the ledger has its own pauses
            raise
        if "access_token" in answer:
            return answer
        said = f"gave no token: {answer.get('error_description', answer.get('error', 'no reason'))}"
        if not isinstance(answer.get("error"), str):  # RFC 6749, 5.2: a string; it is a gateway that speaks
            self._msal.renew()  # msal would join the errors of the past into a header at each call, and break
            raise ServiceUnavailable(_SERVICE, said)
        if "throttled" in said or answer.get("error") == "temporarily_unavailable":
            raise ServiceUnavailable(_SERVICE, said)
        raise AccessRefused(_SERVICE, said, "Check TENANT_ID, CLIENT_ID and CLIENT_SECRET or the certificate.")
