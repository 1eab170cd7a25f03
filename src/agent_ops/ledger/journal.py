"""What the graph reads and writes of its run: facts out, one-line events in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from agent_ops.domain.access import AccessItem, ItemStatus
from agent_ops.domain.effects import Action, EffectState, Intent, Proposal
from agent_ops.domain.employee import Employee, EmployeeStatus
from agent_ops.domain.errors import NotFound
from agent_ops.domain.grants import Grant
from agent_ops.domain.known import Known
from agent_ops.domain.notices import Notice
from agent_ops.domain.runs import Run, RunStatus
from agent_ops.ledger.grants import GrantBook
from agent_ops.storage import Store, Tx

_CLOSED = (EffectState.FAILED, EffectState.UNKNOWN)


@dataclass(frozen=True)
class RunJournal:
    """The ``Journal`` port over the operations database."""

    store: Store
    grants: GrantBook

    async def known(self, run_id: str) -> Known:
        """The facts of a run, from storage and ledger.

        Raises:
            NotFound: no such run. GrantInvalid: its grant was altered.
        """
        grant = await self.grants.load(run_id)
        return await self.store.read(lambda tx: _known(tx, grant))

    async def note(self, run_id: str, kind: str, message: str, *, agent: str = "", item: str = "", status: str = "") -> None:
        """Append one line to the run's events."""

        def work(tx: Tx) -> None:
            tx.logs.event(run_id, _run(tx, run_id).employee_id, kind, message, agent=agent, item=item, status=status)

        await self.store.transaction(work)

    async def notices_due(self, run_id: str, finishing: bool) -> Sequence[Proposal]:
        """Mails whose occasion has come: the account's when it exists or failed, the others when the run finishes."""
        known = await self.known(run_id)
        account_over = known.account_ready or any(p.action is Action.CREATE_ACCOUNT for p in known.closed)
        mails = known.open_effects(Action.SEND_MAIL)
        return [p for p in mails if finishing or (account_over and p.item == Notice.ACCOUNT.value)]

    async def conclude(self, run_id: str) -> None:
        """Say what was never tried, and where the employee stands; before the last mail is written."""
        known = await self.known(run_id)

        def work(tx: Tx) -> None:
            employee = _employee(tx, known.run_id)
            untried = [replace(i, reason=_why_untried(known)) for i in known.items if i.status is ItemStatus.PENDING]
            tx.people.set_items(employee.id, untried)
            tx.people.set_status(employee.id, _standing(known), employee.reason)

        await self.store.transaction(work)

    async def finish(self, run_id: str, summary: str) -> None:
        """Close the run: its status follows from the facts, not from the summary."""
        known = await self.known(run_id)
        status = RunStatus.DONE if _standing(known) is EmployeeStatus.ONBOARDED else RunStatus.FAILED

        def work(tx: Tx) -> None:
            run = _run(tx, run_id)
            if run.status.ended:
                return
            tx.runs.finish(run_id, status, summary)
            tx.logs.event(run_id, run.employee_id, "run", summary, status=status.value)
            tx.logs.audit("run_ended", run_id, run.employee_id, detail=status.value)

        await self.store.transaction(work)


def _run(tx: Tx, run_id: str) -> Run:
    run = tx.runs.get(run_id)
    if run is None:
        raise NotFound(f"there is no run {run_id}")
    return run


def _employee(tx: Tx, run_id: str) -> Employee:
    employee = tx.people.get(_run(tx, run_id).employee_id)
    if employee is None:
        raise NotFound(f"the employee of run {run_id} is gone")
    return employee


def _known(tx: Tx, grant: Grant) -> Known:
    run, employee = _run(tx, grant.run_id), _employee(tx, grant.run_id)
    tried: dict[Proposal, Intent] = {intent.proposal: intent for intent in tx.effects.of_employee(employee.id)}
    return Known(
        run_id=run.id,
        event=run.event,
        account_ready=employee.entra_id is not None,
        items=tx.people.items(employee.id),
        due=grant.effects,
        done=frozenset(p for p in grant.effects if p in tried and tried[p].state is EffectState.SUCCEEDED),
        closed={p: tried[p].reason for p in grant.effects if p in tried and tried[p].state in _CLOSED},
    )


def _standing(known: Known) -> EmployeeStatus:
    if not known.account_ready:
        return EmployeeStatus.FAILED
    due: list[AccessItem] = [item for item in known.items if item.status is not ItemStatus.DENIED]
    return EmployeeStatus.ONBOARDED if all(item.status.in_place for item in due) else EmployeeStatus.PARTIAL


def _why_untried(known: Known) -> str:
    return "not started" if known.account_ready else "not started: there is no account"
