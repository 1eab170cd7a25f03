"""What an effect's progress means for the employee, the items and the events: written in the ledger's own transactions."""

from __future__ import annotations

from agent_ops.domain.access import AccessItem, ItemStatus
from agent_ops.domain.effects import Action, Answer, Completed, EffectState, Failed, Intent, Outcome, OutcomeKind, Proposal
from agent_ops.domain.employee import EmployeeStatus
from agent_ops.domain.grants import Grant
from agent_ops.storage import Tx

_ITEM_ACTIONS = (Action.RUN_PIPELINE, Action.ADD_TO_GROUP)


def record_intent(tx: Tx, intent: Intent) -> None:
    """The intent is committed; nothing has left the machine yet."""
    proposal = intent.proposal
    if proposal.action in _ITEM_ACTIONS:
        tx.people.set_items(intent.employee_id, [AccessItem(proposal.item, ItemStatus.IN_PROGRESS)])
    if proposal.action is Action.CREATE_ACCOUNT:
        tx.people.set_status(intent.employee_id, EmployeeStatus.IN_PROGRESS)
    _event(tx, intent, "action", _doing(intent), "in_progress")
    _audit(tx, intent, "intent", f"attempt {intent.attempt}")


def record_denial(tx: Tx, grant: Grant, proposal: Proposal, why: str) -> Outcome:
    """The guard said no. An item that was granted, but is no longer allowed, is denied for good."""
    if proposal in grant.effects and proposal.action in _ITEM_ACTIONS:
        tx.people.set_items(grant.employee_id, [AccessItem(proposal.item, ItemStatus.DENIED, why)])
    tx.logs.event(grant.run_id, grant.employee_id, "status", f"denied: {why}", agent=proposal.agent, status="denied")
    tx.logs.audit("denied", grant.run_id, grant.employee_id, proposal.action.value, proposal.item, why)
    return Outcome(OutcomeKind.DENIED, why)


def record_accepted(tx: Tx, intent: Intent) -> None:
    """The service took the work and gave a handle."""
    tx.effects.accept(intent, intent.handle or {})
    _audit(tx, intent, "accepted", "")


def record_answer(tx: Tx, intent: Intent, answer: Answer) -> Outcome:
    """The attempt is over: ledger, item, employee, event and audit change together."""
    if isinstance(answer, Completed):
        return _success(tx, intent, answer)
    failed = isinstance(answer, Failed)
    state, status = (EffectState.FAILED, ItemStatus.FAILED) if failed else (EffectState.UNKNOWN, ItemStatus.UNKNOWN)
    tx.effects.settle(intent, state, reason=answer.reason)
    if intent.proposal.action in _ITEM_ACTIONS:
        detail = answer.detail if isinstance(answer, Failed) else ""
        tx.people.set_items(intent.employee_id, [AccessItem(intent.proposal.item, status, answer.reason, detail)])
    if intent.proposal.action is Action.CREATE_ACCOUNT:
        tx.people.set_status(intent.employee_id, EmployeeStatus.FAILED, answer.reason)
    _event(tx, intent, "status", f"{intent.proposal.item}: {answer.reason}", status.value)
    _audit(tx, intent, state.value, "")
    return Outcome(OutcomeKind.FAILED if failed else OutcomeKind.UNKNOWN, answer.reason)


def recorded_outcome(intent: Intent) -> Outcome:
    """The outcome of an effect that was settled earlier, by whatever run or process."""
    if intent.state is EffectState.SUCCEEDED:
        return Outcome(OutcomeKind.SUCCEEDED, _done(intent, intent.result), intent.result)
    kind = OutcomeKind.FAILED if intent.state is EffectState.FAILED else OutcomeKind.UNKNOWN
    return Outcome(kind, intent.reason)


def _success(tx: Tx, intent: Intent, answer: Completed) -> Outcome:
    tx.effects.settle(intent, EffectState.SUCCEEDED, result=answer.result)
    if intent.proposal.action is Action.CREATE_ACCOUNT:
        tx.people.set_account(intent.employee_id, answer.result["address"], answer.result["id"])
    if intent.proposal.action in _ITEM_ACTIONS:
        tx.people.set_items(intent.employee_id, [AccessItem(intent.proposal.item, ItemStatus.COMPLETED)])
    message = _done(intent, answer.result)
    kind = "mail" if intent.proposal.action is Action.SEND_MAIL else "status"
    _event(tx, intent, kind, message, ItemStatus.COMPLETED.value)
    _audit(tx, intent, "succeeded", "")
    return Outcome(OutcomeKind.SUCCEEDED, message, answer.result)


def _doing(intent: Intent) -> str:
    return {
        Action.CREATE_ACCOUNT: lambda pinned: f"creating the account {pinned['userPrincipalName']}",
        Action.ADD_TO_GROUP: lambda pinned: f"adding the account to the group of {intent.proposal.item}",
        Action.RUN_PIPELINE: lambda pinned: f"starting the pipeline {pinned['job']}",
        Action.SEND_MAIL: lambda pinned: f"mailing {pinned['recipient']}",
    }[intent.proposal.action](intent.pinned)


def _done(intent: Intent, result: dict[str, object]) -> str:
    return {
        Action.CREATE_ACCOUNT: lambda: f"account {result.get('address')} exists",
        Action.ADD_TO_GROUP: lambda: f"{intent.proposal.item}: in the group",
        Action.RUN_PIPELINE: lambda: f"{intent.proposal.item}: build {result.get('build')} succeeded",
        Action.SEND_MAIL: lambda: f"mail to {result.get('recipient')}: {intent.pinned.get('subject', '')}",
    }[intent.proposal.action]()


def _event(tx: Tx, intent: Intent, kind: str, message: str, status: str) -> None:
    proposal = intent.proposal
    tx.logs.event(intent.run_id, intent.employee_id, kind, message, agent=proposal.agent, item=proposal.item, status=status)


def _audit(tx: Tx, intent: Intent, kind: str, detail: str) -> None:
    proposal = intent.proposal
    tx.logs.audit(kind, intent.run_id, intent.employee_id, proposal.action.value, proposal.item, detail)
