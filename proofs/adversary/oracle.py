"""Who asked for what, and what may therefore happen: worked out from the requests and the policy's text alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from proofs.adversary.disk import Audited, Disk, effect_key
from proofs.adversary.policies import Policy
from proofs.adversary.writes import Account, World, Write

GRANT_DAYS = 30
Effect = tuple[str, str]
"""An action and an item, by the names under which audit and keys have them."""
CREATE: Effect = ("entra.create_account", "account")
DISABLE: Effect = ("entra.disable_account", "account")
PIPELINE, REVOKE, GROUP, MAIL = "jenkins.run_pipeline", "jenkins.run_revocation", "entra.add_to_group", "mail.send"
_PARTS: dict[str, Effect] = {
    "create": CREATE,
    "link": ("entra.link_account", "account"),
    "attributes": ("entra.set_attributes", "attributes"),
    "manager": ("entra.set_manager", "manager"),
    "enable": ("entra.enable_account", "enabled"),
    "disable": DISABLE,
}
TOOLS: dict[str, str] = {
    "create_account": "entra.create_account",
    "link_account": "entra.link_account",
    "set_attributes": "entra.set_attributes",
    "set_manager": "entra.set_manager",
    "enable_account": "entra.enable_account",
    "disable_account": "entra.disable_account",
    "add_to_group": GROUP,
    "run_pipeline": PIPELINE,
    "run_revocation": REVOKE,
}
FIXED = dict(_PARTS.values())
"""The item of each action that has but one."""


@dataclass(frozen=True)
class Person:
    """Somebody who may be asked for."""

    name: str
    team: str
    external_id: str
    local: str
    manager: str | None = None


@dataclass(frozen=True)
class Asked:
    """An admitted request: its run, what it may need by the policy of its day, and how far the clock had been moved."""

    run_id: str
    person: Person
    effects: frozenset[Effect]
    day: int
    undo: bool = False


@dataclass(frozen=True)
class Change:
    """From here on another policy, or another day, holds."""

    writes: int
    audited: int
    policy: Policy
    day: int


@dataclass
class Oracle:
    """What may happen.

    Args:
        cancelled: when (monotonic) a run was cancelled. tampered: the newest audit row when a grant's row was altered.
    """

    disk: Disk
    world: World
    changes: list[Change] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    cancelled: dict[str, float] = field(default_factory=dict)
    tampered: dict[str, int] = field(default_factory=dict)
    _known: dict[str, tuple[Person, Effect]] = field(default_factory=dict)
    _learned: int = 0

    @property
    def policy(self) -> Policy:
        return self.changes[-1].policy

    @property
    def day(self) -> int:
        return self.changes[-1].day

    def change(self, policy: Policy, day: int) -> None:
        self.changes.append(Change(len(self.world.writes), self.disk.audited(), policy, day))

    def asks(self, run_id: str, person: Person, items: tuple[str, ...] | None) -> None:
        """A request for a joiner was admitted under this run; the same run again is a repeat."""
        if any(asked.run_id == run_id for asked in self.asked):
            return
        number = sum(asked.person == person for asked in self.asked) + 1
        team = self.policy.team(person.team)
        wanted = set(team["birthright"] if items is None else items) & set(team["allowed"])
        effects = {CREATE, _PARTS["attributes"], *_mails(number), *(self._giving(item) for item in wanted)}
        effects |= {_PARTS["manager"]} if person.manager else set()
        self.asked.append(Asked(run_id, person, frozenset(effects), self.day))

    def asks_back(self, run_id: str, person: Person) -> None:
        """An undoing was admitted under this run."""
        number = sum(asked.person == person for asked in self.asked) + 1
        taken = {(REVOKE, key) for key, item in self.policy.items.items() if item.get("revoke")}
        self.asked.append(Asked(run_id, person, frozenset({DISABLE, *taken, *_mails(number)}), self.day, True))

    def asked_of(self, run_id: str) -> Asked | None:
        return next((asked for asked in self.asked if asked.run_id == run_id), None)

    def people(self) -> dict[str, Person]:
        """Everybody who was ever asked for, by name."""
        return {asked.person.name: asked.person for asked in self.asked}

    def employee(self, person: Person) -> str:
        return self.disk.employee_id(person.external_id)

    def keys(self) -> dict[str, tuple[Person, Effect]]:
        """The keys of everything that was ever granted, and whose they are."""
        for asked in self.asked[self._learned :]:
            for action, item in asked.effects:
                for generation in range(4):
                    key = effect_key(self.employee(asked.person), action, item, generation)
                    self._known[key] = (asked.person, (action, item))
        self._learned = len(self.asked)
        return self._known

    def account_of(self, person: Person) -> Account | None:
        return next((a for a in self.world.accounts.values() if a.ours and a.name == person.name), None)

    def named(self, write: Write) -> Person | None:
        """Whom a write names by its values."""
        people = self.people()
        if write.kind == "create":
            return people.get(str(write.values.get("displayName")))
        if write.kind == "build":
            address = write.values["parameters"].get("USER_EMAIL")
            account = next((a for a in self.world.accounts.values() if a.address == address and a.ours), None)
            return people.get(account.name) if account else None
        if write.kind == "mail":
            known = self.keys().get(write.key)
            return known[0] if known else None
        changed = self.world.accounts.get(write.account)
        return people.get(changed.name) if changed is not None and changed.ours else None

    def effect_of(self, write: Write) -> Effect | None:
        """What a write does, by the names of the catalogue; None for what the catalogue does not have."""
        if write.kind == "build":
            found = self._first_policy.item_of_job(str(write.values.get("job")))
            return (REVOKE if found[1] else PIPELINE, found[0]) if found else None
        if write.kind == "group":
            item = self._first_policy.item_of_group(str(write.values.get("group")))
            return (GROUP, item) if item else None
        if write.kind == "mail":
            known = self.keys().get(write.key)
            return known[1] if known else None
        return _PARTS.get(write.kind)

    def sanctions(self, person: Person, effect: Effect) -> list[Asked]:
        """The requests whose grants have an effect."""
        return [asked for asked in self.asked if asked.person == person and effect in asked.effects]

    def judged(self, person: Person, effect: Effect, index: int, write: Write) -> str | None:
        """Why the ``index``-th write may not happen; None when it may."""
        sanctions = self.sanctions(person, effect)
        if not sanctions:
            return f"{person.name} was never granted {effect}"
        before = [change for change in self.changes if change.writes <= index]
        now = before[-1]
        if self._stands(person, effect, sanctions, now):
            return None
        begun = max(change.audited for change in before if not self._stands(person, effect, sanctions, change))
        ids = [row.id for row in self.intents(person, effect) if row.id <= write.audited]
        if ids and ids[-1] <= begun:  # what may have been sent is settled first, whatever today's policy says
            return None
        return f"{person.name} may not have {effect} any more"

    def intents(self, person: Person, effect: Effect) -> Iterator[Audited]:
        """The audit's rows of intents for an effect."""
        employee = self.employee(person)
        for row in self.disk.audit():
            if row.kind == "intent" and (row.subject, row.action, row.item) == (employee, *effect):
                yield row

    def _stands(self, person: Person, effect: Effect, sanctions: list[Asked], now: Change) -> bool:
        if all(now.day - asked.day >= GRANT_DAYS for asked in sanctions):
            return False
        action, item = effect
        if action in (PIPELINE, GROUP):
            return item in now.policy.team(person.team)["allowed"] and item in now.policy.items
        return True

    @property
    def _first_policy(self) -> Policy:
        return self.changes[0].policy

    def _giving(self, item: str) -> Effect:
        return (GROUP if "group" in self.policy.items[item] else PIPELINE, item)

    def values(self, person: Person, write: Write) -> dict[str, Any] | None:
        """What a write to a person's account must say beside their ids; None when it is not known here."""
        if write.kind != "attributes":
            return {"manager": person.manager} if write.kind == "manager" else None
        team = self.policy.team(person.team)
        kind = team.get("employee_type") or self.policy.tables["account"]["employee_type"]
        country = self.policy.tables["account"]["usage_location"]
        named = {"usageLocation": country, "employeeType": kind, "department": team["title"], "jobTitle": team["title"]}
        return {"attributes": named}


def _mails(number: int) -> set[Effect]:
    """Each run of an employee tells of itself by mails of its own."""
    return {(MAIL, f"{notice}.{number}" if number > 1 else notice) for notice in ("account", "access")}
