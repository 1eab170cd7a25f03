"""Long-term memory over the operations database: the ``PatternStore`` port."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from agent_ops.domain.effects import ITEM_ACTIONS, EffectState, Intent
from agent_ops.domain.employee import EmployeeStatus, Profile
from agent_ops.domain.errors import InvalidRequest
from agent_ops.domain.pattern import PatternChanges
from agent_ops.domain.policy import EntitlementPolicy
from agent_ops.domain.recommendation import Advice, Recalled, RecommendMode
from agent_ops.domain.runs import LifecycleEvent
from agent_ops.domain.separation import collision
from agent_ops.memory.cohort_rates import FEWEST, likely, nearest
from agent_ops.memory.outliers import Rarity, rare
from agent_ops.memory.pattern_index import PatternIndex
from agent_ops.runtime.weighing import Weighing
from agent_ops.storage import Store, Tx

AT_ONCE = 2000
"""So many patterns are read at a time: a million people's take no more room on their way than a few thousand's."""


@dataclass(frozen=True)
class PatternMemory:
    """Recalls what people like this one have, and learns from the ledger what somebody ended up with.

    Each process keeps its own index of the patterns; before each recall it takes over what others changed. What agreeing in an
    attribute is worth is learned beside: `weighing`.
    """

    store: Store
    policy: EntitlementPolicy
    index: PatternIndex = field(default_factory=PatternIndex)
    _turn: threading.Lock = field(default_factory=threading.Lock)
    _warm: asyncio.Event = field(default_factory=asyncio.Event)
    weighing: Weighing = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "weighing", Weighing(self.index, self._turn))

    async def warm(self) -> None:
        """Read the patterns once, outside any transaction that others wait for."""
        if not self._warm.is_set():
            await self.store.read(self.refresh)
            self._warm.set()
        self.weighing.begin()

    async def ready(self) -> None:
        """Read the patterns once, and learn what the attributes are worth where this process has not yet."""
        await self.warm()
        await self.weighing.first()

    async def recall(self, run_id: str) -> Recalled:
        """What people like the run's employee have, the surest first, and what of it is worth asking for.

        Nothing for a run that is only planned, and nothing when the policy says that memory is not asked.
        """
        if self.policy.recommend.mode is RecommendMode.OFF:
            return Recalled()

        def work(tx: Tx) -> Recalled:
            self.refresh(tx)
            run = tx.runs.get(run_id)
            employee = tx.people.get(run.employee_id) if run and run.employee_id else None
            if employee is None or not (attributes := self.attributes(employee.profile)):
                return Recalled()
            with self._turn:
                patterns = [*map(str, likely(self.index, attributes)), *nearest(self.index, attributes)]
            due = {item.item for item in tx.people.items(employee.id)}
            declined = sorted(tx.choices.declined_in(team := attributes["team"]).items())
            patterns += [f"{item} was declined for {many} people of {team}" for item, many in declined if many >= FEWEST]
            return Recalled(tuple(patterns), tuple(self.advise(tx, employee.profile, employee.id, due)))

        recalled = await self.store.read(work)
        self.weighing.begin()
        return recalled

    def advise(self, tx: Tx, profile: Profile, employee_id: str = "", due: Collection[str] = ()) -> list[Advice]:
        """The items that people like this one have, and that this one may have and is not due, the surest first.

        Left out is what the policy does not allow or does not let them have beside what they hold, and what was declined,
        for them or for as many of the team as hold it.
        """
        if not (attributes := self.attributes(profile)):
            return []
        held = tx.people.held(employee_id) if employee_id else frozenset()
        may = self.policy.entitlements_of(profile).allowed - set(due) - held - tx.choices.declined(employee_id)
        self.refresh(tx)
        with self._turn:
            found = likely(self.index, attributes, self.weighing.trusted)
        rules, beside = self.policy.separations, {*due, *held}
        found = [one for one in found if one.item in may and collision(rules, {one.item}, beside) is None]
        declined = tx.choices.declined_in(attributes["team"])
        return [one for one in found if one.holders > declined.get(one.item, 0)]

    def rare(self, attributes: Mapping[str, str], held: Collection[str], counted: Collection[str] | None) -> list[Rarity]:
        """Of what somebody holds, what hardly anybody else like them does: see `agent_ops.memory.outliers.rare`."""
        with self._turn:
            return rare(self.index, attributes, held, counted)

    def refresh(self, tx: Tx) -> None:
        """Take over what changed since. The database's threads come here, one at a time."""
        with self._turn:
            self.weighing.trusted = {"", *map(tx.pseudonyms.requester, self.policy.recommend.trusted)}
            more = True
            while more:
                changes = tx.patterns.changes(self.index.version, AT_ONCE)
                self.index.refresh(changes)
                more = changes.more

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
            if attributes := self.attributes(employee.profile):
                requester = tx.pseudonyms.requester(tx.admissions.caller_of(run_id))
                tx.patterns.contribute(employee.id, attributes, held, requester=requester)

    def attributes(self, profile: Profile) -> dict[str, str]:
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
        """What changed after a version, a part at a time."""
        return await self.store.read(lambda tx: tx.patterns.changes(since, AT_ONCE))

    async def contribute(self, contributor: str, profile: Mapping[str, str], items: Sequence[str]) -> bool:
        """Let one person count."""
        return await self.store.transaction(lambda tx: tx.patterns.contribute(contributor, profile, items))

    async def forget(self, contributor: str) -> bool:
        """Take away what a person counted for."""
        return await self.store.transaction(lambda tx: tx.patterns.forget(contributor))
