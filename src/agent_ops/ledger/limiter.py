"""What all runs together may do in how short a time: rate limits, which free themselves, and breakers, which a person closes.

Everything is counted in the transaction that decides by it, so that all processes on a database share one count.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

from agent_ops.domain.effects import ACCOUNT_ACTIONS, Action, Intent, Proposal, Waiting
from agent_ops.domain.grants import Grant
from agent_ops.domain.limits import EVERYBODY, HOUR, Breaker, BreakerKind, Limits, free_room
from agent_ops.domain.notices import Contacts
from agent_ops.domain.policy import EntitlementPolicy
from agent_ops.domain.runs import Run, RunStatus
from agent_ops.ledger.alarm import write_alarms
from agent_ops.storage import Tx

HELD_SECONDS = 300.0
"""How often a held run looks by itself; closing the breaker wakes it at once."""
_A_MOMENT = 0.01  # the database keeps milliseconds


@dataclass(frozen=True)
class Limiter:
    """Counts, and says who has to wait.

    Args:
        contacts: who is told by mail that a breaker tripped.
        domain: of the Message-IDs.
    """

    limits: Limits = field(default_factory=Limits)
    contacts: Contacts = field(default_factory=Contacts)
    domain: str = ""

    @classmethod
    def of(cls, policy: EntitlementPolicy, contacts: Contacts) -> Limiter:
        """By what a policy says."""
        return cls(policy.limits, contacts, policy.domain)

    def admitted(self, tx: Tx, run: Run, caller: str, now: datetime) -> None:
        """A run was queued: count it, and trip the breaker when it is one too many in a burst."""
        tx.admissions.add(run.id, caller, now.timestamp())
        if tx.breakers.is_open(BreakerKind.BURST, caller):
            return
        seconds = self.limits.burst_seconds
        count = tx.admissions.count(caller, _since(tx, BreakerKind.BURST, caller, now, seconds).timestamp())
        if count > self.limits.burst_requests:
            why = f"{count} requests within {seconds:g} s, where {self.limits.burst_requests} are ordinary"
            self._trip(tx, BreakerKind.BURST, caller, (caller,), (run.id, run.employee_id), why)

    def not_yet(self, tx: Tx, grant: Grant, proposal: Proposal, key: str, now: datetime) -> Waiting | None:
        """What has to wait before its intent may be opened. A run that has begun goes on: nobody is left half provisioned."""
        if proposal.action is Action.SEND_MAIL:
            return None
        begun = proposal.action not in ACCOUNT_ACTIONS and tx.effects.has_begun(grant.run_id)
        breaker = tx.breakers.on(grant.caller) if not begun else None
        if breaker is None and proposal.action is Action.CREATE_ACCOUNT:
            breaker = self._beyond_share(tx, grant, key, now)
        if breaker is not None:
            return Waiting(breaker.words, HELD_SECONDS)
        return self.no_room(tx, grant.run_id, grant.caller, key, now) if proposal.action is Action.CREATE_ACCOUNT else None

    def before_send(self, tx: Tx, intent: Intent, now: datetime) -> Waiting | None:
        """What has to wait before a send, long after its intent was opened perhaps: accounts count by when they can come."""
        if intent.proposal.action is not Action.CREATE_ACCOUNT:
            return None
        return self.no_room(tx, intent.run_id, tx.admissions.caller_of(intent.run_id), intent.key, now)

    def no_room(self, tx: Tx, run_id: str, caller: str, key: str, now: datetime) -> Waiting | None:
        """Until when another new account would be one too many; sends of one that is counted already are none."""
        since, caps = now - timedelta(seconds=HOUR), (self.limits.accounts_per_hour, self.limits.accounts_per_hour_per_caller)
        if tx.effects.fewer_accounts(since, min(caps)):
            return None
        accounts, moment = tx.effects.new_accounts(since, key), now.timestamp()
        everybody, own = [at for at, _ in accounts], [at for at, whose in accounts if whose == caller]
        waits: list[tuple[float, str]] = []
        for taken, cap, whom in (
            (everybody, self.limits.accounts_per_hour, None),
            (own, self.limits.accounts_per_hour_per_caller, caller),
        ):
            at = free_room(taken, cap, tx.admissions.waiting(run_id, moment, whom), 2 * _A_MOMENT)
            if at is not None:
                waits.append((at + _A_MOMENT, f"{cap} new accounts an hour" + (f" for {whom}" if whom else "")))
        if not waits:
            return None
        at, limit = max(waits)
        tx.admissions.wait(run_id, at)
        until = datetime.fromtimestamp(at, timezone.utc)
        return Waiting(f"the limit of {limit} is reached; there is room at {until:%Y-%m-%d %H:%M} UTC", at - moment)

    def _beyond_share(self, tx: Tx, grant: Grant, key: str, now: datetime) -> Breaker | None:
        """Trip the breaker when one more account would be an unusual share of the directory."""
        hours = self.limits.directory_hours
        since = _since(tx, BreakerKind.DIRECTORY, EVERYBODY, now, hours * HOUR)
        if tx.effects.fewer_accounts(since, self.limits.directory_limit(0)):
            return None
        makers = [whose for _, whose in tx.effects.new_accounts(since, key)]
        limit = self.limits.directory_limit(tx.people.with_account() - len(makers))
        if len(makers) < limit:
            return None
        most = Counter(makers).most_common(1)
        by = dict.fromkeys([grant.caller, *(name for name, _ in most if name)])
        why = f"a new account beyond the {limit} that are ordinary for this directory within {hours:g} h"
        return self._trip(tx, BreakerKind.DIRECTORY, EVERYBODY, tuple(by), (grant.run_id, grant.employee_id), why)

    def _trip(self, tx: Tx, kind: BreakerKind, holds: str, by: tuple[str, ...], run: tuple[str, str], reason: str) -> Breaker:
        """Breaker, event, audit and mails, in the transaction of what tripped it."""
        run_id, employee_id = run
        breaker = tx.breakers.trip(kind, holds, by, run_id, reason)
        tx.logs.event(run_id, "run", breaker.words, status=RunStatus.WAITING.value)
        tx.logs.audit("breaker_tripped", run_id, by[0], item=f"breaker.{kind.value}.{breaker.id}")
        write_alarms(tx, breaker, employee_id, self.contacts, self.domain)
        return breaker


def _since(tx: Tx, kind: BreakerKind, holds: str, now: datetime, seconds: float) -> datetime:
    """From when on things count: within the window, and not what a person accepted by closing such a breaker."""
    window = now - timedelta(seconds=seconds)
    closed = tx.breakers.last_closed(kind, holds)
    return max(window, closed) if closed else window
