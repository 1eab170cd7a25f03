"""Approval evidence at the edge: read before the request is recorded, judged by the policy, kept in the grant."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone

from agent_ops.domain.access import AccessItem, ItemStatus
from agent_ops.domain.effects import keyed_id
from agent_ops.domain.employee import Employee
from agent_ops.domain.errors import InvalidRequest
from agent_ops.domain.evidence import Claim, Evidence, EvidenceRule, check_reference, shortfall
from agent_ops.domain.policy import EntitlementPolicy
from agent_ops.domain.ports import EvidenceSource
from agent_ops.domain.runs import Request
from agent_ops.runtime.redacted import scrubbed


@dataclass(frozen=True)
class Approvals:
    """Finds out whether items that need an approval have one. Without proof an item is denied."""

    policy: EntitlementPolicy
    sources: Mapping[str, EvidenceSource]
    key: bytes = field(repr=False)

    def outstanding(self, request: Request, items: tuple[AccessItem, ...]) -> tuple[AccessItem, ...]:
        """The items with those denied that need an approval: none has been seen yet.

        Raises:
            InvalidRequest: a reference is malformed, or is given for an item that needs none or is not asked for.
        """
        for key, reference in request.evidence.items():
            check_reference(key, self._rule_for(key, items), reference)
        return tuple(self._denied(item, request) for item in items)

    async def look_up(
        self, request: Request, items: tuple[AccessItem, ...], denied: frozenset[str], requester: str, known: Employee | None
    ) -> tuple[tuple[AccessItem, ...], tuple[Evidence, ...]]:
        """The items as their approvals decide, and what the grant keeps of those.

        Args:
            denied: the items that wait for this; no other is judged.
            known: the employee as stored, if there is one.

        Raises:
            ServiceError: a source cannot be asked, or does not answer us: nothing is recorded, the request can be repeated.
        """
        asked = [item.item for item in items if item.item in denied and item.item in request.evidence]
        found = await asyncio.gather(*(self._judged(key, request, requester, known) for key in asked))
        verdicts = dict(zip(asked, found, strict=True))
        judged = tuple(_decided(item, verdicts.get(item.item)) for item in items)
        return judged, tuple(verdict for verdict in found if isinstance(verdict, Evidence))

    def _rule_for(self, key: str, items: tuple[AccessItem, ...]) -> EvidenceRule:
        item = self.policy.catalogue.get(key)
        if item is None or key not in {asked.item for asked in items}:
            raise InvalidRequest("evidence", f"{key!r} is not asked for", "Give references for items of the request only.")
        if item.evidence is None:
            raise InvalidRequest("evidence", f"{key} needs no approval", "Leave its reference out.")
        return item.evidence

    def _denied(self, item: AccessItem, request: Request) -> AccessItem:
        rule = self.policy.catalogue[item.item].evidence
        if rule is None or item.status is not ItemStatus.PENDING:
            return item
        given = request.evidence.get(item.item)
        return _not(item, f"{given} was not looked up" if given else f"needs an approval: give {rule.words}")

    async def _judged(self, key: str, request: Request, requester: str, known: Employee | None) -> Evidence | str:
        """What the grant keeps of an item's approval, or why it does not suffice."""
        item, reference, now = self.policy.catalogue[key], request.evidence[key], datetime.now(timezone.utc)
        rule = item.evidence
        assert rule is not None  # noqa: S101 - asked for such items only
        if not rule.fits(rule.kind, reference):
            return f"{reference} is not {rule.words}"
        approval = await scrubbed(self.sources[rule.kind].find, reference)
        if approval is None:
            return f"{reference} does not exist, or we may not see it"
        why = shortfall(rule, approval, Claim.of(key, item.title, request.profile, requester, known), now)
        decided = approval.decided
        if why or decided is None:
            return f"{reference} {why}"
        status = next(word for word in rule.approved_status if word.casefold() == approval.status.casefold())
        approver = keyed_id(self.key, f"{rule.kind}:{decided.by.id}")
        return Evidence(key, rule.kind, approval.reference, status, approver, decided.at, approval.updated_at, now)


def _decided(item: AccessItem, verdict: Evidence | str | None) -> AccessItem:
    if verdict is None:
        return item
    return AccessItem(item.item, ItemStatus.PENDING) if isinstance(verdict, Evidence) else _not(item, verdict)


def _not(item: AccessItem, why: str) -> AccessItem:
    return replace(item, status=ItemStatus.DENIED, reason=why)
