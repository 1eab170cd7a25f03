"""The one door: ``Ledger.perform``. Nothing else in the code base may change the outside world.

The six steps are those of the design: a recorded success; an open intent; guard; limits and intent; perform; record.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
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
    effect_key,
)
from agent_ops.domain.errors import AgentOpsError, GrantInvalid, LeaseLost
from agent_ops.domain.grants import Grant
from agent_ops.domain.ports import EffectAdapter
from agent_ops.ledger.attempt import Attempt, Patience
from agent_ops.ledger.binding import Binder
from agent_ops.ledger.grants import GrantBook
from agent_ops.ledger.guard import Guard
from agent_ops.ledger.recording import record_accepted, record_answer, record_denial, record_intent, recorded_outcome
from agent_ops.storage import Store, Tx

log = structlog.get_logger(__name__)
_SETTLED = (EffectState.SUCCEEDED, EffectState.FAILED, EffectState.UNKNOWN)


@dataclass(frozen=True)
class Ledger:
    """Performs effects exactly once.

    Args:
        owner: this process's name in leases and intents; never used by another process.
    """

    store: Store
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

        Returns the recorded outcome when it was done, or tried in vain, before. What a service does is told in the
        outcome, never raised.

        Raises:
            LeaseLost: another process drives this run.
            StorageError: the ledger cannot be written; nothing was sent without an intent.
        """
        try:
            grant = await self.grants.load(run_id)
        except GrantInvalid as error:
            return await self._denied_without_grant(run_id, proposal, error)
        key = effect_key(grant.employee_id, proposal.action, proposal.item)
        sending = asyncio.ensure_future(self._to_the_service(grant, proposal, key))
        self._in_flight.add(sending)
        sending.add_done_callback(self._landed)
        sent = await asyncio.shield(sending)
        return sent if isinstance(sent, Outcome) else await self._result_of(sent)

    async def drain(self, seconds: float) -> None:
        """Let sends that are under way be recorded, within a bound; what is left stays open for the next process."""
        if self._in_flight:
            _, late = await asyncio.wait(self._in_flight, timeout=seconds)
            for task in late:
                task.cancel()

    def _landed(self, sending: asyncio.Future[Intent | Outcome]) -> None:
        self._in_flight.discard(sending)
        if not sending.cancelled() and (error := sending.exception()) is not None:
            log.info("send_not_recorded", error=str(error))  # its caller is told too, if it still waits

    async def _to_the_service(self, grant: Grant, proposal: Proposal, key: str) -> Intent | Outcome:
        """Steps 1 to 5, up to the service's answer. Not cancelled with the caller, and the key's turn is held throughout."""
        async with self._turn(key):
            intent, uncertain = await self._recorded(key), True
            while intent is None:
                opened = await self._open(grant, proposal, key)
                if isinstance(opened, Outcome):
                    return opened
                uncertain = opened is None  # then another process opened it between our look and our write
                intent = opened or await self._recorded(key)
            if intent.state not in _SETTLED:
                intent = await self._taken_over(intent)
            if intent.state in _SETTLED:
                return recorded_outcome(intent)
            if intent.state is EffectState.ACCEPTED:
                return intent
            adapter = self.adapters[intent.proposal.action]
            return await self._send_and_record(Attempt(adapter, intent, self.patience, self._sending, self._repin), uncertain)

    async def _result_of(self, intent: Intent) -> Outcome:
        """Step 6 for accepted work: awaiting its result is a read, which ends with the caller."""
        async with self._turn(intent.key):
            recorded = await self._recorded(intent.key) or intent
            if recorded.state in _SETTLED:
                return recorded_outcome(recorded)
            answer = await _followed(self.adapters[intent.proposal.action], intent)
            return await self.store.transaction(lambda tx: record_answer(tx, intent, answer))

    async def _recorded(self, key: str) -> Intent | None:
        return await self.store.read(lambda tx: tx.effects.get(key))

    def _turn(self, key: str) -> asyncio.Lock:
        """Two calls for one key in this process take turns; between processes the lease and the key decide."""
        return self._turns.setdefault(key, asyncio.Lock())

    async def _denied_without_grant(self, run_id: str, proposal: Proposal, error: GrantInvalid) -> Outcome:
        await self.store.transaction(
            lambda tx: tx.logs.audit("denied", run_id, "", proposal.action.value, proposal.item, "no valid grant")
        )
        return Outcome(OutcomeKind.DENIED, str(error))

    async def _open(self, grant: Grant, proposal: Proposal, key: str) -> Intent | Outcome | None:
        """Steps 3 and 4: guard, and the intent with every value that will be sent, in one transaction.

        None when the key exists already: the database's primary key decides, not a lock in memory.
        """

        def work(tx: Tx) -> Intent | Outcome:
            employee = tx.people.get(grant.employee_id)
            now = datetime.now(timezone.utc)
            if not tx.runs.holds(grant.run_id, self.owner, now.timestamp()):
                raise LeaseLost(f"run {grant.run_id} is not ours to drive")
            denial = "the employee is unknown" if employee is None else self.guard.denial(proposal, grant, employee, now)
            if denial or employee is None:
                return record_denial(tx, grant, proposal, denial or "")
            intent = Intent(key, grant.run_id, grant.employee_id, proposal, 1, {}, now, owner=self.owner)
            try:
                intent = replace(intent, pinned=self.binder.bind(tx, proposal, employee, intent.marker))
            except AgentOpsError as error:
                return Outcome(OutcomeKind.FAILED, str(error))
            tx.effects.open(intent)
            record_intent(tx, intent)
            return intent

        try:
            return await self.store.transaction(work)
        except sqlite3.IntegrityError:
            return None

    async def _taken_over(self, intent: Intent) -> Intent:
        """Step 2: an intent that another process left open becomes ours once its lease is over, unless it settles first."""
        while intent.owner != self.owner and intent.state not in _SETTLED:
            wait = await self._owner_lives_for(intent)
            if wait <= 0:
                return await self._take_over(intent)
            await asyncio.sleep(min(wait, 0.25))
            intent = await self._recorded(intent.key) or intent
        return intent

    async def _take_over(self, intent: Intent) -> Intent:
        if not await self.store.transaction(lambda tx: tx.effects.take_over(intent, self.owner)):
            raise LeaseLost(f"another process took over {intent.proposal.action.value} for {intent.proposal.item}")
        return replace(intent, owner=self.owner)

    async def _owner_lives_for(self, intent: Intent) -> float:
        """Seconds for which the intent's owner still holds the run; 0 when it does not."""
        owner, until = await self.store.read(lambda tx: tx.runs.lease_of(intent.run_id))
        return until - time.time() if owner == intent.owner else 0.0

    async def _send_and_record(self, attempt: Attempt, uncertain: bool) -> Intent | Outcome:
        answer = await attempt.carry_out(uncertain)
        if isinstance(answer, Accepted):
            accepted = replace(attempt.intent, state=EffectState.ACCEPTED, handle=answer.handle)
            await self.store.transaction(lambda tx: record_accepted(tx, accepted))
            return accepted
        final = answer
        return await self.store.transaction(lambda tx: record_answer(tx, attempt.intent, final))

    async def _sending(self, intent: Intent, seconds: float) -> datetime:
        """An owner sends only while its lease outlasts the call and the intent is still open and its own."""
        lands_by = datetime.now(timezone.utc) + timedelta(seconds=seconds)

        def work(tx: Tx) -> bool:
            return tx.runs.holds(intent.run_id, self.owner, lands_by.timestamp()) and tx.effects.sending(intent, lands_by)

        if not await self.store.transaction(work):
            raise LeaseLost(f"the lease on run {intent.run_id} is too short to send")
        return lands_by

    async def _repin(self, intent: Intent) -> dict[str, Any]:
        """The address belongs to somebody else: reserve another one under the same key."""

        def work(tx: Tx) -> dict[str, Any]:
            tx.people.address_is_foreign(intent.pinned["userPrincipalName"])
            employee = tx.people.get(intent.employee_id)
            if employee is None:
                raise AgentOpsError("the employee is gone")
            pinned = self.binder.bind(tx, intent.proposal, employee, intent.marker)
            tx.effects.repin(intent, pinned)
            return pinned

        return await self.store.transaction(work)


async def _followed(adapter: EffectAdapter, intent: Intent) -> Answer:
    """The result of accepted work; where it cannot be read, the work may still be done."""
    try:
        return await adapter.follow(intent)
    except AgentOpsError as error:
        return Uncertain(f"accepted, but its result cannot be read: {error.what}")
    except Exception as defect:
        log.error("adapter_broke", action=intent.proposal.action.value, exc_info=defect)
        return Uncertain(f"accepted, but its result cannot be read: {type(defect).__name__} in the adapter")
