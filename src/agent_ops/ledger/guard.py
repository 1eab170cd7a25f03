"""The guard: default deny. What is not in the grant, and in today's policy, does not happen."""

from __future__ import annotations

from datetime import datetime

from agent_ops.domain.effects import ITEM_ACTIONS, Action, Proposal
from agent_ops.domain.employee import Employee, Profile
from agent_ops.domain.errors import InvalidRequest
from agent_ops.domain.grants import Grant
from agent_ops.domain.policy import EntitlementPolicy, PipelineItem
from agent_ops.domain.withholding import withheld
from agent_ops.policies.guard_files import read_guard_rules
from agent_ops.policies.guard_rules import Case, GuardRules, Place

_OF_THE_CATALOGUE = ITEM_ACTIONS | {Action.REVOKE_PIPELINE}


class Guard:
    """Judges proposals. Pure: everything it looks at is given or fixed at start.

    It states the facts, the Cedar rules decide: nothing is decided here. What no rule can decide is not asked of them: the
    grant's seal is verified when it is loaded (``GrantBook``), and every value that is sent is bound by code (``Binder``).

    Args:
        policy: today's entitlement policy.
        rules: those that ship, when not given.
    """

    def __init__(self, policy: EntitlementPolicy, rules: GuardRules | None = None) -> None:
        self._policy, self._rules = policy, rules or read_guard_rules()

    def denial(self, proposal: Proposal, grant: Grant, employee: Employee, now: datetime) -> str | None:
        """Why the proposal is denied, in one line without personal data; None when it is allowed."""
        place = self._place(employee.profile)
        allowed = place.placed and proposal.item in self._policy.entitlements_of(employee.profile).allowed
        case = Case(proposal, grant, employee.id, place, self._kind(proposal), allowed, now)
        return self._rules.denial(case) or withheld(self._policy, proposal, grant, employee)

    def _place(self, profile: Profile) -> Place:
        """The employee's place by the policy's own keys, whatever words the request used."""
        policy = self._policy
        try:
            location, post = policy.location_of(profile), policy.post_of(profile)
            return Place(
                team=policy.team_of(profile).key,
                level=policy.level_of(profile),
                location=location.key if location else "",
                country=post.country,
                employee_type=post.employee_type,
            )
        except InvalidRequest:
            return Place(placed=False)

    def _kind(self, proposal: Proposal) -> str:
        """What is changed, by today's catalogue."""
        if proposal.action not in _OF_THE_CATALOGUE:
            return "notice" if proposal.action is Action.SEND_MAIL else "account"
        item = self._policy.catalogue.get(proposal.item)
        if item is None:
            return "nothing"
        return "pipeline" if isinstance(item, PipelineItem) else "group"
