"""Sends webhooks: signed as https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md says."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import time
from dataclasses import dataclass, field

import httpx

from agent_ops.domain.errors import ServiceSilent
from agent_ops.domain.webhooks import Message
from agent_ops.transport.calls import logged_call
from agent_ops.transport.routes import NO_PROXIES, Proxies, Route
from agent_ops.transport.vendor_errors import check_no_redirect, httpx_errors, status_error

CALL_SECONDS = 15.0
PREFIX = "whsec_"
_SERVICE = "the webhook's receiver"


@dataclass(frozen=True)
class Webhook:
    """A receiver.

    Args:
        url: the whole URL, to which everything is posted, and no other.
        secrets: 'whsec_' and base64, each; a message is signed with all of them, so that they can be changed one by one.
    """

    url: str
    secrets: tuple[str, ...] = field(repr=False)

    @property
    def key(self) -> str:
        """Stands for the receiver in the database: a URL may hold a secret."""
        return hashlib.sha256(self.url.encode()).hexdigest()[:32]

    def headers(self, message: Message, now: int) -> dict[str, str]:
        """The headers of one try; ``now`` is in Unix seconds."""
        signed = f"{message.id}.{now}.{message.body}".encode()
        made = (hmac.new(key_of(secret), signed, hashlib.sha256).digest() for secret in self.secrets)
        return {
            "content-type": "application/json",
            "user-agent": "agent-ops",
            "webhook-id": message.id,
            "webhook-timestamp": str(now),
            "webhook-signature": " ".join(f"v1,{base64.b64encode(one).decode('ascii')}" for one in made),
        }


@dataclass(frozen=True)
class WebhookConfig:
    """Every receiver, and the way to them."""

    receivers: tuple[Webhook, ...]
    ca_file: str | None = None
    proxies: Proxies = NO_PROXIES


def key_of(secret: str) -> bytes:
    """The key that a secret stands for. Raises ValueError: it is none."""
    return base64.b64decode(secret.removeprefix(PREFIX), validate=True)


class WebhookSender:
    """Posts messages. Redirects are not followed, answers are not read."""

    def __init__(self, config: WebhookConfig) -> None:
        self._clients = {webhook.url: _client(webhook.url, config) for webhook in config.receivers}

    async def close(self) -> None:
        """Let go of every connection."""
        for client in self._clients.values():
            await client.aclose()

    async def send(self, webhook: Webhook, message: Message) -> None:
        """Post one message, once.

        Raises:
            ServiceError: it was not taken, or nobody knows; ``RateLimited`` says when to come again.
        """
        try:
            await asyncio.wait_for(self._post(webhook, message), CALL_SECONDS)
        except asyncio.TimeoutError:
            raise ServiceSilent(_SERVICE, "gave no answer in time") from None

    async def _post(self, webhook: Webhook, message: Message) -> None:
        headers = webhook.headers(message, int(time.time()))
        with httpx_errors(_SERVICE), logged_call("webhook", "POST") as call:
            request = self._clients[webhook.url].stream("POST", webhook.url, content=message.body, headers=headers)
            async with request as answer:
                call.status = answer.status_code
        check_no_redirect(_SERVICE, answer)
        if answer.status_code >= 400:
            raise status_error(_SERVICE, answer.status_code, "", answer.headers.get("Retry-After"))


def _client(url: str, config: WebhookConfig) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        verify=Route(config.ca_file, config.proxies).tls(),
        proxy=config.proxies.way_to(url),
        trust_env=False,
        follow_redirects=False,
        timeout=CALL_SECONDS,
    )
