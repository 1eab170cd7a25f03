"""SQL that removes a person and leaves a tombstone, which triggers of the schema keep from ever being filled again."""

from __future__ import annotations

import json
from datetime import datetime

from sqlite_utils import Database

from agent_ops.domain.employee import EmployeeStatus, Profile
from agent_ops.domain.erasure import Tombstone
from agent_ops.domain.names import name_key
from agent_ops.domain.runs import Request
from agent_ops.storage.patterns import Patterns
from agent_ops.storage.pseudonyms import PREFIX, Pseudonyms
from agent_ops.storage.rows import dump, moment, one, rows, stamp

NOBODY = Request(Profile("Erased", "erased"))
"""Stands where the person's request stood."""
_ERASED = EmployeeStatus.ERASED.value
_OF_THEIR_RUNS = "run_id IN (SELECT id FROM runs WHERE employee_id = ?)"


class Erasures:
    """What was erased; every method runs inside the caller's transaction."""

    def __init__(self, db: Database, pseudonyms: Pseudonyms) -> None:
        self._db, self._pseudonyms = db, pseudonyms

    def is_erased(self, employee_id: str) -> bool:
        return one(self._db, "SELECT 1 FROM employees WHERE id = ? AND status = ?", employee_id, _ERASED) is not None

    def find(self, wanted: str) -> str | None:
        """The id of the erased employee who had this id, name or address."""
        name, address = self._pseudonyms.name(name_key(wanted)), self._pseudonyms.address(wanted)
        sql = (
            "SELECT id FROM employees WHERE status = ?1 AND (id = ?2 OR name_key = ?3"
            " OR id = (SELECT employee_id FROM addresses WHERE address = ?4))"
        )
        row = one(self._db, sql, _ERASED, wanted, name, address)
        return str(row["id"]) if row else None

    def in_flight(self, employee_id: str) -> datetime | None:
        """Until when a call for the employee may still land; None when none is on its way."""
        sql = "SELECT max(lands_by) AS lands_by FROM effects WHERE employee_id = ? AND state = 'open' AND lands_by > ?"
        row = one(self._db, sql, employee_id, stamp())
        return moment(row["lands_by"]) if row else None

    def run_ids(self, employee_id: str) -> list[str]:
        """The employee's runs, which are the threads of checkpoints, too."""
        return [row["id"] for row in rows(self._db, "SELECT id FROM runs WHERE employee_id = ?", employee_id)]

    def erase(self, employee_id: str) -> None:
        """Remove everything that tells of the person; their live runs end. The employee's row goes last: it shuts the others."""
        self._runs(employee_id)
        self._effects(employee_id)
        Patterns(self._db).forget(employee_id)
        self._db.execute(f"DELETE FROM events WHERE {_OF_THEIR_RUNS}", (employee_id,))  # noqa: S608 - a fixed text
        self._db.execute(f"DELETE FROM requests WHERE {_OF_THEIR_RUNS}", (employee_id,))  # noqa: S608
        self._tasks(employee_id)
        for table in ("assertions", "choices"):
            self._db.execute(f"DELETE FROM {table} WHERE employee_id = ?", (employee_id,))  # noqa: S608 - fixed names
        self._db.execute("UPDATE items SET reason = '', detail = '' WHERE employee_id = ?", (employee_id,))
        self._addresses(employee_id)
        self._employee(employee_id)

    def tombstones(self) -> list[Tombstone]:
        """Of everybody who was erased, in the order of their ids."""
        held = rows(self._db, "SELECT employee_id, address FROM addresses WHERE address LIKE ? ORDER BY address", f"{PREFIX}%")
        return [
            Tombstone(row["id"], row["name_key"], tuple(a["address"] for a in held if a["employee_id"] == row["id"]))
            for row in rows(self._db, "SELECT id, name_key FROM employees WHERE status = ? ORDER BY id", _ERASED)
        ]

    def put(self, stone: Tombstone) -> bool:
        """Erase whom a tombstone is for, also in a database that does not know them; False when they are erased in it."""
        if self.is_erased(stone.employee_id):
            return False
        self._db.execute(
            "INSERT OR IGNORE INTO employees (id, name_key, profile, request, status, created_at) VALUES (?, ?, ?, ?, ?, ?)",
            (stone.employee_id, stone.name, dump(NOBODY.profile.to_json()), dump(NOBODY.to_json()), "pending", stamp()),
        )
        for address in stone.addresses:
            self._keep_address(address, stone.employee_id, stamp())
        self._db.execute("UPDATE employees SET name_key = ? WHERE id = ?", (stone.name, stone.employee_id))
        self.erase(stone.employee_id)
        return True

    def _runs(self, employee_id: str) -> None:
        self._db.execute(
            "UPDATE runs SET summary = '', finished_at = coalesce(finished_at, ?), lease_until = 0, wake_at = 0, owner = '',"
            " status = CASE WHEN status IN ('queued', 'running', 'waiting', 'held') THEN 'cancelled' ELSE status END"
            " WHERE employee_id = ?",
            (stamp(), employee_id),
        )
        keyed = "SELECT id, idempotency_key AS key FROM runs WHERE employee_id = ? AND idempotency_key IS NOT NULL"
        for row in rows(self._db, keyed, employee_id):
            hashed = self._pseudonyms.idempotency_key(row["key"])
            self._db.execute("UPDATE runs SET idempotency_key = ? WHERE id = ?", (hashed, row["id"]))

    def _tasks(self, employee_id: str) -> None:
        """Theirs, and everybody else's that name them in what was asked, or that came upon their record."""
        row = one(self._db, "SELECT profile, coalesce(address, '') AS address FROM employees WHERE id = ?", employee_id) or {}
        name = Profile.from_json(json.loads(row["profile"])).name if row else ""
        about = [word.casefold() for word in (name, row.get("address", ""), employee_id) if word]
        own = set(self.run_ids(employee_id))
        for task in rows(self._db, "SELECT run_id, task || results || answer AS text FROM tasks"):
            if task["run_id"] in own or any(word in task["text"].casefold() for word in about):
                for table in ("tasks", "events"):
                    self._db.execute(f"DELETE FROM {table} WHERE run_id = ?", (task["run_id"],))  # noqa: S608 - fixed names
                self._db.execute("UPDATE runs SET summary = '' WHERE id = ?", (task["run_id"],))
        self._db.execute(f"DELETE FROM evaluations WHERE {_OF_THEIR_RUNS}", (employee_id,))  # noqa: S608 - a fixed text

    def _effects(self, employee_id: str) -> None:
        """Keys and outcomes stay. A mail in the outbox is dropped; of what else was open nobody will know what became."""
        self._db.execute("DELETE FROM mail_html WHERE key IN (SELECT key FROM effects WHERE employee_id = ?)", (employee_id,))
        self._db.execute(
            "UPDATE effects SET pinned = '{}', handle = NULL, result = '{}', reason = '',"
            " settled_at = coalesce(settled_at, ?), state = CASE WHEN state NOT IN ('open', 'accepted') THEN state"
            " WHEN action = 'mail.send' THEN 'failed' ELSE 'unknown' END WHERE employee_id = ?",
            (stamp(), employee_id),
        )

    def _addresses(self, employee_id: str) -> None:
        """Hashes take their places. So they do for those that turned out to be strangers': they were made of names, too."""
        own = rows(self._db, "SELECT address FROM employees WHERE id = ? AND address <> ''", employee_id)
        held = "SELECT address, employee_id, reserved_at FROM addresses WHERE address NOT LIKE ? AND coalesce(employee_id, ?) = ?"
        reserved = rows(self._db, held, f"{PREFIX}%", employee_id, employee_id)
        self._db.conn.executemany("DELETE FROM addresses WHERE address = ?", [(row["address"],) for row in reserved])
        for row in [*reserved, *({**row, "employee_id": employee_id, "reserved_at": stamp()} for row in own)]:
            self._keep_address(self._pseudonyms.address(row["address"]), row["employee_id"], row["reserved_at"])

    def _keep_address(self, hashed: str, employee_id: str | None, at: str) -> None:
        self._db.execute("INSERT OR IGNORE INTO addresses VALUES (?, ?, ?)", (hashed, employee_id, at))

    def _employee(self, employee_id: str) -> None:
        row = one(self._db, "SELECT profile, name_key FROM employees WHERE id = ?", employee_id)
        assert row is not None  # noqa: S101 - employees are never removed
        self._db.execute("DELETE FROM faces WHERE employee_id = ?", (employee_id,))
        name = row["name_key"] if row["name_key"].startswith(PREFIX) else self._pseudonyms.name(row["name_key"])
        self._db.execute(
            "UPDATE employees SET name_key = ?, profile = ?, request = ?, status = ?,"
            " address = NULL, entra_id = NULL, reason = '' WHERE id = ?",
            (name, dump(NOBODY.profile.to_json()), dump(NOBODY.to_json()), _ERASED, employee_id),
        )
