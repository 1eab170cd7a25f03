"""SQL of what limits count: which runs a caller queued and when, and until when runs wait for room. Times are Unix seconds."""

from __future__ import annotations

from sqlite_utils import Database

from agent_ops.storage.rows import one, rows


class Admissions:
    """One row per run; every method runs inside the caller's transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, run_id: str, caller: str, at: float) -> None:
        """A caller queued a run."""
        self._db.execute("INSERT INTO admissions (run_id, caller, at) VALUES (?, ?, ?)", (run_id, caller, at))

    def count(self, caller: str, since: float) -> int:
        """How many runs the caller queued after then."""
        row = one(self._db, "SELECT count(*) AS n FROM admissions WHERE caller = ? AND at > ?", caller, since)
        return int(row["n"]) if row else 0

    def caller_of(self, run_id: str) -> str:
        """Who queued the run; empty for a run that is older than this table."""
        row = one(self._db, "SELECT caller FROM admissions WHERE run_id = ?", run_id)
        return str(row["caller"]) if row else ""

    def wait(self, run_id: str, until: float) -> None:
        """The run waits for room until then."""
        self._db.execute("UPDATE admissions SET waits_until = ? WHERE run_id = ?", (until, run_id))

    def waiting(self, run_id: str, now: float, caller: str | None = None) -> list[float]:
        """Until when other runs wait for room, of one caller or of all; in order."""
        found = rows(
            self._db,
            "SELECT waits_until FROM admissions WHERE waits_until > ?1 AND run_id <> ?2 AND (?3 IS NULL OR caller = ?3)"
            " ORDER BY waits_until",
            now,
            run_id,
            caller,
        )
        return [float(row["waits_until"]) for row in found]
