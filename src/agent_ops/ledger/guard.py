"""The guard: default deny. What is not in the grant, and in today's policy, does not happen."""

from __future__ import annotations

from datetime import datetime

from agent_ops.domain.effects import Action, Proposal
from agent_ops.domain.employee import Employee
from agent_ops.domain.errors import InvalidRequest
from agent_ops.domain.grants import Grant
from agent_ops.domain.policy import EntitlementPolicy, GroupItem, PipelineItem

ALLOWED = frozenset(
    {
        ("entra", Action.CREATE_ACCOUNT),
        ("entra", Action.LINK_ACCOUNT),
        ("entra", Action.SET_ATTRIBUTES),
        ("entra", Action.SET_MANAGER),
        ("entra", Action.ENABLE_ACCOUNT),
        ("entra", Action.ADD_TO_GROUP),
        ("jenkins", Action.RUN_PIPELINE),
        ("entra", Action.DISABLE_ACCOUNT),
        ("jenkins", Action.REVOKE_PIPELINE),
        ("notify", Action.SEND_MAIL),
    }
)
"""Which agent may do what at all."""

_KIND = {Action.RUN_PIPELINE: PipelineItem, Action.REVOKE_PIPELINE: PipelineItem, Action.ADD_TO_GROUP: GroupItem}


class Guard:
    """Judges proposals. Pure: everything it looks at is given or fixed at start."""

    def __init__(self, policy: EntitlementPolicy) -> None:
        self._policy = policy

    def denial(self, proposal: Proposal, grant: Grant, employee: Employee, now: datetime) -> str | None:
        """Why the proposal is denied; None when it is allowed."""
        if (proposal.agent, proposal.action) not in ALLOWED:
            return f"agent {proposal.agent} may not do {proposal.action.value}"
        if grant.employee_id != employee.id:
            return "the grant is for another employee"
        if proposal not in grant.effects:
            return f"the grant has no {proposal.action.value} for {proposal.item}"
        if now >= grant.expires_at:
            return f"the grant expired at {grant.expires_at.isoformat(timespec='seconds')}"
        return self._beyond_policy(proposal, employee)

    def _beyond_policy(self, proposal: Proposal, employee: Employee) -> str | None:
        """A grant is never more than today's policy allows."""
        kind = _KIND.get(proposal.action)
        if kind is None:
            return None
        if not isinstance(self._policy.catalogue.get(proposal.item), kind):
            return f"the catalogue has no {proposal.item} of this kind any more"
        if proposal.action is Action.REVOKE_PIPELINE:  # what is not allowed any more is taken back all the same
            return None
        try:
            allowed = self._policy.entitlements_of(employee.profile).allowed
        except InvalidRequest as error:
            return error.what
        return None if proposal.item in allowed else f"the policy does not allow {proposal.item} any more"
