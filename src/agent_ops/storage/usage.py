"""SQL about what chat models were used for, by run and by day (UTC)."""

from __future__ import annotations

from datetime import date

from sqlite_utils import Database

from agent_ops.domain.usage import Usage
from agent_ops.storage.rows import Row, one

_SUM = "model_calls = model_calls + ?, tokens_in = tokens_in + ?, tokens_out = tokens_out + ?, cost = cost + ?"
_COLUMNS = "model_calls, tokens_in, tokens_out, cost"


class ModelUse:
    """Model calls, tokens and their price; every method runs inside the caller's transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, run_id: str, day: date, used: Usage) -> None:
        """Count one call for its run and its day."""
        values = (used.calls, used.tokens_in, used.tokens_out, used.cost)
        self._db.execute(f"UPDATE runs SET {_SUM} WHERE id = ?", (*values, run_id))  # noqa: S608 - a fixed text
        self._db.execute("INSERT OR IGNORE INTO model_days (day) VALUES (?)", (day.isoformat(),))
        self._db.execute(f"UPDATE model_days SET {_SUM} WHERE day = ?", (*values, day.isoformat()))  # noqa: S608 - a fixed text

    def of_run(self, run_id: str) -> Usage:
        return _usage(one(self._db, f"SELECT {_COLUMNS} FROM runs WHERE id = ?", run_id))  # noqa: S608 - a fixed text

    def of_day(self, day: date) -> Usage:
        return _usage(one(self._db, f"SELECT {_COLUMNS} FROM model_days WHERE day = ?", day.isoformat()))  # noqa: S608 - fixed


def _usage(row: Row | None) -> Usage:
    return Usage(row["model_calls"], row["tokens_in"], row["tokens_out"], row["cost"]) if row else Usage()
