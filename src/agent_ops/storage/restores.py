"""SQL about restores from a backup, and what begins anew then."""

from __future__ import annotations

from datetime import datetime

from sqlite_utils import Database

from agent_ops.storage.rows import moment, one, stamp


class Restores:
    """Restores of this database; every method runs inside the caller's transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def add(self, backup_of: datetime) -> None:
        """The database is as it was then; nobody drives a run any more."""
        self._db.execute("INSERT INTO restores (backup_of, at) VALUES (?, ?)", (stamp(backup_of), stamp()))
        self._db.execute("UPDATE runs SET lease_until = 0, owner = ''")

    def look_back(self) -> datetime | None:
        """The oldest time that a restore went back to; None for a database that was never restored."""
        row = one(self._db, "SELECT min(backup_of) AS backup_of FROM restores")
        return moment(row["backup_of"]) if row else None

    def last_known(self) -> datetime | None:
        """When the newest row of the audit was written; None for an empty one."""
        row = one(self._db, "SELECT max(at) AS at FROM audit")
        return moment(row["at"]) if row else None
