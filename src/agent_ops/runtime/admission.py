"""A request on its way in: what was found out about it, and what the database says about it."""

from __future__ import annotations

from dataclasses import dataclass

from agent_ops.domain.access import AccessItem, ItemStatus
from agent_ops.domain.effects import Action, EffectState
from agent_ops.domain.errors import Against, IdentityConflict, InvalidRequest, NotFound, PlanOutdated
from agent_ops.domain.evidence import Evidence
from agent_ops.domain.grants import Caller
from agent_ops.domain.plans import Difference, Plan
from agent_ops.domain.runs import Request, Run, RunStatus
from agent_ops.domain.tasks import Task
from agent_ops.runtime.tombstones import check_not_erased
from agent_ops.storage import Tx


@dataclass(frozen=True)
class TaskOrder:
    """A task that asks for a change, and the kinds of effects that it may have of what the request needs; None means all."""

    task: Task
    kinds: frozenset[Action] | None = None


@dataclass(frozen=True)
class Admission:
    """A request that was checked, and the run that it is to have.

    ``unproved`` are the items that are denied only because nothing proves yet that they were approved, ``evidence`` what did.
    ``order`` is the task for which the run is made; an ordinary request has none.
    """

    request: Request
    caller: Caller
    items: tuple[AccessItem, ...]
    employee_id: str
    run_id: str
    idempotency_key: str | None
    wake_at: float
    plan: Plan | None = None
    unproved: frozenset[str] = frozenset()
    evidence: tuple[Evidence, ...] = ()
    order: TaskOrder | None = None


def asked_before(tx: Tx, run_id: str) -> tuple[str, Request]:
    """Of a run that has ended: its employee, and the request that is tried again."""
    run = tx.runs.get(run_id)
    if run is not None and not run.employee_id:
        raise InvalidRequest("run", "it is a task's that is about nobody", "Give the task again.")
    request = tx.people.request_of(run.employee_id) if run else None
    if run is None or request is None:
        raise NotFound(f"there is no run {run_id!r}")
    check_not_erased(tx, run.employee_id)
    check_ended(tx.runs.of_employee(run.employee_id)[0])
    return run.employee_id, request


def is_over(tx: Tx, latest: Run, admission: Admission) -> bool:
    """Whether nothing is left to do: all is in place that was due, and nothing that was denied was approved since."""
    items = tx.people.items(admission.employee_id)
    denied = {item.item for item in items if item.status is ItemStatus.DENIED}
    if any(not item.status.in_place and item.item not in denied for item in items):
        return False  # a task may have done, with success, no more than its part
    return latest.status is RunStatus.DONE and not denied & {one.item for one in admission.evidence}


def cause(admission: Admission, item: str) -> str:
    """Why an item is denied, as a code for the audit."""
    return "unapproved" if item in admission.unproved else "beyond-policy"


def check_ended(run: Run) -> None:
    if not run.status.ended:
        raise InvalidRequest("run", f"run {run.id} goes on", "Wait for its end, or cancel it.")


def check_not_undone(tx: Tx, employee_id: str) -> None:
    """Nothing enables an account again: whatever were given now would be reported of somebody who cannot sign in."""
    effects = tx.effects.of_employee(employee_id)
    if any(one.proposal.action is Action.DISABLE_ACCOUNT and one.state is not EffectState.FAILED for one in effects):
        raise Against(
            "run",
            "the onboarding was undone: the account is disabled",
            "Nothing was done. Whoever comes back is asked for under an external_id that was not used before.",
        )


def hold_to(tx: Tx, run_id: str, plan: Plan) -> None:
    """The run applies the plan: once, and with the planned address."""
    tx.runs.set_plan(run_id, plan.seal)
    if plan.account and plan.address and not tx.people.reserve_exactly(plan.employee_id, plan.address):
        taken = Difference(plan.account.proposal, "userPrincipalName", plan.address, "another: somebody else was given it")
        raise PlanOutdated([taken])


def check_looks_like_nobody(tx: Tx, name: str) -> None:
    """Refuse a new name that can be taken for an employee's, but is written in other letters.

    The directory is asked again before the account is made; this holds also for those who are asked for at the same time.

    Raises:
        IdentityConflict: naming the employee's id.
    """
    if (alike := tx.people.looking_like(name)) is not None:
        raise IdentityConflict(
            f"the name looks like that of employee {alike}, in other letters",
            "Nothing was done. Write it in the letters of its own alphabet; is the other one the wrong one, erase it first.",
        )
