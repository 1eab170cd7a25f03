"""The outbox: mails that were written and not taken yet are tried again, whether their run goes on or has ended."""

from __future__ import annotations

import asyncio

import structlog

from agent_ops.domain.errors import LeaseLost, StorageError
from agent_ops.ledger.door import Ledger

log = structlog.get_logger(__name__)
_EVERY_SECONDS = 1.0


async def deliver_for_ever(ledger: Ledger) -> None:
    """Look into the outbox again and again, until cancelled."""
    while True:
        try:
            await ledger.deliver_mails()
        except LeaseLost as error:
            log.info("mail_taken_by_another", error=str(error))
        except StorageError as error:
            log.warning("outbox_failed", error=str(error))
        await asyncio.sleep(_EVERY_SECONDS)
