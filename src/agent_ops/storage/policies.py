"""SQL of the entitlement policies as they were: each version once, for good."""

from __future__ import annotations

from sqlite_utils import Database

from agent_ops.storage.rows import one, stamp


class Policies:
    """Policy texts by version; every method runs inside the caller's transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def keep(self, version: str, text: str) -> None:
        """Keep a version's text, unless it is kept already or there is none."""
        if text:
            self._db.execute("INSERT OR IGNORE INTO policies (version, text, at) VALUES (?, ?, ?)", (version, text, stamp()))

    def text(self, version: str) -> str | None:
        """A version's text; None for one of before texts were kept."""
        found = one(self._db, "SELECT text FROM policies WHERE version = ?", version)
        return str(found["text"]) if found else None
