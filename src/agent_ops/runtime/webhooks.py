"""Webhooks are delivered: each receiver by a loop of its own, so that a dead one holds up nobody but itself."""

from __future__ import annotations

import asyncio
import random
import time

import structlog

from agent_ops.domain.errors import RateLimited, ServiceError, StorageError
from agent_ops.domain.webhooks import Message, Outcome
from agent_ops.storage import Store, Tx
from agent_ops.transport.webhooks import CALL_SECONDS, Webhook, WebhookConfig, WebhookSender

log = structlog.get_logger(__name__)
PAUSES = (5.0, 30.0, 120.0, 600.0, 1800.0, 3600.0, 7200.0, 14_400.0, 28_800.0, 43_200.0)
"""Seconds before each further try; after the last one, a day and a half later, a message is given up."""
_LOOK_EVERY_SECONDS = 0.5
_LONGEST_RETRY_AFTER = 3600.0
_SIDE_BY_SIDE = 8
_MADE_AT_ONCE = 200
_CLAIM_SECONDS = 4 * CALL_SECONDS


class WebhookDelivery:
    """Delivers at least once: a message whose sender died before it could note the answer is sent again under the same id."""

    def __init__(self, store: Store, config: WebhookConfig, sender: WebhookSender) -> None:
        self._store, self._config, self._sender = store, config, sender

    async def begin(self) -> None:
        """Let receivers that are new hear of everything from now on."""
        keys = [webhook.key for webhook in self._config.receivers]
        await self._store.transaction(lambda tx: tx.webhooks.begin(keys, tx.logs.last_event()))

    async def deliver_for_ever(self) -> None:
        """Deliver, until cancelled."""
        await asyncio.gather(*map(self._for_ever, self._config.receivers))

    async def _for_ever(self, webhook: Webhook) -> None:
        while True:
            try:
                more = await self.round(webhook)
            except StorageError as error:
                log.warning("webhooks_failed", error=str(error))
                more = False
            if not more:
                await asyncio.sleep(_LOOK_EVERY_SECONDS)

    async def round(self, webhook: Webhook) -> bool:
        """Send what is due to one receiver, at most a few at a time; whether there was anything."""
        if not await self._store.read(lambda tx: tx.webhooks.any_due(webhook.key, time.time())):
            return False

        def take(tx: Tx) -> list[Message]:
            tx.webhooks.make(webhook.key, _MADE_AT_ONCE)
            now = time.time()
            return tx.webhooks.claim(webhook.key, now, now + _CLAIM_SECONDS, _SIDE_BY_SIDE)

        messages = await self._store.transaction(take)
        ended = await asyncio.gather(*(self._tried(webhook, message) for message in messages))

        def settle(tx: Tx) -> None:
            for message, (outcome, due_at) in zip(messages, ended, strict=True):
                tx.webhooks.settle(message.id, outcome, due_at)

        if messages:
            await self._store.transaction(settle)
        return bool(messages)

    async def _tried(self, webhook: Webhook, message: Message) -> tuple[Outcome, float]:
        """How a try ended, and when the next one is due (Unix seconds), if there is one."""
        try:
            await self._sender.send(webhook, message)
        except ServiceError as error:
            if message.tries >= len(PAUSES):
                log.warning("webhook_given_up", message=message.id, tries=message.tries + 1, error=error.what)
                return Outcome.GIVEN_UP, 0.0
            pause = PAUSES[message.tries] * random.uniform(0.9, 1.1)  # noqa: S311 - jitter
            asked = min(error.retry_after, _LONGEST_RETRY_AFTER) if isinstance(error, RateLimited) else 0.0
            log.info("webhook_failed", message=message.id, tries=message.tries + 1, error=error.what)
            return Outcome.FAILED, time.time() + max(pause, asked)
        return Outcome.TAKEN, 0.0
