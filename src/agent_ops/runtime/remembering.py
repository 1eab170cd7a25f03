"""Long-term memory over the operations database: the ``PatternStore`` port."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from agent_ops.domain.effects import ITEM_ACTIONS, EffectState, Intent
from agent_ops.domain.employee import EmployeeStatus, Profile
from agent_ops.domain.errors import InvalidRequest
from agent_ops.domain.pattern import PatternChanges
from agent_ops.domain.policy import EntitlementPolicy
from agent_ops.domain.runs import LifecycleEvent
from agent_ops.memory.cohort_rates import likely
from agent_ops.memory.pattern_index import PatternIndex
from agent_ops.storage import Store, Tx


@dataclass(frozen=True)
class PatternMemory:
    """Recalls what people like this one have, and learns from the ledger what somebody ended up with.

    Each process keeps its own index of the patterns; before each recall it takes over what others changed.
    """

    store: Store
    policy: EntitlementPolicy
    index: PatternIndex = field(default_factory=PatternIndex)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def recall(self, run_id: str) -> Sequence[str]:
        """What people like the run's employee have, in words, the surest first; nothing for a run that is only planned."""

        def work(tx: Tx) -> tuple[Profile | None, PatternChanges]:
            run = tx.runs.get(run_id)
            employee = tx.people.get(run.employee_id) if run and run.employee_id else None
            return employee.profile if employee else None, tx.patterns.changes(self.index.version)

        async with self._turn:
            profile, changes = await self.store.read(work)
            self.index.refresh(changes)
            return [str(one) for one in likely(self.index, self._attributes(profile))] if profile else []

    async def learn(self, run_id: str) -> None:
        """Let the employee count with what the ledger did for them, once their onboarding is whole; no more when it was undone.

        Every item needs a recorded success in the ledger and a standing of completed or verified: a status alone, or what a
        planner says, teaches nothing. The same again changes nothing.
        """
        await self.store.transaction(lambda tx: self._learn(tx, run_id))

    def _learn(self, tx: Tx, run_id: str) -> None:
        run = tx.runs.get(run_id)
        joins = run is not None and run.event is LifecycleEvent.JOINER
        employee = tx.people.get(run.employee_id) if run and joins and run.employee_id else None
        if employee is None:
            return
        if employee.status is EmployeeStatus.WITHDRAWN:
            tx.patterns.forget(employee.id)
        elif employee.status is EmployeeStatus.ONBOARDED:
            done = {intent.proposal.item for intent in tx.effects.of_employee(employee.id) if _gave(intent)}
            held = [one.item for one in tx.people.items(employee.id) if one.status.in_place and one.item in done]
            if attributes := self._attributes(employee.profile):
                tx.patterns.contribute(employee.id, attributes, held)

    def _attributes(self, profile: Profile) -> dict[str, str]:
        """Team, level and location as the policy writes them: nothing that names a person. Empty without a team of the policy."""
        try:
            team, location = self.policy.team_of(profile), self.policy.location_of(profile)
            level = self.policy.level_of(profile)
        except InvalidRequest:  # today's policy no longer has them
            return {}
        found = {"team": team.title, "level": level, "location": location.title if location else ""}
        return {attribute: value for attribute, value in found.items() if value}


def _gave(intent: Intent) -> bool:
    """Whether the ledger recorded that this gave an access item."""
    return intent.proposal.action in ITEM_ACTIONS and intent.state is EffectState.SUCCEEDED


@dataclass(frozen=True)
class StoredPatterns:
    """The rows of patterns, as `PatternVectorStore` asks them."""

    store: Store

    async def changes(self, since: int) -> PatternChanges:
        """What changed after a version."""
        return await self.store.read(lambda tx: tx.patterns.changes(since))

    async def contribute(self, contributor: str, profile: Mapping[str, str], items: Sequence[str]) -> bool:
        """Let one person count."""
        return await self.store.transaction(lambda tx: tx.patterns.contribute(contributor, profile, items))

    async def forget(self, contributor: str) -> bool:
        """Take away what a person counted for."""
        return await self.store.transaction(lambda tx: tx.patterns.forget(contributor))
