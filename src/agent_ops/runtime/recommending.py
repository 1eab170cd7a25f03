"""Recommendations at the edge: what memory gives a new hire unasked, before the grant is sealed, and what it only suggests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone

from agent_ops.domain.access import AccessItem, ItemStatus
from agent_ops.domain.catalogue import PipelineItem
from agent_ops.domain.policy import EntitlementPolicy
from agent_ops.domain.recommendation import RECOMMENDED, Advice, AutoRule, Choice, RecommendMode
from agent_ops.domain.runs import LifecycleEvent, Request, Run
from agent_ops.runtime.admission import Admission
from agent_ops.runtime.remembering import PatternMemory
from agent_ops.storage import Tx

SUGGESTED, AUTO = RECOMMENDED


@dataclass(frozen=True)
class Offer:
    """An item that memory has for a hire; given unasked until a day, or, without one, only suggested."""

    advice: Advice
    until: str = ""


@dataclass(frozen=True)
class Recommending:
    """Asks memory about requests that come in. It heeds patterns and policy: no model, no asserted status."""

    policy: EntitlementPolicy
    memory: PatternMemory | None

    async def warm(self) -> None:
        """Let memory read its patterns before a transaction needs them."""
        if self.memory is not None and self.policy.recommend.mode is not RecommendMode.OFF:
            await self.memory.warm()

    def offers(self, tx: Tx, admission: Admission) -> tuple[Offer, ...]:
        """What memory has for this hire beside what is due, declined or barred; a task's and a mover's run get nothing."""
        joins = admission.request.event is LifecycleEvent.JOINER and admission.order is None
        if self.memory is None or self.policy.recommend.mode is RecommendMode.OFF or not joins:
            return ()
        due = {item.item for item in admission.items}
        found = self.memory.advise(tx, admission.request.profile, admission.employee_id, due)
        return tuple(Offer(advice, self._until(advice, admission)) for advice in found)

    def _until(self, advice: Advice, admission: Admission) -> str:
        """The last day of what is given unasked; empty for what is only suggested."""
        rules, plan = self.policy.recommend, admission.plan
        planned = plan is None or advice.item in {item.item for item in plan.items}
        rule = auto_rule(self.policy, advice.item)
        if rule is None or not planned or rules.mode is not RecommendMode.AUTO or advice.unaided < rules.threshold:
            return ""
        return (datetime.now(timezone.utc) + timedelta(days=rule.days)).date().isoformat()

    def again(self, tx: Tx, admission: Admission) -> Admission:
        """A further run's admission with what the employee was given unasked before, as far as today's policy allows it."""
        due = {item.item for item in admission.items}
        given = tx.choices.given(admission.employee_id) & self.policy.entitlements_of(admission.request.profile).allowed
        return with_items(admission, sorted(item for item in given - due if auto_rule(self.policy, item)))

    def record(self, tx: Tx, run: Run, admission: Admission, offers: tuple[Offer, ...]) -> None:
        """Write down what was offered, and tell of what is given."""
        self._asked(tx, run, admission)
        team = self.policy.team_of(admission.request.profile).title
        for offer in offers:
            advice, kind = offer.advice, AUTO if offer.until else SUGGESTED
            said = f"{advice.reason} (probability {advice.share:.2f}, at least {advice.at_least:.2f})"
            tx.choices.add(
                Choice(run.employee_id, run.id, advice.item, kind, admission.caller.name, said, until=offer.until, team=team)
            )
            if offer.until:
                told = f"{advice.item} is given unasked until {offer.until}: {said}"
                tx.logs.event(run.id, "recommend", told, item=advice.item, status=ItemStatus.PENDING.value)
                sure = f"auto holders={advice.holders} people={advice.people} least={int(1000 * advice.unaided)}"
                tx.logs.audit("recommended", run.id, run.employee_id, item=advice.item, detail=sure)

    def _asked(self, tx: Tx, run: Run, admission: Admission) -> None:
        """Keep what was asked for by name; it is chosen where memory would have recommended it."""
        request = admission.request
        if request.access_items is None or self.memory is None:
            return
        team = self.policy.team_of(request.profile).title
        likely = {advice.item: advice for advice in self.memory.advise(tx, request.profile)} if self._is_on else {}
        for item in sorted(item.item for item in admission.items if item.item in _keys(request.access_items)):
            kind, said = ("chosen", likely[item].reason) if item in likely else ("asked", "")
            tx.choices.add(Choice(run.employee_id, run.id, item, kind, admission.caller.name, said, team=team))

    def changed(self, tx: Tx, run: Run, admission: Admission, before: Request | None) -> None:
        """Keep what a person's decision changed of an earlier request."""
        if before is None or before == admission.request or self.memory is None:
            return
        was, now = before.to_json(), admission.request.to_json()
        said = "changed: " + ", ".join(sorted(key for key in {*was, *now} if was.get(key) != now.get(key)))
        team = self.policy.team_of(admission.request.profile).title
        tx.choices.add(Choice(run.employee_id, run.id, "", "changed", admission.caller.name, said, team=team))

    @property
    def _is_on(self) -> bool:
        return self.policy.recommend.mode is not RecommendMode.OFF


def _keys(items: Iterable[str]) -> set[str]:
    return {item.strip().casefold() for item in items}


def given(offers: tuple[Offer, ...]) -> list[str]:
    """The items that are given unasked."""
    return [offer.advice.item for offer in offers if offer.until]


def with_items(admission: Admission, items: list[str]) -> Admission:
    """The admission with further items due."""
    return replace(admission, items=(*admission.items, *(AccessItem(item, ItemStatus.PENDING) for item in items)))


def auto_rule(policy: EntitlementPolicy, key: str) -> AutoRule | None:
    """The catalogue's mark that an item may be given unasked."""
    item = policy.catalogue.get(key)
    return item.auto if isinstance(item, PipelineItem) else None
