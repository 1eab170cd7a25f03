"""What an effect's progress means for the employee, the items and the events: written in the ledger's own transactions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from agent_ops.domain.access import AccessItem, ItemStatus
from agent_ops.domain.effects import (
    ACCOUNT_ACTIONS,
    ITEM_ACTIONS,
    Action,
    Answer,
    Completed,
    EffectState,
    Failed,
    Held,
    Intent,
    Outcome,
    OutcomeKind,
    Proposal,
    Uncertain,
    Waiting,
)
from agent_ops.domain.employee import EmployeeStatus
from agent_ops.domain.grants import Grant
from agent_ops.domain.policy import EntitlementPolicy
from agent_ops.storage import Tx

_Say = Callable[[Intent], str]

_CLOSED = {
    Failed: (EffectState.FAILED, ItemStatus.FAILED, EmployeeStatus.FAILED, OutcomeKind.FAILED),
    Uncertain: (EffectState.UNKNOWN, ItemStatus.UNKNOWN, EmployeeStatus.FAILED, OutcomeKind.UNKNOWN),
    Held: (EffectState.HELD, ItemStatus.HELD, EmployeeStatus.HELD, OutcomeKind.HELD),
}
"""What it means for effect, item, employee and outcome when an attempt ends without success."""
_RECORDED = {state: outcome for state, _, _, outcome in _CLOSED.values()}


def record_grant(tx: Tx, grant: Grant, policy: EntitlementPolicy) -> None:
    """The grant, its row in the audit, and the policy under which it was made, as it was."""
    tx.runs.insert_grant(grant)
    tx.policies.keep(policy.version, policy.text)
    detail = f"seal={grant.seal} policy={grant.policy_version} key={grant.key_id} by={tx.audit.caller(grant.caller)}"
    tx.logs.audit("grant", grant.run_id, grant.employee_id, detail=detail)


def record_intent(tx: Tx, intent: Intent) -> None:
    """The intent is committed; nothing has left the machine yet."""
    proposal = intent.proposal
    if proposal.action in ITEM_ACTIONS:
        tx.people.set_items(intent.employee_id, [AccessItem(proposal.item, ItemStatus.IN_PROGRESS)])
    if proposal.action in ACCOUNT_ACTIONS:
        tx.people.set_status(intent.employee_id, EmployeeStatus.IN_PROGRESS)
    _event(tx, intent, "action", _doing(intent), "in_progress")
    _audit(tx, intent, "intent", f"attempt {intent.attempt}")


def record_denial(tx: Tx, grant: Grant, proposal: Proposal, why: str) -> Outcome:
    """The guard said no. An item that was granted, but is no longer allowed, is denied for good.

    An item that the grant does not name may be anything that a model wrote: the events have it, the audit does not.
    """
    if proposal in grant.effects and proposal.action in ITEM_ACTIONS:
        tx.people.set_items(grant.employee_id, [AccessItem(proposal.item, ItemStatus.DENIED, why)])
    tx.logs.event(grant.run_id, "status", f"denied: {why}", agent=proposal.agent, status="denied")
    known = proposal.item in {effect.item for effect in grant.effects}
    item = proposal.item if known else tx.audit.text(proposal.item)  # a planner may have written anything
    tx.logs.audit("denied", grant.run_id, grant.employee_id, proposal.action.value, item, tx.audit.text(why))
    return Outcome(OutcomeKind.DENIED, why)


def record_accepted(tx: Tx, intent: Intent) -> None:
    """The service took the work and gave a handle, or more is known of it by now."""
    tx.effects.accept(intent, intent.handle or {})
    if intent.state is EffectState.OPEN:
        _audit(tx, intent, "accepted", "")


def record_waiting(tx: Tx, intent: Intent, waiting: Waiting, wake_at: float) -> Outcome:
    """It is not over, and nothing more is done now. Told once for each reason."""
    tx.effects.wait(intent, waiting.reason, wake_at)
    if waiting.reason != intent.reason:
        if intent.proposal.action in ITEM_ACTIONS:
            tx.people.set_items(intent.employee_id, [AccessItem(intent.proposal.item, ItemStatus.IN_PROGRESS, waiting.reason)])
        _event(tx, intent, "status", f"{intent.proposal.item}: {waiting.reason}", "waiting")
    return Outcome(OutcomeKind.WAITING, waiting.reason, seconds=waiting.seconds)


def record_not_yet(tx: Tx, grant: Grant, proposal: Proposal, waiting: Waiting) -> Outcome:
    """It may be done, but not yet: no intent is opened."""
    if proposal.action in ITEM_ACTIONS:
        tx.people.set_items(grant.employee_id, [AccessItem(proposal.item, ItemStatus.PENDING, waiting.reason)])
    return Outcome(OutcomeKind.WAITING, waiting.reason, seconds=waiting.seconds)


def record_unbound(tx: Tx, grant: Grant, proposal: Proposal, why: str) -> Outcome:
    """A value that would be sent is not there: no intent is opened."""
    if proposal.action in ITEM_ACTIONS:
        tx.people.set_items(grant.employee_id, [AccessItem(proposal.item, ItemStatus.FAILED, why)])
    tx.logs.event(grant.run_id, "status", why, agent=proposal.agent, item=proposal.item, status=ItemStatus.FAILED.value)
    return Outcome(OutcomeKind.FAILED, why)


def record_answer(tx: Tx, intent: Intent, answer: Answer) -> Outcome:
    """The attempt is over: ledger, item, employee, event and audit change together."""
    if _lacks(intent, answer):
        answer = Uncertain(f"may have been done: the adapter's answer lacks {_lacks(intent, answer)}")
    if isinstance(answer, Completed):
        return _success(tx, intent, answer)
    state, item_status, employee_status, outcome = _CLOSED[type(answer)]
    tx.effects.settle(intent, state, reason=answer.reason)
    if intent.proposal.action in ITEM_ACTIONS:
        detail = answer.detail if isinstance(answer, Failed) else ""
        tx.people.set_items(intent.employee_id, [AccessItem(intent.proposal.item, item_status, answer.reason, detail)])
    if intent.proposal.action in ACCOUNT_ACTIONS:
        tx.people.set_status(intent.employee_id, employee_status, answer.reason)
    _event(tx, intent, "status", f"{intent.proposal.item}: {answer.reason}", item_status.value)
    _audit(tx, intent, state.value, "")
    return Outcome(outcome, answer.reason)


def _lacks(intent: Intent, answer: Answer) -> str:
    """What an adapter's answer about an account must say, and does not."""
    if not isinstance(answer, Completed) or intent.proposal.action not in ACCOUNT_ACTIONS:
        return ""
    return ", ".join(name for name in ("id", "address") if not answer.result.get(name))


def recorded_outcome(intent: Intent) -> Outcome:
    """The outcome of an effect that was settled earlier, by whatever run or process."""
    if intent.state is EffectState.SUCCEEDED:
        return Outcome(OutcomeKind.SUCCEEDED, _done(intent), intent.result)
    return Outcome(_RECORDED[intent.state], intent.reason)


def _success(tx: Tx, intent: Intent, answer: Completed) -> Outcome:
    result = _beyond_pinned(answer.result, intent) if intent.proposal.action is Action.SEND_MAIL else answer.result
    tx.effects.settle(intent, EffectState.SUCCEEDED, result=result)
    if intent.proposal.action in ACCOUNT_ACTIONS:
        tx.people.set_account(intent.employee_id, answer.result["address"], answer.result["id"])
    if intent.proposal.action in ITEM_ACTIONS:
        tx.people.set_items(intent.employee_id, [AccessItem(intent.proposal.item, ItemStatus.COMPLETED)])
    if intent.proposal.action is Action.REVOKE_PIPELINE:
        tx.people.revoked(intent.employee_id, intent.proposal.item)
    message = _done(replace(intent, result=answer.result))
    kind = "mail" if intent.proposal.action is Action.SEND_MAIL else "status"
    _event(tx, intent, kind, message, ItemStatus.COMPLETED.value)
    _audit(tx, intent, "succeeded", "")
    return Outcome(OutcomeKind.SUCCEEDED, message, result, secret=answer.secret)


def _beyond_pinned(result: dict[str, Any], intent: Intent) -> dict[str, Any]:
    """What is not written of the effect already."""
    return {name: value for name, value in result.items() if intent.pinned.get(name) != value}


def _doing(intent: Intent) -> str:
    say: dict[Action, _Say] = {
        Action.RESERVE_ADDRESS: lambda i: f"reserving {i.pinned['userPrincipalName']}",
        Action.CREATE_ACCOUNT: lambda i: f"creating the account {i.pinned['userPrincipalName']}",
        Action.LINK_ACCOUNT: lambda i: f"linking the account {i.pinned['id']}",
        Action.SET_ATTRIBUTES: lambda i: f"setting {', '.join(i.pinned['attributes'])}",
        Action.SET_MANAGER: lambda i: "setting the manager",
        Action.ENABLE_ACCOUNT: lambda i: "enabling the account",
        Action.ADD_TO_GROUP: lambda i: f"adding the account to the group of {i.proposal.item}",
        Action.RUN_PIPELINE: lambda i: f"starting the pipeline {i.pinned['job']}",
        Action.SEND_MAIL: lambda i: f"mailing {i.pinned['recipient']}",
        Action.DISABLE_ACCOUNT: lambda i: "disabling the account",
        Action.REVOKE_PIPELINE: lambda i: f"starting the pipeline {i.pinned['job']}",
        Action.ISSUE_ACCESS_PASS: lambda i: "making an access pass",
        Action.WITHDRAW_ACCESS_PASS: lambda i: "withdrawing the access pass that was made before",
    }
    return say[intent.proposal.action](intent)


def _done(intent: Intent) -> str:
    say: dict[Action, _Say] = {
        Action.RESERVE_ADDRESS: lambda i: f"address {i.result.get('address')} is reserved, and no account made",
        Action.CREATE_ACCOUNT: lambda i: f"account {i.result.get('address')} exists",
        Action.LINK_ACCOUNT: lambda i: f"account {i.result.get('address')} is linked",
        Action.SET_ATTRIBUTES: lambda i: f"set {', '.join(i.pinned.get('attributes', ()))}",
        Action.SET_MANAGER: lambda i: "the manager is set",
        Action.ENABLE_ACCOUNT: lambda i: "the account is enabled",
        Action.ADD_TO_GROUP: lambda i: f"{i.proposal.item}: in the group" + (", licensed" if i.pinned.get("licence") else ""),
        Action.RUN_PIPELINE: lambda i: f"{i.proposal.item}: build {i.result.get('build')} succeeded",
        Action.SEND_MAIL: lambda i: f"mail to {i.pinned.get('recipient')}: {i.pinned.get('subject', '')}",
        Action.DISABLE_ACCOUNT: lambda i: "the account is disabled",
        Action.REVOKE_PIPELINE: lambda i: f"{i.proposal.item}: taken back by build {i.result.get('build')}",
        Action.ISSUE_ACCESS_PASS: lambda i: f"an access pass was made, for {i.result.get('minutes')} minutes",
        Action.WITHDRAW_ACCESS_PASS: lambda i: "the access pass that was made before is withdrawn",
    }
    return say[intent.proposal.action](intent)


def _event(tx: Tx, intent: Intent, kind: str, message: str, status: str) -> None:
    proposal = intent.proposal
    tx.logs.event(intent.run_id, kind, message, agent=proposal.agent, item=proposal.item, status=status)


def _audit(tx: Tx, intent: Intent, kind: str, detail: str) -> None:
    proposal = intent.proposal
    tx.logs.audit(kind, intent.run_id, intent.employee_id, proposal.action.value, proposal.item, detail)
