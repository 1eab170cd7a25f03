"""Steps 3 and 4 of the door: what an intent must pass before it is opened, as one transaction's work."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone

from agent_ops.domain.effects import Action, Intent, Outcome, Proposal, Waiting
from agent_ops.domain.employee import Employee
from agent_ops.domain.errors import AgentOpsError, InvalidRequest, LeaseLost, PlanOutdated
from agent_ops.domain.grants import Grant
from agent_ops.ledger.attempt import PAUSED_SECONDS
from agent_ops.ledger.binding import Binder
from agent_ops.ledger.grants import GrantBook
from agent_ops.ledger.guard import Guard
from agent_ops.ledger.limiter import Limiter
from agent_ops.ledger.recording import record_denial, record_intent, record_not_yet, record_unbound
from agent_ops.ledger.unasked import taken_back
from agent_ops.storage import Tx

_NOT_THE_GRANTS = "the employee's record is not the one that the grant was made for"


@dataclass(frozen=True)
class Opening:
    """Guard, limits, and the intent with every value that will be sent.

    Args:
        owner: this process's name in intents.
        ours: seconds for which no other process's outbox touches a new mail.
    """

    guard: Guard
    binder: Binder
    limiter: Limiter
    grants: GrantBook
    owner: str
    ours: float

    def work(self, tx: Tx, grant: Grant, proposal: Proposal, key: str, attempt: int) -> Intent | Outcome:
        """The opened intent, or why there is none.

        Raises:
            LeaseLost: another process drives the run. sqlite3.IntegrityError: the key exists already.
        """
        employee = tx.people.get(grant.employee_id)
        now = datetime.now(timezone.utc)
        if not tx.runs.holds(grant.run_id, self.owner, now.timestamp()):
            raise LeaseLost(f"run {grant.run_id} is not ours to drive")
        denial = self._denial(tx, grant, proposal, employee, now)
        if denial or employee is None:
            return record_denial(tx, grant, proposal, denial or "")
        if (not_yet := self.not_yet(tx, grant, proposal, key, employee, now)) is not None:
            return record_not_yet(tx, grant, proposal, not_yet)
        intent = Intent(key, grant.run_id, grant.employee_id, proposal, attempt, {}, now)
        lands_by = now + timedelta(seconds=self.ours)
        intent = replace(intent, owner=self.owner, lands_by=lands_by, look_back=tx.restores.look_back())
        try:
            intent = replace(intent, pinned=self.binder.bind(tx, intent, employee, grant))
        except PlanOutdated as error:
            return record_denial(tx, grant, proposal, error.what)
        except AgentOpsError as error:
            return record_unbound(tx, grant, proposal, error.what)
        tx.effects.open(intent)
        record_intent(tx, intent)
        return intent

    def _denial(self, tx: Tx, grant: Grant, proposal: Proposal, employee: Employee | None, now: datetime) -> str | None:
        """The guard judges by what is stored of the employee: that must be what the grant was made for."""
        if employee is None:
            return "the employee is unknown"
        try:
            request = tx.people.request_of(employee.id)
        except InvalidRequest:  # it was changed into what no request is
            return _NOT_THE_GRANTS
        if not self.grants.is_for(grant, request, employee.profile):
            return _NOT_THE_GRANTS
        denial = self.guard.denial(proposal, grant, employee, now)
        return denial or taken_back(tx, self.binder.policy, proposal, employee, request, now)

    def not_yet(self, tx: Tx, grant: Grant, proposal: Proposal, key: str, employee: Employee, now: datetime) -> Waiting | None:
        """What has to wait: for its day, for an administrator, for room. Mails are written all the same, and kept."""
        day = self.binder.not_before(proposal, employee)
        if day is not None and now < day:
            return Waiting(f"until the first working day, {day:%Y-%m-%d %H:%M %Z}", (day - now).total_seconds())
        pause = tx.pauses.on(proposal) if proposal.action is not Action.SEND_MAIL else None
        if pause is not None:
            return Waiting(pause.words, PAUSED_SECONDS)
        return self.limiter.not_yet(tx, grant, proposal, key, now)
