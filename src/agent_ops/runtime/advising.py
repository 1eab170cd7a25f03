"""Recommendations on request: for a profile or an employee, who stands out, what was chosen, and declining for good."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from agent_ops.domain.employee import Employee, EmployeeStatus, Profile
from agent_ops.domain.errors import InvalidRequest
from agent_ops.domain.grants import Caller
from agent_ops.domain.policy import EntitlementPolicy
from agent_ops.domain.recommendation import Choice, Outlier, Recommended
from agent_ops.domain.standing import Wanted
from agent_ops.memory.attribute_weights import AttributeWeights
from agent_ops.runtime.recommending import auto_rule
from agent_ops.runtime.remembering import PatternMemory
from agent_ops.runtime.reports import Reports
from agent_ops.storage import Store, Tx

DECLINED, SCOPE = "declined", "onboard"
LONGEST_WHY = 500
AT_ONCE = 500
"""So many employees are looked at in one transaction, and are in memory at a time."""


@dataclass(frozen=True)
class Advisor:
    """Answers from memory; it needs no service and changes nothing outside."""

    store: Store
    policy: EntitlementPolicy
    memory: PatternMemory

    async def recommend(self, wanted: Profile | str) -> list[Recommended]:
        """The items that people like this one have and that this one may have, the surest first.

        Args:
            wanted: a profile, or an employee: an employee id, a run id, an address or a full name. What an employee has,
                is due or declined is left out.

        Raises:
            InvalidRequest: the policy has no such team, level or location. NotFound: nobody is meant. Ambiguous: several are.
        """
        employee = await Reports(self.store).employee(wanted) if isinstance(wanted, str) else None
        profile = employee.profile if employee else wanted
        assert isinstance(profile, Profile)  # noqa: S101 - a text names an employee
        self.policy.location_of(profile)
        entitled = self.policy.entitlements_of(profile)

        def work(tx: Tx) -> list[Recommended]:
            due = {item.item for item in tx.people.items(employee.id)} if employee else set()
            found = self.memory.advise(tx, profile, employee.id if employee else "", due)
            return [Recommended(one, self._how(one.item, one.unaided, entitled.birthright)) for one in found]

        await self.memory.ready()
        return await self.store.read(work)

    def _how(self, item: str, sure: float, birthright: frozenset[str]) -> str:
        if item in birthright:
            return "birthright"
        rules = self.policy.recommend
        gives = rules.mode.value == "auto" and auto_rule(self.policy, item) is not None and sure >= rules.threshold
        return "auto" if gives else "suggested"

    async def weights(self) -> AttributeWeights:
        """What agreeing in team, level and location is worth to memory, and from how many patterns that was learned."""
        await self.store.read(self.memory.refresh)
        await self.memory.ready()
        return self.memory.index.weights

    async def outliers(self) -> list[Outlier]:
        """Who holds what hardly anybody like them holds, the surest first; what their birthright gives is left out."""

        await self.memory.ready()
        found = list[Outlier]()
        last: str | None = ""
        while last is not None:
            some, last = await self.store.read(partial(self._some, after=last))
            found += some
        return sorted(found, key=lambda one: (one.at_most, one.name, one.item))

    def _some(self, tx: Tx, after: str) -> tuple[list[Outlier], str | None]:
        """Of the next ``AT_ONCE`` employees, and the last of them; None when they were all."""
        self.memory.refresh(tx)
        people = [one.employee for one in tx.listing.people(Wanted(cursor=after or None, limit=AT_ONCE))]
        alike = sorted(people, key=lambda one: (one.profile.team, one.profile.level or "", one.profile.location or ""))
        found = [one for who in alike for one in self._of(who, tx)]
        return found, people[-1].id if len(people) == AT_ONCE else None

    def _of(self, employee: Employee, tx: Tx) -> list[Outlier]:
        attributes = self.memory.attributes(employee.profile)
        if not attributes or employee.status is EmployeeStatus.WITHDRAWN:
            return []
        items = {item.item for item in tx.people.items(employee.id) if item.status.in_place}
        items -= self.policy.entitlements_of(employee.profile).birthright
        found = self.memory.rare(attributes, items, tx.patterns.contribution(employee.id))
        name = employee.profile.name
        return [Outlier(employee.id, name, one.item, one.holders, one.people, one.at_most, one.reason) for one in found]

    async def history(
        self, wanted: str | None = None, *, team: str | None = None, requester: str | None = None, limit: int = 200
    ) -> list[Choice]:
        """What was asked, suggested, given unasked, chosen, declined and changed, the newest first.

        Args:
            wanted: only of this employee: an employee id, a run id, an address or a full name.
            team: only of this team's people, by key or title.
            requester: only what this caller asked for or said.

        Raises:
            NotFound: nobody is meant. Ambiguous: several are. InvalidRequest: the policy has no such team.
        """
        employee = (await Reports(self.store).employee(wanted)).id if wanted else None
        title = self.policy.team_of(Profile("Nobody", team)).title if team else None
        return await self.store.read(lambda tx: tx.choices.of(employee, title, requester, limit))

    async def decline(self, wanted: str, item: str, why: str, caller: Caller) -> Choice:
        """Let an item never be recommended to an employee again, nor given unasked. Needs the scope ``onboard``.

        What is in place stays. It can be asked for all the same.

        Raises:
            NotPermitted: the caller may not. NotFound: nobody is meant. Ambiguous: several are.
            InvalidRequest: no such item, or no reason of at most 500 characters.
        """
        caller.require(SCOPE)
        if item not in self.policy.catalogue:
            raise InvalidRequest("item", f"{item!r} is not in the catalogue", "See `agent-ops policy`.")
        if not 0 < len(why.strip()) <= LONGEST_WHY:
            raise InvalidRequest("why", f"must have 1 to {LONGEST_WHY} characters", "Say why it is declined.")
        employee = await Reports(self.store).employee(wanted)
        team = self.memory.attributes(employee.profile).get("team", "")

        def work(tx: Tx) -> Choice:
            tx.choices.add(Choice(employee.id, "", item, DECLINED, caller.name, why.strip(), team=team))
            tx.logs.audit("recommendation_declined", "", employee.id, item=item, detail=f"by={tx.audit.caller(caller.name)}")
            return tx.choices.of(employee.id, limit=1)[0]

        return await self.store.transaction(work)
