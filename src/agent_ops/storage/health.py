"""The state of a database file, found out without changing it."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from sqlite_utils import Database

from agent_ops.domain.errors import StorageCorrupt
from agent_ops.storage.migrations import migrations


@dataclass(frozen=True)
class Health:
    """Schema steps that are ``applied``, those ``pending`` until the next run, those of a later program (``unknown``), and
    SQLite's own list of ``damage``, empty when all is well."""

    applied: int
    pending: int
    unknown: int
    damage: tuple[str, ...]


def health_of(path: Path) -> Health:
    """Look at a database: https://sqlite.org/pragma.html#pragma_quick_check

    Raises:
        StorageCorrupt: it cannot be read, or is no database.
    """
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=5)
        try:
            return _health(connection)
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        raise StorageCorrupt(f"the database {path} cannot be read: {error}") from error


def _health(connection: sqlite3.Connection) -> Health:
    damage = tuple(str(row[0]) for row in connection.execute("PRAGMA quick_check(5)") if row[0] != "ok")
    applied = {step.name for step in migrations.applied(Database(connection, execute_plugins=False))}
    known = {step.name for step in migrations.pending(Database(memory=True, execute_plugins=False))}
    return Health(len(applied & known), len(known - applied), len(applied - known), damage)
