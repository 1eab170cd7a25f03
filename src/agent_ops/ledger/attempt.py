"""One attempt at one effect: look, send, adopt, try again, within bounds, until the service has answered."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from itertools import count
from typing import Any

import structlog

from agent_ops.domain.effects import (
    Accepted,
    Action,
    Answer,
    Completed,
    Failed,
    Finding,
    Held,
    Intent,
    Presence,
    Uncertain,
    Waiting,
)
from agent_ops.domain.errors import (
    AgentOpsError,
    LeaseLost,
    Paused,
    RateLimited,
    ServiceAmbiguous,
    ServiceError,
    ServiceRefused,
    ServiceSilent,
    ServiceUnavailable,
    StorageError,
    ValueTaken,
)
from agent_ops.domain.ports import EffectAdapter

log = structlog.get_logger(__name__)
MAX_OTHER_VALUES = 50
_SHORTEST_PARKED, _LONGEST_PARKED = 2.0, 300.0
_FIRST_LOOK = 0.5
"""Seconds between two looks at what may still land, doubled each time: looking costs the service more than sending does."""
PAUSED_SECONDS = Paused.seconds
_TRIES_OF_THE_PARKED = 2  # in a row, each time that it is looked at again


@dataclass(frozen=True)
class Patience:
    """How long the ledger tries. All in seconds, but ``tries``.

    Args:
        tries: sends in a row, at most; then the run is parked and they begin anew later.
        first_pause: before the second try; doubled each time up to ``longest_pause``, with jitter.
        longest_wait: a service that asks to wait longer than this is not waited for in place.
        settling: how long a request whose connection was cut may still land.
        margin: added to a call's time-out before absence is concluded.
        stay: how long a driver stays with work that goes on at a service before the run is parked.
        give_up: how long after the intent a service may be down before the effect has failed, or is unknown.
        mail_wait: how long a run waits for a mail to be taken before it leaves it to the outbox.
    """

    tries: int = 6
    first_pause: float = 0.25
    longest_pause: float = 20.0
    longest_wait: float = 20.0
    settling: float = 2.0
    margin: float = 5.0
    stay: float = 60.0
    give_up: float = 5 * 86400.0
    mail_wait: float = 3.0

    def pause(self, after_try: int, error: ServiceError) -> float:
        """Seconds to wait before the next try: exponential with full jitter's upper half; Retry-After is honoured."""
        grown = min(self.first_pause * 2**after_try, self.longest_pause)
        jittered: float = grown * random.uniform(0.5, 1.0)  # noqa: S311 - spreads load, no secret
        return max(jittered, error.retry_after) if isinstance(error, RateLimited) else jittered

    def parked_for(self, intent: Intent, error: AgentOpsError) -> float:
        """Seconds until a parked effect is tried again: a twelfth of its age, and not before the service asked for."""
        asked = error.retry_after if isinstance(error, RateLimited) else 0.0
        return max(min(age_of(intent) / 12, _LONGEST_PARKED), _SHORTEST_PARKED, asked)

    def is_over(self, intent: Intent) -> bool:
        """Whether an effect was tried for long enough."""
        return age_of(intent) >= self.give_up


def age_of(intent: Intent) -> float:
    """Seconds since the intent was opened."""
    return (datetime.now(timezone.utc) - intent.opened_at).total_seconds()


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

    async def carry_out(self, uncertain: bool) -> Accepted | Answer | Waiting:
        """Send it, or adopt what an earlier try did.

        Args:
            uncertain: the intent may have been sent already: look before sending.

        Raises:
            LeaseLost, StorageError: this process must let go; the intent stays open for the next.
        """
        self._uncertain = uncertain
        error: ServiceError | None = None
        for number in range(self._patience.tries if not self.intent.reason else _TRIES_OF_THE_PARKED):
            if error is not None:
                await asyncio.sleep(self._patience.pause(number - 1, error))
            try:
                return await self._try()
            except (ServiceAmbiguous, ServiceUnavailable) as transient:
                error = transient
                if isinstance(error, RateLimited) and error.retry_after > self._patience.longest_wait:
                    break
            except Paused as paused:
                return Waiting(paused.what, paused.seconds)
        assert error is not None  # noqa: S101 - the loop runs at least once and leaves only by an error
        return self._later(error, f"gave up after {number + 1} tries; last answer: {error.what}")

    async def _try(self) -> Accepted | Answer | Waiting:
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
        except (ServiceUnavailable, LeaseLost, StorageError, Paused):
            raise
        except AgentOpsError as final:  # refused, or not configured: trying again at once would not help
            if self.intent.proposal.action is Action.SEND_MAIL:  # an address or a server is mended, then the mail can go
                return self._later(final, final.what)
            return self._given_up(final.what)
        except Exception as defect:
            log.error("adapter_broke", action=self.intent.proposal.action.value, exc_info=defect)
            return Uncertain(f"may have been done: {type(defect).__name__} in the adapter")

    def _later(self, error: AgentOpsError, why: str) -> Failed | Uncertain | Waiting:
        """The service is down for longer than a driver stays: the intent stays open until it is back."""
        if self._patience.is_over(self.intent):
            return self._given_up(why)
        return Waiting(error.what, self._patience.parked_for(self.intent, error))

    def _given_up(self, why: str) -> Failed | Uncertain:
        return Uncertain(f"may have been done: {why}") if self._uncertain else Failed(why)

    async def _send(self) -> Accepted | Completed | Failed | Held:
        """Send with the pinned values; when one belongs to somebody else, with the next."""
        for _ in range(MAX_OTHER_VALUES):
            lands_by = await self._sending(self.intent, self._adapter.call_timeout + self._patience.margin)
            self.intent = replace(self.intent, lands_by=lands_by)
            try:
                return await asyncio.wait_for(self._adapter.send(self.intent), self._adapter.call_timeout)
            except ValueTaken:
                self.intent = replace(self.intent, pinned=await self._repin(self.intent))
            except ServiceSilent:  # we stopped waiting, the service did not: it may land as late as any call
                raise
            except ServiceAmbiguous:
                cut = datetime.now(timezone.utc) + timedelta(seconds=self._patience.settling)
                self.intent = replace(self.intent, lands_by=min(lands_by, cut))
                raise
            except (ServiceUnavailable, ServiceRefused):
                self.intent = replace(self.intent, lands_by=datetime.now(timezone.utc))  # answered: nothing is on its way
                raise
            except asyncio.TimeoutError as error:
                raise ServiceAmbiguous(self.intent.proposal.agent, "gave no answer in time") from error
        return Failed(f"{MAX_OTHER_VALUES} other values were taken too")

    async def _find(self) -> Accepted | Completed | Uncertain | None:
        """What an earlier send did; None when nothing, and nothing can land any more."""
        pauses = (_FIRST_LOOK * 2**number for number in count())
        while True:
            asked_at = datetime.now(timezone.utc)
            finding = await self._adapter.look_up(self.intent)
            harmless = finding.presence is Presence.CANNOT_TELL and self.intent.pinned.get("idempotent")
            if finding.presence is not Presence.ABSENT and not harmless:
                return await self._judged(finding)
            remaining = ((self.intent.lands_by or asked_at) - asked_at).total_seconds()
            if finding.resend_is_safe or remaining <= 0:
                return None
            await asyncio.sleep(min(remaining, next(pauses)))

    async def _judged(self, finding: Finding) -> Accepted | Completed | Uncertain | None:
        if finding.presence is Presence.FOREIGN:
            self._uncertain = False  # somebody else has what must be unique: nothing of ours was done
            self.intent = replace(self.intent, pinned=await self._repin(self.intent))
            return None
        if finding.presence is Presence.CANNOT_TELL:
            return Uncertain(f"may have been done: {finding.why}")
        return Completed(finding.result) if finding.result is not None else Accepted(finding.handle or {})
