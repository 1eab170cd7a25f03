"""SQL that lists employees and runs page by page, whole lists in few statements."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from sqlite_utils import Database

from agent_ops.domain.access import AccessItem, ItemStatus
from agent_ops.domain.errors import NotFound
from agent_ops.domain.facts import Facts
from agent_ops.domain.runs import Run
from agent_ops.domain.standing import Assertion, Standing, Wanted
from agent_ops.storage.facts import facts_of
from agent_ops.storage.people import employee_of
from agent_ops.storage.rows import Row, dump, moment, one, rows, stamp
from agent_ops.storage.runs import RUN_COLUMNS, run_of

_LATEST = (
    "SELECT rowid FROM runs WHERE employee_id = employees.id AND event <> 'first_sign_in' ORDER BY created_at DESC, rowid DESC"
)
_PEOPLE = (
    "SELECT * FROM employees WHERE rowid > ?1 AND status <> 'erased' AND (?2 IS NULL OR status = ?2)"
    " AND (?3 IS NULL OR json_extract(profile, '$.team') = ?3 COLLATE NOCASE) AND (?4 IS NULL OR id = ?4)"
    " ORDER BY rowid LIMIT ?5"
)
_RUNS = (
    f"SELECT {RUN_COLUMNS} FROM runs WHERE rowid < ?1 AND (?2 IS NULL OR status = ?2)"  # noqa: S608 - fixed names
    " AND (?3 IS NULL OR employee_id = ?3) ORDER BY rowid DESC LIMIT ?4"
)
_FIRST, _LAST = 0, (1 << 63) - 1


class Listing:
    """Lists and what is asserted by hand; every method runs inside the caller's transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def people(self, wanted: Wanted) -> list[Standing]:
        """Employees in the order in which they were recorded, erased ones left out.

        Raises:
            NotFound: nobody has the id that the cursor names.
        """
        after = self._place("employees", wanted.cursor, _FIRST)
        found = rows(self._db, _PEOPLE, after, wanted.status, wanted.team, wanted.employee, wanted.limit or -1)
        ids = dump([row["id"] for row in found])
        runs, items, said = self._runs_of(ids), self._items_of(ids), self._said_of(ids)
        return [_standing(row, runs.get(row["id"]), items[row["id"]], said[row["id"]]) for row in found]

    def runs(self, wanted: Wanted) -> list[Run]:
        """Runs, the newest first.

        Raises:
            NotFound: no run has the id that the cursor names.
        """
        before = self._place("runs", wanted.cursor, _LAST)
        return [run_of(row) for row in rows(self._db, _RUNS, before, wanted.status, wanted.employee, wanted.limit or -1)]

    def facts(self) -> Facts:
        """Everything in numbers."""
        return facts_of(self._db)

    def say(self, assertion: Assertion) -> None:
        """Keep what somebody asserts beside what the ledger knows."""
        self._db.execute(
            "INSERT INTO assertions (employee_id, item, status, asserted_by, reason, at) VALUES (?, ?, ?, ?, ?, ?)",
            (assertion.employee_id, assertion.item, assertion.status, assertion.by, assertion.reason, stamp(assertion.at)),
        )

    def _place(self, table: str, cursor: str | None, otherwise: int) -> int:
        if cursor is None:
            return otherwise
        row = one(self._db, f"SELECT rowid FROM {table} WHERE id = ?", cursor)  # noqa: S608 - one of two fixed names
        if row is None:
            raise NotFound(f"there is no page after {cursor!r}", "Begin the list again, without a cursor.")
        return int(row["rowid"])

    def _runs_of(self, ids: str) -> dict[str, Run]:
        """The latest run of each employee's requests."""
        names = ", ".join(f"runs.{name.strip()}" for name in RUN_COLUMNS.split(","))
        sql = (
            f"SELECT {names} FROM json_each(?) AS wanted JOIN employees ON employees.id = wanted.value"  # noqa: S608 - fixed names
            f" JOIN runs ON runs.rowid = ({_LATEST} LIMIT 1)"
        )
        return {row["employee_id"]: run_of(row) for row in rows(self._db, sql, ids)}

    def _items_of(self, ids: str) -> dict[str, list[Row]]:
        sql = "SELECT * FROM items WHERE employee_id IN (SELECT value FROM json_each(?)) ORDER BY employee_id, item"
        return _grouped(rows(self._db, sql, ids))

    def _said_of(self, ids: str) -> dict[str, list[Row]]:
        sql = (
            "SELECT * FROM assertions WHERE id IN (SELECT max(id) FROM assertions"
            " WHERE employee_id IN (SELECT value FROM json_each(?)) GROUP BY employee_id, item) ORDER BY item"
        )
        return _grouped(rows(self._db, sql, ids))


def _standing(row: Row, run: Run | None, items: list[Row], said: list[Row]) -> Standing:
    known = {item["item"]: item["updated_at"] for item in items}
    newest_run = stamp(run.created_at) if run else ""
    in_force = [one for one in said if one["at"] >= (known.get(one["item"], "") if one["item"] else newest_run)]
    held = tuple(AccessItem(r["item"], ItemStatus(r["status"]), r["reason"], r["detail"]) for r in items)
    return Standing(employee_of(row), held, run, tuple(map(_assertion, in_force)), moment(row["created_at"]))


def _assertion(row: Row) -> Assertion:
    at = moment(row["at"])
    assert at is not None  # noqa: S101 - NOT NULL in the schema
    return Assertion(row["employee_id"], row["item"], row["status"], row["asserted_by"], row["reason"], at)


def _grouped(found: Iterable[Row]) -> dict[str, list[Row]]:
    grouped: dict[str, list[Row]] = defaultdict(list)
    for row in found:
        grouped[row["employee_id"]].append(row)
    return grouped
