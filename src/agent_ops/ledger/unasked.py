"""What was to be given unasked, and is not any more: judged when its turn comes, as what a policy took away is."""

from __future__ import annotations

from datetime import datetime

from agent_ops.domain.effects import Action, Proposal
from agent_ops.domain.employee import Employee
from agent_ops.domain.policy import EntitlementPolicy, PipelineItem
from agent_ops.domain.recommendation import RecommendMode
from agent_ops.domain.runs import Request
from agent_ops.storage import Tx


def taken_back(
    tx: Tx, policy: EntitlementPolicy, proposal: Proposal, employee: Employee, request: Request | None, now: datetime
) -> str | None:
    """Why an item that memory gave unasked is given no more, in one line without personal data.

    None when nothing speaks against it, and for whatever was asked for or is a birthright.
    """
    key = proposal.item
    if proposal.action is not Action.RUN_PIPELINE or request is None or key in _asked(policy, employee, request):
        return None
    until = tx.choices.until(employee.id, key)
    item = policy.catalogue.get(key)
    if not until:
        return None
    if policy.recommend.mode is not RecommendMode.AUTO or not (isinstance(item, PipelineItem) and item.auto):
        return f"{key} was to be given unasked, which today's policy does not let anybody be"
    if key in tx.choices.declined(employee.id):
        return f"{key} was to be given unasked, and was declined since"
    if until < now.date().isoformat():
        return f"{key} was to be given unasked until {until}, which is past"
    return None


def _asked(policy: EntitlementPolicy, employee: Employee, request: Request) -> frozenset[str]:
    """What is due without memory."""
    if request.access_items is None:
        return policy.entitlements_of(employee.profile).birthright
    return frozenset(item.strip().casefold() for item in request.access_items)
