"""What the graph reads and writes of its run: facts out, one-line events in."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

import structlog

from agent_ops.domain.access import ItemStatus
from agent_ops.domain.decisions import Decision
from agent_ops.domain.effects import UNDO_ACTIONS, Action, EffectState, Intent
from agent_ops.domain.employee import Employee, EmployeeStatus
from agent_ops.domain.errors import LeaseLost, NotFound
from agent_ops.domain.grants import Grant
from agent_ops.domain.known import Known
from agent_ops.domain.policy import EntitlementPolicy, GroupItem
from agent_ops.domain.readings import Reading
from agent_ops.domain.runs import Run, RunStatus
from agent_ops.domain.tasks import StepResult
from agent_ops.domain.veil import veiled, without_addresses
from agent_ops.ledger.evaluating import end_of_task, reckon, record_evaluation
from agent_ops.ledger.grants import GrantBook
from agent_ops.ledger.keying import Keys
from agent_ops.ledger.standing import standing_of
from agent_ops.storage import Store, Transactions, Tx
from agent_ops.storage.rows import dump

log = structlog.get_logger(__name__)

_CLOSED = (EffectState.FAILED, EffectState.UNKNOWN, EffectState.HELD)
_UNDER_WAY = (EffectState.OPEN, EffectState.ACCEPTED)
_OPTIONAL = frozenset({Action.SET_MANAGER, Action.SEND_MAIL})
"""What is reported when it fails, and makes no run fail: a manager who cannot be told apart, a mail not taken yet."""
_ENDS = {
    EmployeeStatus.ONBOARDED: RunStatus.DONE,
    EmployeeStatus.HELD: RunStatus.HELD,
    EmployeeStatus.WITHDRAWN: RunStatus.DONE,
}


@dataclass(frozen=True)
class RunJournal:
    """The ``Journal`` port over the operations database. ``owner`` is this process's name in leases."""

    store: Transactions
    grants: GrantBook
    policy: EntitlementPolicy
    owner: str

    async def known(self, run_id: str) -> Known:
        """The facts of a run, from storage and ledger.

        Raises:
            NotFound: no such run. GrantInvalid: its grant was altered.
        """
        return await self.store.read(lambda tx: self._known(tx, self.grants.of_run(tx, run_id)))

    async def veil(self, run_id: str) -> Callable[[str], str]:
        """What puts handles in the places of whatever in a text names the run's employee."""
        employee = await self.store.read(lambda tx: _subject(tx, _run(tx, run_id)))
        return (lambda text: veiled(text, employee)) if employee else without_addresses

    async def note(self, run_id: str, kind: str, message: str, *, agent: str = "", item: str = "", status: str = "") -> None:
        """Append one line to the run's events."""

        def work(tx: Tx) -> None:
            tx.logs.event(run_id, kind, message, agent=agent, item=item, status=status)

        await self.store.transaction(work)

    async def refuse(self, run_id: str, agent: str, cause: str, why: str) -> None:
        """Write down that an agent's call was denied before it could reach the door.

        Args:
            cause: a code for the audit, which holds nothing that a model wrote; ``why`` goes to the events.
        """

        def work(tx: Tx) -> None:
            employee_id = _run(tx, run_id).employee_id
            tx.logs.event(run_id, "status", f"denied: {why}", agent=agent, status="denied")
            tx.logs.audit("denied", run_id, employee_id, item=f"agent:{agent}", detail=cause.replace(" ", "-"))

        await self.store.transaction(work)

    async def decided(self, run_id: str, decision: Decision) -> None:
        """Append a planner's thought to the run's events, and its decision to the audit, in one transaction.

        The audit has a keyed hash of the whole decision: what a planner wrote may be anything.
        """

        def work(tx: Tx) -> None:
            employee_id = _run(tx, run_id).employee_id
            if not decision.told:
                tx.logs.event(run_id, "thought", decision.thought, agent="planner")
            end = " finish" if decision.finished else ""
            hashed = tx.audit.keys.hashed(_said(decision))
            tx.logs.audit("decision", run_id, employee_id, detail=f"steps={len(decision.steps)} decision={hashed}{end}")

        await self.store.transaction(work)

    async def conclude(self, run_id: str, results: Sequence[StepResult] = (), said: str = "", *, by_rules: bool = True) -> Known:
        """Say what was never tried, where the employee stands and how the run did, before the last mail is written.

        Returns the facts that it was said by.

        Args:
            results: what a task's readings brought back.
            said: the planner's last words.
            by_rules: whether they are the runbook's; a model's are an answer, and may remark on how the run did.
        """

        def work(tx: Tx) -> Known:
            known = self._known(tx, self.grants.of_run(tx, run_id))
            record_evaluation(tx, known, results, said, by_rules)
            employee = _subject(tx, _run(tx, run_id))
            if employee is None:
                return known
            status = ItemStatus.HELD if known.held else ItemStatus.PENDING
            untried = [
                replace(i, status=status, reason=_why_untried(known)) for i in known.items if i.status is ItemStatus.PENDING
            ]
            tx.people.set_items(employee.id, [] if known.undoing else untried)
            tx.people.set_status(employee.id, _standing(known), employee.reason)
            return known

        return await self.store.transaction(work)

    async def park(self, run_id: str, reason: str, seconds: float) -> None:
        """Let the run wait: nobody drives it until then. The reason is told once.

        Raises:
            LeaseLost: another process drives the run.
        """

        def work(tx: Tx) -> None:
            run = _run(tx, run_id)
            if not tx.runs.park(run_id, self.owner, reason, time.time() + seconds):
                raise LeaseLost(f"run {run_id} is not ours to park")
            if run.summary != reason:
                tx.logs.event(run_id, "run", reason, status=RunStatus.WAITING.value)

        await self.store.transaction(work)

    async def finish(self, run_id: str, summary: str) -> None:
        """Close the run: its status follows from the facts, not from the summary.

        Raises:
            LeaseLost: another process drives the run.
        """

        def work(tx: Tx) -> Run | None:
            run, known = _run(tx, run_id), self._known(tx, self.grants.of_run(tx, run_id))
            status = _ENDS.get(_standing(known), RunStatus.FAILED)
            status = end_of_task(tx, run_id) if known.task and not known.held else status
            if run.status.ended:
                return None
            if not tx.runs.holds(run_id, self.owner, time.time()):
                raise LeaseLost(f"run {run_id} is not ours to finish")
            tx.runs.finish(run_id, status, summary)
            reckon(tx, run)
            if run.usage.calls:
                tx.logs.event(run_id, "model", str(run.usage), agent="planner")
            tx.logs.event(run_id, "run", summary, status=status.value)
            tx.logs.audit("run_ended", run_id, run.employee_id, detail=status.value)
            return tx.runs.get(run_id)

        ended = await self.store.transaction(work)
        if ended is not None and isinstance(self.store, Store):  # a rehearsal ends nothing
            duration = round(time.time() - ended.created_at.timestamp(), 3)
            log.info("run_ended", run=run_id, employee=ended.employee_id, result=ended.status.value, duration=duration)

    async def standing(self, run_id: str, name: str) -> Reading:
        """How far somebody's access is, by our own records.

        Raises:
            NotPermitted: the caller of the run's task may not see it. NotFound: nobody is meant.
        """
        return await self.store.read(lambda tx: standing_of(tx, run_id, name))

    def _known(self, tx: Tx, grant: Grant) -> Known:
        """An effect that an earlier run tried in vain is open again; a success stays one."""
        run = _run(tx, grant.run_id)
        employee = _subject(tx, run)
        tried: dict[str, Intent] = {intent.key: intent for intent in tx.effects.of_employee(run.employee_id)}
        keys = Keys(tx, run.employee_id)
        ours = {p: tried[key] for p in grant.effects if (key := keys.of(p)) in tried}
        closed = {p: i for p, i in ours.items() if i.state in _CLOSED and i.run_id == run.id}
        groups = [i for i in self.policy.catalogue.values() if isinstance(i, GroupItem)]
        return Known(
            run_id=run.id,
            event=run.event,
            account_exists=employee is not None and employee.entra_id is not None,
            items=tx.people.items(run.employee_id),
            due=grant.effects,
            done=frozenset(p for p, intent in ours.items() if intent.state is EffectState.SUCCEEDED),
            closed={p: intent.reason for p, intent in closed.items()},
            begun=frozenset(p for p, i in ours.items() if i.state in _UNDER_WAY and p.action is not Action.SEND_MAIL),
            under_way={p: intent.reason for p, intent in ours.items() if intent.state in _UNDER_WAY and intent.reason},
            account_groups=frozenset(item.key for item in groups if item.account),
            licences=frozenset(item.key for item in groups if item.licence),
            held=next((i.reason for i in closed.values() if i.state is EffectState.HELD), ""),
            unknown=frozenset(p for p, i in closed.items() if i.state is EffectState.UNKNOWN),
            written_mails=frozenset(i.proposal for i in tried.values() if i.proposal.action is Action.SEND_MAIL),
            task=tx.tasks.get(run.id),
            has_subject=employee is not None,
        )


def _said(decision: Decision) -> str:
    """A decision as JSON; as Python shows it when a planner put something into it that is none."""
    try:
        return dump(asdict(decision))
    except (TypeError, ValueError, RecursionError):
        return repr(decision)


def _run(tx: Tx, run_id: str) -> Run:
    run = tx.runs.get(run_id)
    if run is None:
        raise NotFound(f"there is no run {run_id}")
    return run


def _subject(tx: Tx, run: Run) -> Employee | None:
    """Whom a run is about, without what they hold; None for a task that only reads."""
    employee = tx.people.recorded(run.employee_id) if run.employee_id else None
    if employee is None and run.employee_id:
        raise NotFound(f"the employee of run {run.id} is gone")
    return employee


def _standing(known: Known) -> EmployeeStatus:
    """Where an employee stands, by the facts alone."""
    if known.held:
        return EmployeeStatus.HELD
    if known.reserving:
        return EmployeeStatus.PENDING
    if known.undoing:
        undone = all(p in known.done for p in known.due if p.action in UNDO_ACTIONS)
        return EmployeeStatus.WITHDRAWN if undone else EmployeeStatus.PARTIAL
    if not known.account_exists:
        return EmployeeStatus.FAILED
    needed = [p for p in known.due if p.action not in _OPTIONAL]
    items = [item for item in known.items if item.status is not ItemStatus.DENIED]
    # an item may be in place by an earlier run's grant, and a granted one may be denied by today's policy
    complete = all(p in known.done for p in needed if known.status_of(p.item) is None)
    return EmployeeStatus.ONBOARDED if complete and all(i.status.in_place for i in items) else EmployeeStatus.PARTIAL


def _why_untried(known: Known) -> str:
    if known.held:
        return f"held: {known.held}"
    if not known.account_exists:
        return "not started: there is no account"
    missing = ", ".join(known.missing_for_account)
    return f"not started: the account is not ready, it lacks {missing}" if missing else "not started"
