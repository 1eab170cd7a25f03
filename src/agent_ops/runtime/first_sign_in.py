"""The first sign-in: an authorised person gets a pass for an account that we created and nobody has used yet.

It is a task of that person's process: a run of its own with a grant of minutes, through the same door as everything else,
driven by nobody else. The pass is in the answer and nowhere else.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from agent_ops.domain.account import start_of
from agent_ops.domain.effects import Action, Intent, Outcome
from agent_ops.domain.employee import Employee, EmployeeStatus
from agent_ops.domain.errors import AgentOpsError, NoAccessPass, NotPermitted
from agent_ops.domain.first_sign_in import AccessPass
from agent_ops.domain.grants import Caller
from agent_ops.domain.policy import EntitlementPolicy
from agent_ops.domain.runs import LifecycleEvent, RunStatus
from agent_ops.domain.secret import Secret
from agent_ops.ledger.access_passes import ISSUE, ITEM, WITHDRAW, created_by_us
from agent_ops.ledger.door import Ledger
from agent_ops.ledger.journal import RunJournal
from agent_ops.ledger.recording import record_grant
from agent_ops.runtime.granting import Granting
from agent_ops.runtime.lease import bury_the_dead, heartbeat
from agent_ops.runtime.logs import name_run
from agent_ops.runtime.naming import named
from agent_ops.runtime.owners import Owners
from agent_ops.runtime.reports import Reports
from agent_ops.storage import Store, Tx

SCOPE = "passes"
_ROUNDS = 3  # each begins with withdrawing a pass whose answer was lost on the way
Refusal = tuple[str, str]
"""A code for the audit, which holds nothing personal, and the words for whoever asks."""
_GONE = (EmployeeStatus.WITHDRAWN, EmployeeStatus.HELD)


@dataclass(frozen=True)
class FirstSignIns:
    """Retrieves access passes. ``lease`` in seconds, as for runs."""

    store: Store
    policy: EntitlementPolicy
    granting: Granting
    journal: RunJournal
    ledger: Ledger
    owners: Owners
    lease: float

    async def retrieve(self, wanted: str, caller: Caller, request_id: str | None = None) -> AccessPass:
        """A new pass for exactly one employee; one that was made before, and not used, is withdrawn first.

        Args:
            wanted: an employee id, an address or a full name.

        Raises:
            NotPermitted: the caller lacks the scope. NotFound: nobody is meant. Ambiguous: several people are.
            NoAccessPass: there is none for this account now; the message says why.
            LeaseLost, StorageError: this process had to let go; asking again puts it right.
        """
        await self._check_scope(caller)
        employee = await Reports(self.store).employee(wanted)
        ready = await self._account_ready(employee)
        await bury_the_dead(self.store, self.owners)
        run_id, asked = str(uuid.uuid4()), named(request_id)
        admitted = await self.store.transaction(lambda tx: self._admitted(tx, run_id, employee, caller, ready, asked))
        if admitted is not None:
            raise NoAccessPass(admitted)
        name_run(run_id, request=asked, employee=employee.id)
        async with self._driven(run_id):
            outcome, secret, replaced = await self._made(run_id)
            starts = datetime.fromisoformat(outcome.result["starts"][:19]).replace(tzinfo=timezone.utc)
            minutes = int(outcome.result["minutes"])
            ends, url = starts + timedelta(minutes=minutes), self.policy.first_sign_in.url
            return AccessPass(employee, run_id, minutes, starts, ends, url, replaced, secret)

    async def _made(self, run_id: str) -> tuple[Outcome, Secret, bool]:
        """Through the door. A success without its secret is a pass that was made before, or whose answer was lost."""
        replaced = False
        for _ in range(_ROUNDS):
            outcome = _succeeded(await self.ledger.perform(run_id, ISSUE))
            if outcome.secret is not None:
                return outcome, outcome.secret, replaced
            _succeeded(await self.ledger.perform(run_id, WITHDRAW))
            replaced = True
        raise NoAccessPass(
            "each pass was made, and its answer lost on the way", "Ask again when the connection to Entra is good."
        )

    async def _check_scope(self, caller: Caller) -> None:
        try:
            caller.require(SCOPE)
        except NotPermitted:
            await self.store.transaction(lambda tx: _refused(tx, "", "no-scope", caller))
            raise

    async def _account_ready(self, employee: Employee) -> bool:
        """By the facts of the latest run, which must not be one that undoes."""
        latest = (await self.store.read(lambda tx: tx.runs.of_employee(employee.id)))[0]
        known = await self.journal.known(latest.id)
        return known.account_ready and not known.undoing

    def _admitted(self, tx: Tx, run_id: str, employee: Employee, caller: Caller, ready: bool, asked: str) -> str | None:
        """Record the run with its grant, as ours; or why there is no pass, which the audit is told."""
        why = self._refusal(tx, employee, ready) or self._busy(tx, employee.id)
        if why is not None:
            code, words = why
            _refused(tx, employee.id, code, caller)
            return words
        now = time.time()
        tx.runs.insert(run_id, employee.id, LifecycleEvent.FIRST_SIGN_IN, None)
        tx.runs.request_of(run_id, asked)
        tx.runs.claim_one(run_id, self.owners.name, now, now + self.lease)
        grant = self.granting.of_task(run_id, employee.id, (ISSUE, WITHDRAW), caller, tx.people.request_of(employee.id))
        record_grant(tx, grant, self.policy)
        tx.logs.event(run_id, "run", f"first sign-in: {caller.name} asks for a pass", status=RunStatus.RUNNING.value)
        return None

    def _refusal(self, tx: Tx, employee: Employee, ready: bool) -> Refusal | None:
        created, now = created_by_us(tx, employee.id), datetime.now(timezone.utc)
        stored = tx.people.get(employee.id)
        if created is None or stored is None or not stored.entra_id:
            return "not-created", "Agent Ops created no account for this employee (a linked account has its own sign-in)"
        if stored.status in _GONE or not ready:
            return "not-ready", f"the account is not ready: the employee is {stored.status.value}"
        rules = self.policy.first_sign_in
        if now > self._begins(created, stored) + timedelta(days=rules.days):
            return "too-old", f"the account is older than {rules.days} days, see [first_sign_in] of the policy"
        if tx.runs.first_sign_ins_since(now - timedelta(hours=1)) >= rules.per_hour:
            words = f"{rules.per_hour} first sign-ins were begun within the last hour, see [first_sign_in] of the policy"
            return "too-many", words
        pause = tx.pauses.on(ISSUE)
        return ("paused", pause.words) if pause else None

    def _begins(self, created: Intent, employee: Employee) -> datetime:
        """The account's creation or the first working day, whichever is later."""
        start = start_of(employee.profile, self.policy.post_of(employee.profile))
        return max(created.opened_at, start or created.opened_at)

    @staticmethod
    def _busy(tx: Tx, employee_id: str) -> Refusal | None:
        """One first sign-in at a time for an employee; those whose process died are closed."""
        for run_id in tx.runs.open_first_sign_ins(employee_id):
            if tx.runs.lease_of(run_id)[1] >= time.time():
                return "busy", "another first sign-in of the same employee goes on"
            _end(tx, run_id, employee_id, RunStatus.FAILED, "interrupted: its process ended")
        return None

    @contextlib.asynccontextmanager
    async def _driven(self, run_id: str) -> AsyncIterator[None]:
        """The run is ours for as long as the block lasts, and ends with it, whatever happens."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in a task
        beating = asyncio.create_task(heartbeat(self.store, self.owners.name, self.lease, {run_id: task}))
        status, summary = RunStatus.FAILED, "interrupted"
        try:
            yield
            status, summary = RunStatus.DONE, "a pass was handed over"
        except AgentOpsError as error:
            summary = error.what
            raise
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)
            await self.store.transaction(lambda tx: _ended(tx, run_id, status, summary))


def _succeeded(outcome: Outcome) -> Outcome:
    if not outcome.succeeded:
        raise NoAccessPass(outcome.message)
    return outcome


def _refused(tx: Tx, employee_id: str, code: str, caller: Caller) -> None:
    tx.logs.audit("denied", "", employee_id, Action.ISSUE_ACCESS_PASS.value, ITEM, f"{code} by={tx.audit.caller(caller.name)}")


def _ended(tx: Tx, run_id: str, status: RunStatus, summary: str) -> None:
    run = tx.runs.get(run_id)
    if run is not None and not run.status.ended:
        _end(tx, run_id, run.employee_id, status, summary)


def _end(tx: Tx, run_id: str, employee_id: str, status: RunStatus, summary: str) -> None:
    tx.runs.finish(run_id, status, summary)
    tx.logs.event(run_id, "run", summary, status=status.value)
    tx.logs.audit("run_ended", run_id, employee_id, detail=status.value)
