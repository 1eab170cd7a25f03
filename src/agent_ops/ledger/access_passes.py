"""Access passes in the ledger: which one an effect is about, and every value that is sent for it.

A pass cannot be read again. So each is an effect of its own generation, which ends by a recorded withdrawal: an account has
one pass at most, and one that was made but never shown (its process died) is withdrawn before the next is made.
"""

from __future__ import annotations

from typing import Any

from agent_ops.domain.effects import OPERATOR, Action, EffectState, Intent, Proposal, effect_key
from agent_ops.domain.employee import Employee
from agent_ops.domain.errors import AgentOpsError
from agent_ops.domain.first_sign_in import FirstSignInRules
from agent_ops.domain.runs import LifecycleEvent
from agent_ops.storage import Tx

ITEM = "access_pass"
ISSUE = Proposal(OPERATOR, Action.ISSUE_ACCESS_PASS, ITEM)
WITHDRAW = Proposal(OPERATOR, Action.WITHDRAW_ACCESS_PASS, ITEM)


def withdrawn(tx: Tx, employee_id: str) -> list[str]:
    """The ids of the employee's passes that were withdrawn."""
    effects = tx.effects.of_employee(employee_id)
    done = [i for i in effects if i.proposal.action is Action.WITHDRAW_ACCESS_PASS and i.state is EffectState.SUCCEEDED]
    return [str(intent.pinned["pass"]) for intent in done]


def key_of(tx: Tx, employee_id: str, action: Action) -> str:
    """The key of the pass that is to be made now, or of withdrawing the one that was made last."""
    generation = len(withdrawn(tx, employee_id))
    if action is Action.WITHDRAW_ACCESS_PASS and _made(tx, employee_id, generation) is None:
        generation = max(0, generation - 1)
    return effect_key(employee_id, action, ITEM, generation)


def created_by_us(tx: Tx, employee_id: str) -> Intent | None:
    """The recorded success that created the employee's account; None for an account that was linked, or for none."""
    created = tx.effects.get(effect_key(employee_id, Action.CREATE_ACCOUNT, "account"))
    return created if created is not None and created.state is EffectState.SUCCEEDED else None


def bound(tx: Tx, intent: Intent, employee: Employee, rules: FirstSignInRules) -> dict[str, Any]:
    """The values to pin: the account that we created, and its marker there.

    Raises:
        AgentOpsError: it is no account of ours, or nobody asked for a first sign-in.
    """
    run, created = tx.runs.get(intent.run_id), created_by_us(tx, employee.id)
    if run is None or run.event is not LifecycleEvent.FIRST_SIGN_IN:
        raise AgentOpsError("an access pass is made on an authorised person's word only")
    if created is None or not employee.entra_id or created.result.get("id") != employee.entra_id:
        raise AgentOpsError("Agent Ops did not create the account")
    account = {"id": employee.entra_id, "created_as": created.key}
    if intent.proposal.action is Action.WITHDRAW_ACCESS_PASS:
        made = _made(tx, employee.id, len(withdrawn(tx, employee.id)))
        if made is None:
            raise AgentOpsError("there is no access pass to withdraw")
        return {**account, "pass": made.result["id"]}
    return {**account, "minutes": rules.minutes, "once": True, "withdrawn": withdrawn(tx, employee.id)}


def _made(tx: Tx, employee_id: str, generation: int) -> Intent | None:
    found = tx.effects.get(effect_key(employee_id, Action.ISSUE_ACCESS_PASS, ITEM, generation))
    return found if found is not None and found.state is EffectState.SUCCEEDED else None
