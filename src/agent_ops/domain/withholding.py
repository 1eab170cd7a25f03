"""What today's policy withholds although it is granted and allowed: judged before an effect, from facts alone."""

from __future__ import annotations

from agent_ops.domain.effects import ITEM_ACTIONS, Proposal
from agent_ops.domain.employee import Employee
from agent_ops.domain.grants import Grant
from agent_ops.domain.policy import EntitlementPolicy
from agent_ops.domain.separation import collision


def withheld(policy: EntitlementPolicy, proposal: Proposal, grant: Grant, employee: Employee) -> str | None:
    """Why an access item is withheld: what it excludes is held by now, or the grant lacks the approval that it needs.

    None when nothing speaks against it, and for whatever gives no access item.
    """
    item = policy.catalogue.get(proposal.item)
    if proposal.action not in ITEM_ACTIONS or item is None:
        return None
    if found := collision(policy.separations, {item.key}, employee.holds - {item.key}):
        return found.words
    rule = item.evidence
    if rule is not None and not any(e.item == item.key and rule.fits(e.kind, e.reference) for e in grant.evidence):
        return f"{item.key} needs {rule.words} by now, which the grant does not have"
    return None
