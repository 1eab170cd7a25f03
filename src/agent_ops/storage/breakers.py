"""SQL of the breakers: which tripped, whom they hold, who closed them."""

from __future__ import annotations

import json
from datetime import datetime

from sqlite_utils import Database

from agent_ops.domain.limits import EVERYBODY, Breaker, BreakerKind
from agent_ops.storage.rows import Row, dump, moment, one, rows, stamp


class Breakers:
    """Every breaker that ever tripped; every method runs inside the caller's transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def trip(self, kind: BreakerKind, holds: str, tripped_by: tuple[str, ...], run_id: str, reason: str) -> Breaker:
        """Record a new open breaker; there is at most one of a kind for those whom it holds (sqlite3.IntegrityError)."""
        cursor = self._db.execute(
            "INSERT INTO breakers (kind, holds, tripped_by, run_id, reason, at) VALUES (?, ?, ?, ?, ?, ?)",
            (kind.value, holds, dump(tripped_by), run_id, reason, stamp()),
        )
        breaker = self.get(int(cursor.lastrowid or 0))
        assert breaker is not None  # noqa: S101 - inserted above
        return breaker

    def get(self, breaker_id: int) -> Breaker | None:
        row = one(self._db, "SELECT * FROM breakers WHERE id = ?", breaker_id)
        return _breaker(row) if row else None

    def all(self) -> list[Breaker]:
        """The oldest first."""
        return [_breaker(row) for row in rows(self._db, "SELECT * FROM breakers ORDER BY id")]

    def on(self, caller: str) -> Breaker | None:
        """The open breaker that holds a caller's runs, the widest first."""
        sql = "SELECT * FROM breakers WHERE closed_at IS NULL AND holds IN (?, ?) ORDER BY length(holds), id LIMIT 1"
        row = one(self._db, sql, EVERYBODY, caller)
        return _breaker(row) if row else None

    def is_open(self, kind: BreakerKind, holds: str) -> bool:
        sql = "SELECT 1 FROM breakers WHERE closed_at IS NULL AND kind = ? AND holds = ?"
        return one(self._db, sql, kind.value, holds) is not None

    def last_closed(self, kind: BreakerKind, holds: str) -> datetime | None:
        """When a person last accepted what had tripped such a breaker: what was before then does not count again."""
        row = one(self._db, "SELECT max(closed_at) AS at FROM breakers WHERE kind = ? AND holds = ?", kind.value, holds)
        return moment(row["at"]) if row else None

    def close(self, breaker_id: int, by: str) -> bool:
        """Whether it was open."""
        closed = self._db.execute(
            "UPDATE breakers SET closed_by = ?, closed_at = ? WHERE id = ? AND closed_at IS NULL", (by, stamp(), breaker_id)
        )
        return bool(closed.rowcount)


def _breaker(row: Row) -> Breaker:
    at = moment(row["at"])
    assert at is not None  # noqa: S101 - NOT NULL in the schema
    return Breaker(
        row["id"],
        BreakerKind(row["kind"]),
        row["holds"],
        tuple(json.loads(row["tripped_by"])),
        row["run_id"],
        row["reason"],
        at,
        row["closed_by"],
        moment(row["closed_at"]),
    )
