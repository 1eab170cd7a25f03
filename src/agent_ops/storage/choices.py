"""SQL about choices: what was asked, suggested, given unasked, declined and changed. Only erasing takes lines away."""

from __future__ import annotations

from sqlite_utils import Database

from agent_ops.domain.recommendation import Choice
from agent_ops.storage.rows import one, rows, stamp

_COLUMNS = "employee_id, run_id, item, kind, requester, said, at, until, team"


class Choices:
    """The history of recommendations; every method runs inside the caller's transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, choice: Choice) -> None:
        """Append a line; one about an erased person is dropped."""
        at = choice.at or stamp()
        values = (
            choice.employee_id,
            choice.run_id,
            choice.item,
            choice.kind,
            choice.by,
            choice.said,
            at,
            choice.until,
            choice.team,
        )
        self._db.execute(f"INSERT INTO choices ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)  # noqa: S608 - fixed names

    def of(
        self, employee_id: str | None = None, team: str | None = None, requester: str | None = None, limit: int = -1
    ) -> list[Choice]:
        """The lines, the newest first: of an employee, a team (as the policy writes it) or a requester; all of them without."""
        given = {"employee_id = ?": employee_id, "team = ? COLLATE NOCASE": team, "requester = ?": requester}
        conditions = {condition: value for condition, value in given.items() if value is not None}
        where = f"WHERE {' AND '.join(conditions)} " if conditions else ""  # "or none was given" would scan the table
        sql = f"SELECT {_COLUMNS} FROM choices {where}ORDER BY id DESC LIMIT ?"  # noqa: S608 - fixed texts
        return [
            Choice(r["employee_id"], r["run_id"], r["item"], r["kind"], r["requester"], r["said"], r["at"], r["until"], r["team"])
            for r in rows(self._db, sql, *conditions.values(), limit)
        ]

    def declined(self, employee_id: str) -> frozenset[str]:
        """The items that the employee is not to be recommended again."""
        sql = "SELECT DISTINCT item FROM choices WHERE employee_id = ? AND kind = 'declined'"
        return frozenset(row["item"] for row in rows(self._db, sql, employee_id))

    def declined_in(self, team: str) -> dict[str, int]:
        """For how many of a team's people each item was declined."""
        sql = "SELECT item, count(DISTINCT employee_id) AS n FROM choices WHERE team = ? AND kind = 'declined' GROUP BY item"
        return {row["item"]: int(row["n"]) for row in rows(self._db, sql, team)}

    def given(self, employee_id: str) -> frozenset[str]:
        """The items that the employee was given unasked, and that nobody declined since."""
        sql = "SELECT DISTINCT item FROM choices WHERE employee_id = ? AND kind = 'auto'"
        return frozenset(row["item"] for row in rows(self._db, sql, employee_id)) - self.declined(employee_id)

    def until(self, employee_id: str, item: str) -> str:
        """The last day, YYYY-MM-DD, of what was given unasked; empty when it was asked for."""
        sql = "SELECT until FROM choices WHERE employee_id = ? AND item = ? AND kind = 'auto' ORDER BY id DESC"
        row = one(self._db, sql, employee_id, item)
        return str(row["until"]) if row else ""
