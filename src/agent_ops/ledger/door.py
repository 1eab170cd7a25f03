"""The one door: ``Ledger.perform``. Nothing else in the code base may change the outside world.

The six steps are those of the design: a recorded success; an open intent; guard; limits and intent; perform; record.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
import weakref
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any

import structlog

from agent_ops.domain.effects import (
    Accepted,
    Action,
    Answer,
    EffectState,
    Intent,
    Outcome,
    OutcomeKind,
    Proposal,
    Uncertain,
    Waiting,
)
from agent_ops.domain.errors import (
    AgentOpsError,
    GrantInvalid,
    LeaseLost,
    LimitReached,
    Paused,
    ServiceAmbiguous,
    ServiceUnavailable,
)
from agent_ops.domain.grants import Grant
from agent_ops.domain.ports import EffectAdapter
from agent_ops.ledger.attempt import Attempt, Patience
from agent_ops.ledger.binding import Binder
from agent_ops.ledger.grants import GrantBook
from agent_ops.ledger.guard import Guard
from agent_ops.ledger.keying import Keys
from agent_ops.ledger.limiter import Limiter
from agent_ops.ledger.opening import Opening
from agent_ops.ledger.recording import (
    record_accepted,
    record_answer,
    record_waiting,
    recorded_outcome,
)
from agent_ops.ledger.telling import told
from agent_ops.storage import Transactions, Tx

log = structlog.get_logger(__name__)
_SETTLED = (EffectState.SUCCEEDED, EffectState.FAILED, EffectState.UNKNOWN, EffectState.HELD)


@dataclass(frozen=True)
class Ledger:
    """Performs effects exactly once.

    Args:
        owner: this process's name in leases and intents; never used by another process.
    """

    store: Transactions
    grants: GrantBook
    guard: Guard
    binder: Binder
    adapters: Mapping[Action, EffectAdapter]
    owner: str
    patience: Patience = field(default_factory=Patience)
    _in_flight: set[asyncio.Future[Intent | Outcome]] = field(default_factory=set, init=False)
    _turns: weakref.WeakValueDictionary[str, asyncio.Lock] = field(default_factory=weakref.WeakValueDictionary, init=False)

    async def perform(self, run_id: str, proposal: Proposal) -> Outcome:
        """Do what is proposed, exactly once, if the run's grant has it.

        Returns the recorded outcome when it was done, or tried in vain by this run, before. What a service does is told in
        the outcome, never raised. ``waiting`` means that the same call later goes on with it.

        Raises:
            LeaseLost: another process drives this run.
            StorageError: the ledger cannot be written; nothing was sent without an intent.
        """
        with told(run_id, proposal) as telling:
            telling.outcome = await self._performed(run_id, proposal)
        return telling.outcome

    async def _performed(self, run_id: str, proposal: Proposal) -> Outcome:
        def work(tx: Tx) -> tuple[Grant, str]:
            grant = self.grants.of_run(tx, run_id)
            return grant, Keys(tx, grant.employee_id).of(proposal)

        try:
            grant, key = await self.store.read(work)
        except GrantInvalid as error:
            return await self._denied_without_grant(run_id, proposal, error)
        sending = self._begun(self._to_the_service(grant, proposal, key))
        if proposal.action is Action.SEND_MAIL:  # a mail never holds a run: what takes long goes on in the background
            await asyncio.wait([sending], timeout=self.patience.mail_wait)
            if not sending.done():
                return Outcome(OutcomeKind.WAITING, "the mail is on its way")
        sent = await asyncio.shield(sending)
        return sent if isinstance(sent, Outcome) else await self._result_of(sent)

    async def deliver_mails(self) -> None:
        """The outbox: try every mail again whose time has come, whether its run goes on or has ended."""
        now = time.time()
        for intent in await self.store.read(lambda tx: tx.effects.mails_due(now)):
            await asyncio.shield(self._begun(self._to_the_outbox(intent.key)))

    def _begun(self, work: Coroutine[Any, Any, Intent | Outcome]) -> asyncio.Task[Intent | Outcome]:
        """A task that is not cancelled with its caller."""
        sending = asyncio.ensure_future(work)
        self._in_flight.add(sending)
        sending.add_done_callback(self._landed)
        return sending

    async def drain(self, seconds: float) -> None:
        """Let sends that are under way be recorded, within a bound; what is left stays open for the next process."""
        if self._in_flight:
            _, late = await asyncio.wait(self._in_flight, timeout=seconds)
            for task in late:
                task.cancel()

    def _landed(self, sending: asyncio.Future[Intent | Outcome]) -> None:
        self._in_flight.discard(sending)
        if not sending.cancelled() and (error := sending.exception()) is not None:
            log.info("send_not_recorded", error=error)  # its caller is told too, if it still waits

    async def _to_the_service(self, grant: Grant, proposal: Proposal, key: str) -> Intent | Outcome:
        """Steps 1 to 5, up to the service's answer. Not cancelled with the caller, and the key's turn is held throughout."""
        async with self._turn(key):
            intent, uncertain = await self._recorded(key), True
            while intent is None or _was_closed_before(intent, grant):
                opened = await self._open(grant, proposal, key, intent.attempt + 1 if intent else 1)
                if isinstance(opened, Outcome):
                    return opened
                # another process opened it between our look and our write, or a restored database may have lost it
                uncertain = opened is None or opened.look_back is not None
                intent = opened or await self._recorded(key)
            if not _is_settled(intent, grant):
                intent = await self._taken_over(intent, grant)
            if intent.state in _SETTLED:
                return recorded_outcome(intent)
            return intent if intent.state is EffectState.ACCEPTED else await self._send_and_record(intent, uncertain)

    async def _to_the_outbox(self, key: str) -> Outcome | Intent:
        """One more try of a mail, once nobody else can be sending it."""
        async with self._turn(key):
            now = time.time()
            intent = await self.store.transaction(lambda tx: tx.effects.take_over_mail(key, self.owner, now))
            if intent is None:
                return Outcome(OutcomeKind.WAITING, "somebody else was quicker")
            return await self._send_and_record(intent, uncertain=True)

    async def _result_of(self, intent: Intent) -> Outcome:
        """Step 6 for accepted work: awaiting its result is a read, which ends with the caller."""
        async with self._turn(intent.key):
            recorded = await self._recorded(intent.key) or intent
            if recorded.state in _SETTLED:
                return recorded_outcome(recorded)
            return await self._awaited(recorded)

    async def _awaited(self, intent: Intent) -> Outcome:
        """Look until it is over, or until it is better to park the run meanwhile."""
        leave_at = time.monotonic() + self.patience.stay
        while isinstance(answer := await self._followed(intent), Waiting):
            if answer.handle is not None and answer.handle != intent.handle:
                intent = replace(intent, handle=answer.handle)
                await self.store.transaction(partial(_record_accepted, intent))
            if time.monotonic() + answer.seconds > leave_at:
                return await self._waits(intent, answer)
            await asyncio.sleep(answer.seconds)
        return await self.store.transaction(partial(_record_answer, intent, answer))

    async def _followed(self, intent: Intent) -> Answer | Waiting:
        """The result of accepted work; where it cannot be read for good, the work may still be done."""
        try:
            return await self.adapters[intent.proposal.action].follow(intent)
        except (ServiceUnavailable, ServiceAmbiguous) as error:
            if not self.patience.is_over(intent):
                return Waiting(error.what, self.patience.parked_for(intent, error))
            return Uncertain(f"accepted, but its result cannot be read: {error.what}")
        except AgentOpsError as error:
            return Uncertain(f"accepted, but its result cannot be read: {error.what}")
        except Exception as defect:
            log.error("adapter_broke", action=intent.proposal.action.value, exc_info=defect)
            return Uncertain(f"accepted, but its result cannot be read: {type(defect).__name__} in the adapter")

    async def _waits(self, intent: Intent, waiting: Waiting) -> Outcome:
        wake_at = time.time() + waiting.seconds
        return await self.store.transaction(lambda tx: record_waiting(tx, intent, waiting, wake_at))

    async def _recorded(self, key: str) -> Intent | None:
        return await self.store.read(lambda tx: tx.effects.get(key))

    def _turn(self, key: str) -> asyncio.Lock:
        """Two calls for one key in this process take turns; between processes the lease and the key decide."""
        return self._turns.setdefault(key, asyncio.Lock())

    async def _denied_without_grant(self, run_id: str, proposal: Proposal, error: GrantInvalid) -> Outcome:
        await self.store.transaction(
            lambda tx: tx.logs.audit("denied", run_id, "", proposal.action.value, tx.audit.text(proposal.item), "no-grant")
        )
        return Outcome(OutcomeKind.DENIED, str(error))

    async def _open(self, grant: Grant, proposal: Proposal, key: str, attempt: int) -> Intent | Outcome | None:
        """Steps 3 and 4: guard, and the intent with every value that will be sent, in one transaction.

        None when the key exists already: the database's primary key decides, not a lock in memory.
        """

        opening = self._opening
        try:
            return await self.store.transaction(lambda tx: opening.work(tx, grant, proposal, key, attempt))
        except sqlite3.IntegrityError:
            return None

    @property
    def _opening(self) -> Opening:
        """What a new intent has to pass."""
        return Opening(
            self.guard, self.binder, self.limiter, self.grants, self.owner, self.patience.mail_wait + self.patience.margin
        )

    @property
    def limiter(self) -> Limiter:
        """What all runs together may do, by today's policy."""
        return Limiter.of(self.binder.policy, self.binder.contacts)

    async def _taken_over(self, intent: Intent, grant: Grant) -> Intent:
        """Step 2: an intent that another process or run left open becomes ours once its lease is over, unless it settles."""
        while (intent.owner, intent.run_id) != (self.owner, grant.run_id) and not _is_settled(intent, grant):
            wait = await self._owner_lives_for(intent)
            if wait <= 0:
                return await self._take_over(intent, grant.run_id)
            await asyncio.sleep(min(wait, 0.25))
            intent = await self._recorded(intent.key) or intent
        return intent

    async def _take_over(self, intent: Intent, run_id: str) -> Intent:
        def work(tx: Tx) -> Intent | None:
            return tx.effects.get(intent.key) if tx.effects.take_over(intent, self.owner, run_id) else None

        ours = await self.store.transaction(work)
        if ours is None:
            raise LeaseLost(f"another process took over {intent.proposal.action.value} for {intent.proposal.item}")
        return ours

    async def _owner_lives_for(self, intent: Intent) -> float:
        """Seconds for which the intent's owner still holds the run; 0 when it does not."""
        owner, until = await self.store.read(lambda tx: tx.runs.lease_of(intent.run_id))
        return until - time.time() if owner == intent.owner else 0.0

    async def _send_and_record(self, intent: Intent, uncertain: bool) -> Intent | Outcome:
        attempt = Attempt(self.adapters[intent.proposal.action], intent, self.patience, self._sending, self._repin)
        answer = await attempt.carry_out(uncertain)
        if isinstance(answer, Waiting):
            return await self._waits(attempt.intent, answer)
        if isinstance(answer, Accepted):
            accepted = replace(attempt.intent, handle=answer.handle)
            await self.store.transaction(lambda tx: record_accepted(tx, accepted))
            return replace(accepted, state=EffectState.ACCEPTED)
        return await self.store.transaction(partial(_record_answer, attempt.intent, answer))

    async def _sending(self, intent: Intent, seconds: float) -> datetime:
        """An owner sends only while its lease outlasts the call, the intent is still open and its own, and nothing is paused
        or beyond a limit.

        A mail needs no lease on its run, which may have ended: whoever owns the intent sends it.
        """
        lands_by = datetime.now(timezone.utc) + timedelta(seconds=seconds)

        def work(tx: Tx) -> bool:
            if (pause := tx.pauses.on(intent.proposal)) is not None:
                raise Paused(pause.words)
            if (full := self.limiter.before_send(tx, intent, datetime.now(timezone.utc))) is not None:
                raise LimitReached(full.reason, full.seconds)
            leased = intent.proposal.action is Action.SEND_MAIL or tx.runs.holds(intent.run_id, self.owner, lands_by.timestamp())
            return leased and tx.effects.sending(intent, lands_by)

        if not await self.store.transaction(work):
            raise LeaseLost(f"the lease on run {intent.run_id} is too short to send")
        log.info("effect_sent", employee=intent.employee_id, attempt=intent.attempt)
        return lands_by

    async def _repin(self, intent: Intent) -> dict[str, Any]:
        """The address belongs to somebody else: reserve another one under the same key, unless a plan names the address."""
        taken = intent.pinned["userPrincipalName"]

        def work(tx: Tx) -> dict[str, Any] | None:
            tx.people.address_is_foreign(taken)
            if tx.runs.has_plan(intent.run_id):
                return None
            employee = tx.people.get(intent.employee_id)
            if employee is None:
                raise AgentOpsError("the employee is gone")
            pinned = self.binder.readdressed(tx, intent, employee)
            tx.effects.repin(intent, pinned)
            return pinned

        pinned = await self.store.transaction(work)
        if pinned is None:
            raise AgentOpsError(f"the planned address {taken} belongs to somebody else by now: plan again")
        return pinned


def _is_settled(intent: Intent, grant: Grant) -> bool:
    """Whether there is nothing left to do: success is final, anything else for the run that saw it."""
    ours = intent.run_id == grant.run_id
    return intent.state is EffectState.SUCCEEDED or (intent.state in _SETTLED and ours)


def _was_closed_before(intent: Intent, grant: Grant) -> bool:
    """Whether an earlier run tried in vain: then this run's grant opens the next attempt."""
    return intent.state in (EffectState.FAILED, EffectState.HELD) and intent.run_id != grant.run_id


def _record_accepted(intent: Intent, tx: Tx) -> None:
    record_accepted(tx, intent)


def _record_answer(intent: Intent, answer: Answer, tx: Tx) -> Outcome:
    return record_answer(tx, intent, answer)
