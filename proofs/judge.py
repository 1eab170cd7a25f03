"""The judge: what the services' own records and the operations database say, and nothing else.

What one hire should leave behind is not written down here: it is what an undisturbed onboarding of the same kind left
behind in the same sandbox. Names, ids, addresses and markers are replaced by what they stand for, so that two hires compare.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent_ops.domain.effects import Action, effect_key
from agent_ops.sandbox.records import Call

Identity = tuple[str, ...]
_PEOPLE = (
    "SELECT e.*, r.status AS run_status, g.body FROM employees e"
    " JOIN runs r ON r.employee_id = e.id LEFT JOIN grants g ON g.run_id = r.id ORDER BY r.rowid"
)
_VOLATILE = ("queue_id", "subject", "file")


@dataclass
class Person:
    """An employee as the operations database has them."""

    name: str
    values: dict[str, str] = field(default_factory=dict)
    statuses: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Account:
    """What one hire left behind: outside by identity and count, inside by status."""

    outside: Counter[Identity]
    inside: Mapping[str, str]


@dataclass
class Verdict:
    """``lost`` and ``duplicates`` count effects; ``wrong`` says what else is not as it should be.

    Not duplicates: a mail again under its Message-ID, and what HTTP calls idempotent (PUT, and here PATCH, which sets
    properties): the same setting again. https://www.rfc-editor.org/rfc/rfc9110#section-9.2.2
    """

    lost: list[str] = field(default_factory=list)
    duplicates: list[str] = field(default_factory=list)
    repeated_mails: int = 0
    repeated_settings: int = 0
    wrong: list[str] = field(default_factory=list)

    @property
    def good(self) -> bool:
        return not (self.lost or self.duplicates or self.wrong)

    def __str__(self) -> str:
        words = [f"lost {self.lost}" if self.lost else "", f"duplicates {self.duplicates}" if self.duplicates else ""]
        return "; ".join([*filter(None, words), *self.wrong]) or "good"

    def __iadd__(self, other: Verdict) -> Verdict:
        self.lost += other.lost
        self.duplicates += other.duplicates
        self.repeated_mails += other.repeated_mails
        self.repeated_settings += other.repeated_settings
        self.wrong += other.wrong
        return self


class Files:
    """The operations database, read as it lies there. Nothing of the code under proof is used."""

    def __init__(self, data_dir: Path) -> None:
        self.data_dir, self._path = data_dir, data_dir / "operations.db"

    def rows(self, sql: str, *values: object) -> list[sqlite3.Row]:
        if not self._path.exists():
            return []
        connection = sqlite3.connect(self._path, timeout=10)
        connection.row_factory = sqlite3.Row
        try:
            return connection.execute(sql, values).fetchall()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):  # killed before the tables were committed
                return []
            raise
        finally:
            connection.close()

    def change(self, *statements: tuple[str, tuple[object, ...]]) -> None:
        """Somebody's hand in the database: for scenarios that need one."""
        connection = sqlite3.connect(self._path, timeout=10)
        with connection:
            for sql, values in statements:
                connection.execute(sql, values)
        connection.close()

    def people(self) -> list[Person]:
        """Every employee with the values by which their traces outside are known."""
        found: dict[str, Person] = {}
        for row in self.rows(_PEOPLE):  # a person may have several runs: the last one says how they stand
            person = found.setdefault(row["id"], Person(json.loads(row["profile"])["name"]))
            for _, action, item in json.loads(row["body"])["effects"] if row["body"] else ():
                person.values[effect_key(row["id"], Action(action), item)] = f"<{action} {item}>"
            person.values.update({row["entra_id"]: "<account>", row["address"]: "<address>"} if row["entra_id"] else {})
            person.statuses = {"run": row["run_status"], "employee": row["status"], **self._statuses(row["id"])}
        return list(found.values())

    def _statuses(self, employee_id: str) -> dict[str, str]:
        items = self.rows("SELECT item, status FROM items WHERE employee_id = ?", employee_id)
        effects = self.rows("SELECT action, item, state FROM effects WHERE employee_id = ?", employee_id)
        return {
            **{f"item {row['item']}": row["status"] for row in items},
            **{f"effect {row['action']} {row['item']}": row["state"] for row in effects},
        }

    def event_gaps(self) -> list[str]:
        """Events are numbered without a gap: a rolled back transaction takes no number, a lost event leaves one."""
        ids = [row["id"] for row in self.rows("SELECT id FROM events ORDER BY id")]
        return [] if ids == list(range(1, len(ids) + 1)) else [f"event ids have gaps: {len(ids)} up to {ids[-1]}"]

    def unsettled(self) -> int:
        """Effects whose end is not recorded yet: mails that are still in the outbox."""
        found = self.rows("SELECT count(*) AS n FROM effects WHERE state IN ('open', 'accepted')")
        return int(found[0]["n"]) if found else 0

    def open_intents(self, owner: str) -> int:
        found = self.rows("SELECT count(*) AS n FROM effects WHERE owner = ? AND state IN ('open', 'accepted')", owner)
        return int(found[0]["n"]) if found else 0


def accounts(files: Files, calls: Iterable[Call]) -> tuple[dict[str, Account], list[str]]:
    """What each hire left behind, by name; and the changes outside that are nobody's."""
    people = {person.name: person for person in files.people()}
    outside: dict[str, Counter[Identity]] = {name: Counter() for name in people}
    strays = []
    owners: dict[str, tuple[str, str]] = {
        value: (name, words) for name, person in people.items() for value, words in {**person.values, name: "<name>"}.items()
    }
    for call in calls:
        if call.effect == "entra.create" and (maker := owners.get(call.detail["display_name"])):
            owners[call.detail["id"]], owners[call.detail["upn"]] = (maker[0], "<account>"), (maker[0], "<address>")
        who, identity = _identity(call, owners)
        if who is None:
            strays.append(f"{call.effect} {json.dumps(call.detail)}")
        else:
            outside[who][identity] += 1
    return {name: Account(outside[name], person.statuses) for name, person in people.items()}, strays


def _identity(call: Call, owners: Mapping[str, tuple[str, str]]) -> tuple[str | None, Identity]:
    """Whose trace a change is, and what it is, whoever's it is."""
    who: str | None = None
    words: list[str] = [call.effect, call.method]
    for name, value in sorted(_flat(call.detail)):
        known = _known(value, owners)
        who = known[0] if known else who
        if name not in _VOLATILE:
            words.append(f"{name}={known[1] if known else value}")
    return who, tuple(words)


def _known(value: str, owners: Mapping[str, tuple[str, str]]) -> tuple[str, str] | None:
    """Values are known whole; markers (key.attempt) and Message-IDs (<key.attempt@host>) by the effect's key in them."""
    key, _, rest = value.lstrip("<").partition(".")
    if value not in owners and key in owners:
        return owners[key][0], f"{owners[key][1]}.{rest.partition('@')[0]}"
    return owners.get(value)


def _flat(detail: Any, name: str = "") -> list[tuple[str, str]]:
    if isinstance(detail, Mapping):
        return [pair for key, value in detail.items() for pair in _flat(value, str(key))]
    if isinstance(detail, (list, tuple)):
        return [(name, json.dumps(detail))]
    return [(name, str(detail))]


def may_repeat(identity: Identity) -> bool:
    """Whether once more does no harm: also where it was more than once by chance when nobody was killed."""
    return identity[0] == "mail" or identity[1] in ("PUT", "PATCH")


def whatever_attempt(account: Account) -> Account:
    """The same, where it does not matter under which attempt a build was made. Mails keep theirs: it is in the Message-ID."""
    counted: Counter[Identity] = Counter()
    for identity, count in account.outside.items():
        same = identity if identity[0] == "mail" else tuple(re.sub(r">\.\d+$", ">", word) for word in identity)
        counted[same] += count
    return Account(counted, account.inside)


def compare(name: str, seen: Account, expected: Account) -> Verdict:
    """One hire against an undisturbed one of the same kind."""
    wanted = Counter({identity: 1 if may_repeat(identity) else count for identity, count in expected.outside.items()})
    verdict = Verdict(lost=[f"{name}: {identity}" for identity in (wanted - seen.outside).elements()])
    for identity in (seen.outside - wanted).elements():
        if identity in wanted and identity[0] == "mail":
            verdict.repeated_mails += 1
        elif identity in wanted and may_repeat(identity):
            verdict.repeated_settings += 1
        else:
            verdict.duplicates.append(f"{name}: {identity}")
    differing = {key for key in {*seen.inside, *expected.inside} if seen.inside.get(key) != expected.inside.get(key)}
    verdict.wrong += [f"{name}: {key} is {seen.inside.get(key)}, not {expected.inside.get(key)}" for key in sorted(differing)]
    return verdict
