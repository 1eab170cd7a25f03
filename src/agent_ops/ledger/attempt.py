"""One attempt at one effect: look, send, adopt, try again, within bounds, until the service has answered."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Any

import structlog

from agent_ops.domain.effects import Accepted, Answer, Completed, Failed, Finding, Intent, Presence, Uncertain
from agent_ops.domain.errors import (
    AgentOpsError,
    LeaseLost,
    RateLimited,
    ServiceAmbiguous,
    ServiceError,
    ServiceUnavailable,
    StorageError,
    ValueTaken,
)
from agent_ops.domain.ports import EffectAdapter

log = structlog.get_logger(__name__)
MAX_OTHER_VALUES = 50


@dataclass(frozen=True)
class Patience:
    """How long the ledger tries. All in seconds, but ``tries``.

    Args:
        tries: sends of one attempt, at most.
        first_pause: before the second try; doubled each time up to ``longest_pause``, with jitter.
        longest_wait: a service that asks to wait longer than this has failed.
        settling: how long a request whose connection was cut may still land.
        margin: added to a call's time-out before absence is concluded.
    """

    tries: int = 6
    first_pause: float = 0.25
    longest_pause: float = 20.0
    longest_wait: float = 300.0
    settling: float = 2.0
    margin: float = 5.0

    def pause(self, after_try: int, error: ServiceError) -> float:
        """Seconds to wait before the next try: exponential with full jitter's upper half; Retry-After is honoured."""
        grown = min(self.first_pause * 2**after_try, self.longest_pause)
        jittered: float = grown * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, no secret
        return max(jittered, error.retry_after) if isinstance(error, RateLimited) else jittered


class Attempt:
    """Carries one intent to the service.

    Args:
        intent: as committed; ``self.intent`` changes when another value is pinned.
        sending: called before each send; commits until when it can land, or raises ``LeaseLost``.
        repin: called when a pinned value belongs to somebody else; commits another one under the same key.
    """

    def __init__(
        self,
        adapter: EffectAdapter,
        intent: Intent,
        patience: Patience,
        sending: Callable[[Intent, float], Awaitable[datetime]],
        repin: Callable[[Intent], Awaitable[dict[str, Any]]],
    ) -> None:
        self.intent = intent
        self._uncertain = False
        self._adapter, self._patience, self._sending, self._repin = adapter, patience, sending, repin

    async def carry_out(self, uncertain: bool) -> Accepted | Answer:
        """Send it, or adopt what an earlier try did.

        Args:
            uncertain: the intent may have been sent already: look before sending.

        Raises:
            LeaseLost, StorageError: this process must let go; the intent stays open for the next.
        """
        self._uncertain = uncertain
        error: ServiceError | None = None
        for number in range(self._patience.tries):
            if error is not None:
                await asyncio.sleep(self._patience.pause(number - 1, error))
            try:
                return await self._try()
            except (ServiceAmbiguous, ServiceUnavailable) as transient:
                error = transient
                if isinstance(error, RateLimited) and error.retry_after > self._patience.longest_wait:
                    break
        assert error is not None  # noqa: S101 - the loop runs at least once and leaves only by an error
        return self._given_up(f"gave up after {number + 1} tries; last answer: {error.what}")

    async def _try(self) -> Accepted | Answer:
        """Look if need be, then send. Raises what is worth another try; everything else is an answer."""
        try:
            found = await self._find() if self._uncertain else None
            if found is not None:
                return found
            self._uncertain = False
            return await self._send()
        except ServiceAmbiguous:
            self._uncertain = True
            raise
        except (ServiceUnavailable, LeaseLost, StorageError):
            raise
        except AgentOpsError as final:  # refused, or not configured: trying again would not help
            return self._given_up(final.what)
        except Exception as defect:
            log.error("adapter_broke", action=self.intent.proposal.action.value, exc_info=defect)
            return Uncertain(f"may have been done: {type(defect).__name__} in the adapter")

    def _given_up(self, why: str) -> Failed | Uncertain:
        return Uncertain(f"may have been done: {why}") if self._uncertain else Failed(why)

    async def _send(self) -> Accepted | Completed | Failed:
        """Send with the pinned values; when one belongs to somebody else, with the next."""
        for _ in range(MAX_OTHER_VALUES):
            lands_by = await self._sending(self.intent, self._adapter.call_timeout + self._patience.margin)
            self.intent = replace(self.intent, lands_by=lands_by)
            try:
                return await asyncio.wait_for(self._adapter.send(self.intent), self._adapter.call_timeout)
            except ValueTaken:
                self.intent = replace(self.intent, pinned=await self._repin(self.intent))
            except ServiceAmbiguous:
                cut = datetime.now(timezone.utc) + timedelta(seconds=self._patience.settling)
                self.intent = replace(self.intent, lands_by=min(lands_by, cut))
                raise
            except asyncio.TimeoutError as error:
                raise ServiceAmbiguous(self.intent.proposal.agent, "gave no answer in time") from error
        return Failed(f"{MAX_OTHER_VALUES} other values were taken too")

    async def _find(self) -> Accepted | Completed | Uncertain | None:
        """What an earlier send did; None when nothing, and nothing can land any more."""
        while True:
            asked_at = datetime.now(timezone.utc)
            finding = await self._adapter.look_up(self.intent)
            if finding.presence is not Presence.ABSENT:
                return await self._judged(finding)
            remaining = ((self.intent.lands_by or asked_at) - asked_at).total_seconds()
            if finding.resend_is_safe or remaining <= 0:
                return None
            await asyncio.sleep(min(remaining, 0.5))

    async def _judged(self, finding: Finding) -> Accepted | Completed | Uncertain | None:
        if finding.presence is Presence.FOREIGN:
            self.intent = replace(self.intent, pinned=await self._repin(self.intent))
            return None
        if finding.presence is Presence.CANNOT_TELL:
            return Uncertain(f"may have been done: {finding.why}")
        return Completed(finding.result) if finding.result is not None else Accepted(finding.handle or {})
