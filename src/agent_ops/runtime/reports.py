"""Reading back what was done: needs the data directory only, no service and no credentials."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone

from agent_ops.domain.access import STANDING, AccessItem
from agent_ops.domain.effects import ITEM_ACTIONS, SIGN_IN_ACTIONS, Action, EffectState, Intent
from agent_ops.domain.employee import Employee
from agent_ops.domain.errors import Ambiguous, NotFound
from agent_ops.domain.recommendation import RECOMMENDED
from agent_ops.domain.runs import Event, Mail, RunReport, RunStatus
from agent_ops.storage import Transactions, Tx


@dataclass(frozen=True)
class Reports:
    """Reports on runs and employees."""

    store: Transactions

    async def run(self, run_id: str, *, with_events: bool = False) -> RunReport:
        """One run with everything that came of it.

        Raises:
            NotFound: no such run.
        """
        return await self.store.read(lambda tx: _report(tx, run_id, with_events))

    async def status(self, run_id: str) -> RunStatus:
        """Where a run stands.

        Raises:
            NotFound: no such run.
        """
        run = await self.store.read(lambda tx: tx.runs.get(run_id))
        if run is None:
            raise NotFound(f"there is no run {run_id!r}")
        return run.status

    async def wakes_in(self, run_id: str) -> float | None:
        """Seconds until a waiting run looks again, None when it does not wait.

        Raises:
            NotFound: no such run.
        """
        run = await self.store.read(lambda tx: tx.runs.get(run_id))
        if run is None:
            raise NotFound(f"there is no run {run_id!r}")
        if run.status not in (RunStatus.WAITING, RunStatus.QUEUED) or run.wake_at is None:
            return None
        return (run.wake_at - datetime.now(timezone.utc)).total_seconds()

    async def latest(self) -> list[RunReport]:
        """Every employee's latest run, in the order in which the employees were recorded."""

        def work(tx: Tx) -> list[RunReport]:
            runs = [tx.runs.of_employee(employee.id) for employee in tx.people.all()]
            return [_report(tx, of_one[0].id, False) for of_one in runs if of_one]  # a restored tombstone has none

        return await self.store.read(work)

    async def find(self, wanted: str) -> list[RunReport]:
        """The latest runs of whoever is meant: a run id, an employee id, an address or a full name.

        Raises:
            NotFound: nobody is.
        """

        def work(tx: Tx) -> list[RunReport]:
            if tx.runs.get(wanted):
                return [_report(tx, wanted, False)]
            runs = [tx.runs.of_employee(employee_id) for employee_id in tx.people.meant(wanted)]
            return [_report(tx, of_one[0].id, False) for of_one in runs if of_one]

        if found := await self.store.read(work):
            return found
        raise NotFound(f"there is no run, employee, address or name {wanted!r}")

    async def employee(self, wanted: str, field: str = "employee") -> Employee:
        """The one employee who is meant: by an employee id, a run id, an address or a full name.

        Raises:
            NotFound: nobody is. Ambiguous: several are.
        """
        found = {report.employee.id: report.employee for report in await self.find(wanted)}
        if len(found) > 1:
            raise Ambiguous(field, wanted, found)
        return next(iter(found.values()))

    async def events(self, run_id: str | None = None, after: int = 0) -> list[Event]:
        """Events with greater ids, of one run or of all, at most a thousand."""
        return await self.store.read(lambda tx: tx.logs.events(run_id, after))

    async def last_event(self) -> int:
        """The id of the newest event, 0 before the first."""
        return await self.store.read(lambda tx: tx.logs.last_event())


def _report(tx: Tx, run_id: str, with_events: bool) -> RunReport:
    run = tx.runs.get(run_id)
    employee = tx.people.get(run.employee_id) if run else None
    if run is None or employee is None:
        raise NotFound(f"there is no run, employee, address or name {run_id!r}")
    effects = tx.effects.of_employee(employee.id)
    mails = tuple(_mail(i) for i in effects if i.proposal.action is Action.SEND_MAIL)
    parts = tuple(_part(i) for i in effects if i.proposal.action not in ITEM_ACTIONS | SIGN_IN_ACTIONS | {Action.SEND_MAIL})
    events = tuple(tx.logs.events(run_id)) if with_events else ()
    return RunReport(
        run,
        employee,
        tx.people.items(employee.id),
        mails,
        parts,
        events,
        tx.logs.denials(run_id),
        tx.tasks.evaluation(run_id),
        tuple(one for one in tx.choices.of(employee.id) if one.kind in RECOMMENDED),
    )


def _mail(intent: Intent) -> Mail:
    delivered = intent.state is EffectState.SUCCEEDED
    recipient, message_id = intent.pinned.get("recipient", ""), intent.pinned.get("message_id", "")  # erased ones have none
    return Mail(intent.proposal.item, recipient, message_id, delivered, intent.reason)


def _part(intent: Intent) -> AccessItem:
    """A part of the account, told like an access item."""
    reserved = str(intent.result.get("address", "")) if intent.proposal.action is Action.RESERVE_ADDRESS else ""
    return AccessItem(intent.proposal.item, STANDING[intent.state], intent.reason, reserved)
