"""The receivers of webhooks, as one variable."""

from __future__ import annotations

import json
from typing import Annotated
from urllib.parse import urlsplit

import httpx
from pydantic import AfterValidator, SecretStr
from pydantic_settings import BaseSettings

from agent_ops.transport.routes import Proxies, is_loopback
from agent_ops.transport.webhooks import PREFIX, Webhook, WebhookConfig, key_of

_FORM = 'must be JSON such as {"https://hooks.acme.example/agent-ops": "whsec_..."}'
_KEY_BYTES = range(24, 65)
"""https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md: 'between 24 bytes and 64 bytes'"""


def receivers_in(text: str) -> tuple[Webhook, ...]:
    """The receivers by URL, each with its secrets, between which there are spaces.

    Raises:
        ValueError: in one line that repeats no secret.
    """
    try:
        given = json.loads(text or "{}")
    except ValueError:
        raise ValueError(_FORM) from None
    if not isinstance(given, dict) or not all(isinstance(secrets, str) for secrets in given.values()):
        raise ValueError(_FORM)
    return tuple(Webhook(_url(url), _secrets(secrets)) for url, secrets in given.items())


def _url(url: str) -> str:
    try:
        parts = urlsplit(url)
        whole = parts.port != 0 and httpx.URL(url).host  # what cannot be posted to is refused here, and not at each post
    except (ValueError, httpx.InvalidURL):
        raise ValueError("must name URLs, and has something that is none") from None
    plain = (
        whole and parts.hostname and not (parts.username or parts.password or parts.fragment) and not any(map(str.isspace, url))
    )
    if not plain or not (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))):
        raise ValueError("must name https URLs (http is for loopback only), without user, password and fragment")
    return url


def _secrets(text: str) -> tuple[str, ...]:
    found = tuple(text.split())
    for secret in found:
        try:
            good = secret.startswith(PREFIX) and len(key_of(secret)) in _KEY_BYTES
        except ValueError:
            good = False
        if not good:
            raise ValueError(f"has a secret that is not {PREFIX} and the base64 of 24 to 64 random bytes: see docs/webhooks.md")
    if not found:
        raise ValueError("has a URL without a secret")
    return found


def _checked(value: SecretStr) -> SecretStr:
    receivers_in(value.get_secret_value())
    return value


class WebhookVariables(BaseSettings):
    """Who is told, and by which secret they know that it is us."""

    agent_ops_webhooks: Annotated[SecretStr, AfterValidator(_checked)] = SecretStr("")

    def webhook_config(self, ca_file: str, way: Proxies) -> WebhookConfig | None:
        """Who is told; None: nobody."""
        found = receivers_in(self.agent_ops_webhooks.get_secret_value())
        return WebhookConfig(found, ca_file or None, way) if found else None
