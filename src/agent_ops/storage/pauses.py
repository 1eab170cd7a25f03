"""SQL of the kill switch: what is paused, by whom and why."""

from __future__ import annotations

from sqlite_utils import Database

from agent_ops.domain.effects import Proposal
from agent_ops.domain.runs import EVERYTHING, Pause
from agent_ops.storage.rows import Row, moment, one, rows, stamp


class Pauses:
    """What is paused; every method runs inside the caller's transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, scope: str, by: str, reason: str) -> None:
        """Pause a scope; a second pause of it takes the place of the first."""
        self._db.execute(
            "INSERT INTO pauses (scope, paused_by, reason, at) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
            " paused_by = excluded.paused_by, reason = excluded.reason, at = excluded.at",
            (scope, by, reason, stamp()),
        )

    def remove(self, scope: str) -> bool:
        """Whether it was paused."""
        return bool(self._db.execute("DELETE FROM pauses WHERE scope = ?", (scope,)).rowcount)

    def all(self) -> list[Pause]:
        return [_pause(row) for row in rows(self._db, "SELECT * FROM pauses ORDER BY at, scope")]

    def on(self, proposal: Proposal) -> Pause | None:
        """The pause that holds a proposal back, the widest first. What an agent's service does waits, whoever asks for it."""
        service = proposal.action.value.partition(".")[0]
        scopes = (EVERYTHING, f"agent:{proposal.agent}", f"agent:{service}", f"item:{proposal.item}")
        row = one(self._db, "SELECT * FROM pauses WHERE scope IN (?, ?, ?, ?) ORDER BY length(scope) LIMIT 1", *scopes)
        return _pause(row) if row else None


def _pause(row: Row) -> Pause:
    at = moment(row["at"])
    assert at is not None  # noqa: S101 - NOT NULL in the schema
    return Pause(row["scope"], row["paused_by"], row["reason"], at)
