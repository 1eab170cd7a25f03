"""SQL about employees, their addresses and their access items."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache

from sqlite_utils import Database

from agent_ops.domain.access import HELD_BY, AccessItem, ItemStatus
from agent_ops.domain.employee import UNPLACED, Employee, EmployeeStatus, Profile
from agent_ops.domain.lookalikes import alphabets, faces, look_alikes
from agent_ops.domain.names import name_key
from agent_ops.domain.runs import Request
from agent_ops.storage.pseudonyms import Pseudonyms
from agent_ops.storage.rows import Row, dump, one, rows, stamp

_KEPT = 128  # a process drives some dozens of runs at a time, each of which asks again and again for its employee
_EMPLOYEE = "SELECT id, profile, status, address, entra_id, reason FROM employees"


class People:
    """Employees and what they have; every method runs inside the caller's transaction."""

    def __init__(self, db: Database, pseudonyms: Pseudonyms) -> None:
        self._db, self._pseudonyms = db, pseudonyms

    def insert(self, employee_id: str, request: Request) -> None:
        self._db.execute(
            "INSERT INTO employees (id, name_key, profile, request, status, created_at) VALUES (?, ?, ?, ?, ?, ?)",
            (
                employee_id,
                name_key(request.profile.name),
                dump(request.profile.to_json()),
                _without_profile(request),
                EmployeeStatus.PENDING.value,
                stamp(),
            ),
        )
        faces_of = [(face, employee_id) for face in faces(request.profile.name)]
        self._db.conn.executemany("INSERT OR IGNORE INTO faces (face, employee_id) VALUES (?, ?)", faces_of)

    def looking_like(self, name: str) -> str | None:
        """The id of an employee whose name looks the same, but is written in other letters (UTS 39)."""
        wanted = sorted(faces(name))
        marks = ", ".join("?" * len(wanted))
        sql = f"{_EMPLOYEE} WHERE id IN (SELECT employee_id FROM faces WHERE face IN ({marks})) ORDER BY created_at"  # noqa: S608 - only marks
        alike = [employee_of(row) for row in rows(self._db, sql, *wanted)]
        return next((e.id for e in alike if alphabets(e.profile.name) != alphabets(name)), None)

    def set_request(self, employee_id: str, request: Request) -> None:
        """The request as a person decided it since; name and profile stay."""
        self._db.execute(
            "UPDATE employees SET request = iif(profile = ?, ?, ?) WHERE id = ?",
            (dump(request.profile.to_json()), _without_profile(request), dump(request.to_json()), employee_id),
        )

    def place(self, employee_id: str, request: Request) -> None:
        """Somebody for whom only an address was reserved is hired: the profile is the request's."""
        self._db.execute(
            "UPDATE employees SET profile = ? WHERE id = ? AND json_extract(profile, '$.team') = ?",
            (dump(request.profile.to_json()), employee_id, UNPLACED),
        )

    def get(self, employee_id: str) -> Employee | None:
        employee = self.recorded(employee_id)
        return replace(employee, holds=self.held(employee_id)) if employee else None

    def recorded(self, employee_id: str) -> Employee | None:
        """The employee without what they hold."""
        row = one(self._db, f"{_EMPLOYEE} WHERE id = ?", employee_id)
        return employee_of(row) if row else None

    def held(self, employee_id: str) -> frozenset[str]:
        """The items that the employee has, or may have."""
        return frozenset(item.item for item in self.items(employee_id) if item.status in HELD_BY)

    def request_of(self, employee_id: str) -> Request | None:
        """The stored request, None for an unknown employee."""
        row = one(self._db, "SELECT profile, request FROM employees WHERE id = ?", employee_id)
        return _request(row["profile"], row["request"]) if row else None

    def named(self, name: str) -> list[Employee]:
        """Everybody whose name compares equal, erased ones among them."""
        key = name_key(name)
        sql = f"{_EMPLOYEE} WHERE name_key IN (?, ?) ORDER BY created_at"
        return [employee_of(row) for row in rows(self._db, sql, key, self._pseudonyms.name(key))]

    def meant(self, wanted: str) -> list[str]:
        """The ids of whoever has this id, this address or this full name, in any case; the first recorded first."""
        sql = (
            "SELECT id FROM employees WHERE id = ?1 OR (address = ?1 AND address <> '') OR name_key = ?2 ORDER BY created_at, id"
        )
        return [row["id"] for row in rows(self._db, sql, wanted, name_key(wanted))]

    def all(self) -> list[Employee]:
        return [employee_of(row) for row in rows(self._db, f"{_EMPLOYEE} ORDER BY created_at, id")]

    def with_account(self) -> int:
        """How many employees have an account that Agent Ops knows."""
        row = one(self._db, "SELECT count(*) AS n FROM employees WHERE entra_id IS NOT NULL")
        return int(row["n"]) if row else 0

    def set_status(self, employee_id: str, status: EmployeeStatus, reason: str = "") -> None:
        self._db.execute("UPDATE employees SET status = ?, reason = ? WHERE id = ?", (status.value, reason, employee_id))

    def set_account(self, employee_id: str, address: str, entra_id: str) -> None:
        self._db.execute("UPDATE employees SET address = ?, entra_id = ? WHERE id = ?", (address, entra_id, employee_id))

    def clear_address(self, employee_id: str) -> None:
        """Forget the address where it is shown; the link to the account stays, and nobody else is ever given it."""
        self._db.execute("UPDATE employees SET address = '' WHERE id = ?", (employee_id,))

    def reserve_address(self, employee_id: str, candidates: Iterator[str]) -> str:
        """The first candidate that nobody ever had, nor one that looks like it, or that this employee holds; for ever."""
        for address in candidates:
            if self.reserve_exactly(employee_id, address):
                return address
        raise AssertionError("the sequence of candidates is endless")

    def address_of(self, employee_id: str, domain: str) -> str | None:
        """The address of a domain that is reserved for the employee."""
        sql = "SELECT address FROM addresses WHERE employee_id = ? AND address LIKE ? ORDER BY reserved_at DESC LIMIT 1"
        row = one(self._db, sql, employee_id, f"%@{domain}")
        return str(row["address"]) if row else None

    def reserve_exactly(self, employee_id: str, address: str) -> bool:
        """Reserve this address for the employee; False when somebody else has it, or one that looks like it."""
        if self._looks_taken(employee_id, address):
            return False
        self._db.execute(
            "INSERT INTO addresses (address, employee_id, reserved_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            (address, employee_id, stamp()),
        )
        holder = one(self._db, "SELECT employee_id FROM addresses WHERE address = ?", address)
        return holder is not None and holder["employee_id"] == employee_id

    def _looks_taken(self, employee_id: str, address: str) -> bool:
        """Whether somebody else, who may be erased since, was given an address that looks like this one."""
        local, _, domain = address.partition("@")
        alike = [*(f"{other}@{domain}" for other in look_alikes(local)), self._pseudonyms.address(address)]
        marks = ", ".join("?" * len(alike))
        sql = f"SELECT 1 FROM addresses WHERE address IN ({marks}) AND employee_id IS NOT ? LIMIT 1"  # noqa: S608 - only marks
        return one(self._db, sql, *alike, employee_id) is not None

    def address_is_foreign(self, address: str) -> None:
        """The directory says that somebody else has this address: never try it again for anybody."""
        self._db.execute("UPDATE addresses SET employee_id = NULL WHERE address = ?", (address,))

    def set_items(self, employee_id: str, items: Iterable[AccessItem]) -> None:
        self._db.conn.executemany(
            "INSERT INTO items (employee_id, item, status, reason, detail, updated_at) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET status = excluded.status, reason = excluded.reason, detail = excluded.detail,"
            " updated_at = excluded.updated_at",
            [(employee_id, i.item, i.status.value, i.reason, i.detail, stamp()) for i in items],
        )

    def revoked(self, employee_id: str, item: str) -> None:
        """The access was taken back: given again it is another effect, under the next generation's key."""
        self._db.execute(
            "UPDATE items SET status = ?, reason = 'taken back', detail = '', generation = generation + 1, updated_at = ?"
            " WHERE employee_id = ? AND item = ?",
            (ItemStatus.PENDING.value, stamp(), employee_id, item),
        )

    def generations(self, employee_id: str) -> dict[str, int]:
        """How often each item was taken back from the employee, where any was."""
        found = rows(self._db, "SELECT item, generation FROM items WHERE employee_id = ? AND generation > 0", employee_id)
        return {row["item"]: row["generation"] for row in found}

    def items(self, employee_id: str) -> tuple[AccessItem, ...]:
        found = rows(self._db, "SELECT item, status, reason, detail FROM items WHERE employee_id = ? ORDER BY item", employee_id)
        return tuple(AccessItem(r["item"], ItemStatus(r["status"]), r["reason"], r["detail"]) for r in found)


def _without_profile(request: Request) -> str:
    """A request beside the same profile."""
    return dump({name: value for name, value in request.to_json().items() if name != "profile"})


def employee_of(row: Row) -> Employee:
    """An employee from their row, without what they hold."""
    status = EmployeeStatus(row["status"])
    return Employee(row["id"], _profile(row["profile"]), status, row["address"], row["entra_id"], row["reason"])


def forget_parsed() -> None:
    """Let go of everybody whom this process remembers: somebody is erased."""
    _profile.cache_clear()
    _request.cache_clear()


@lru_cache(_KEPT)
def _profile(text: str) -> Profile:
    return Profile.from_json(json.loads(text))


@lru_cache(_KEPT)
def _request(profile: str, rest: str) -> Request:
    return Request.from_json({"profile": json.loads(profile), **json.loads(rest)})
