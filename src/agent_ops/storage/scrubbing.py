"""Removing bytes, not rows only: SQLite leaves what was deleted or moved in free pages, in gaps of pages and in its log.

Measured: with ``PRAGMA secure_delete`` alone, tens to hundreds of removed texts were left in a database of a busy day, in the
gaps from which rows had moved to other pages. VACUUM writes every page anew; in WAL mode others read and write meanwhile, or
wait no longer than that takes. https://www.sqlite.org/lang_vacuum.html, https://www.sqlite.org/wal.html
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from agent_ops.domain.errors import StorageBusy

_TABLES = ("checkpoints", "writes")
"""Where LangGraph keeps what it knows of a thread: https://reference.langchain.com/python/langgraph.checkpoint.sqlite"""
_TRIGGER = """
    CREATE TRIGGER IF NOT EXISTS no_{table}_of_the_erased BEFORE INSERT ON {table}
    WHEN EXISTS (SELECT 1 FROM erased_threads WHERE thread_id = NEW.thread_id) BEGIN SELECT RAISE(IGNORE); END"""


def scrub(connection: sqlite3.Connection) -> None:
    """Write a database anew and empty its log.

    Raises:
        StorageBusy: somebody reads an older state for longer than the connection waits. sqlite3.Error: as SQLite says.
    """
    connection.execute("VACUUM")
    busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise StorageBusy("the database's log is in use: bytes of what was removed may be in it", "Give the command again.")


def erase_threads(path: Path, thread_ids: Iterable[str], busy_timeout: float) -> None:
    """Remove threads from a file of checkpoints, bytes and all; whoever still drives one writes into nothing from now on.

    Raises:
        StorageBusy: as :func:`scrub`. sqlite3.Error: as SQLite says.
    """
    with contextlib.closing(sqlite3.connect(path, timeout=busy_timeout, isolation_level=None)) as connection:
        there = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        tables = [table for table in _TABLES if table in there]
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("CREATE TABLE IF NOT EXISTS erased_threads (thread_id TEXT PRIMARY KEY) WITHOUT ROWID")
        for table in tables:
            connection.execute(_TRIGGER.format(table=table))
        for thread_id in thread_ids:
            connection.execute("INSERT OR IGNORE INTO erased_threads VALUES (?)", (thread_id,))
            for table in tables:
                connection.execute(f"DELETE FROM {table} WHERE thread_id = ?", (thread_id,))  # noqa: S608 - a name of ours
        connection.execute("COMMIT")
        scrub(connection)
