"""What the twins remember and what was asked of them: one SQLite file, readable by a judge while they run and afterwards."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

Document = dict[str, Any]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS documents (
    twin TEXT, kind TEXT, id TEXT, body TEXT, PRIMARY KEY (twin, kind, id)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS calls (
    id INTEGER PRIMARY KEY, at REAL, twin TEXT, method TEXT, path TEXT, status INTEGER, effect TEXT, detail TEXT);
CREATE INDEX IF NOT EXISTS calls_by_effect ON calls (twin, effect);
"""


@dataclass(frozen=True)
class Call:
    """One request that reached a twin.

    ``status`` is the answer's HTTP or SMTP status, 0 when the connection was dropped. ``effect`` names a change of the
    twin's world that the call made (``entra.create``, ``jenkins.build``, ``mail``), empty for reads and refusals, and
    ``detail`` says what was changed. A judge counts effects, never statuses.
    """

    twin: str
    method: str
    path: str
    status: int
    effect: str = ""
    detail: Document = field(default_factory=dict)
    at: float = 0.0


class Records:
    """The twins' state and their call log.

    Writes are not fsynced: the sandbox outlives the program under test, and a machine that loses power loses the test.
    Safe to use from several threads.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._conn = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=10)
        self._conn.execute("PRAGMA journal_mode=WAL")
        self._conn.execute("PRAGMA synchronous=OFF")
        self._conn.executescript(_SCHEMA)

    def close(self) -> None:
        with self._lock:
            self._conn.close()

    def put(self, twin: str, kind: str, doc_id: str, body: Document) -> None:
        """Store a document, replacing an older version."""
        with self._lock:
            self._conn.execute("INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?)", (twin, kind, doc_id, json.dumps(body)))

    def delete(self, twin: str, kind: str, doc_id: str) -> None:
        with self._lock:
            self._conn.execute("DELETE FROM documents WHERE twin = ? AND kind = ? AND id = ?", (twin, kind, doc_id))

    def all(self, twin: str, kind: str) -> dict[str, Document]:
        """Every document of one kind by its id, in the order of the ids."""
        with self._lock:
            rows = self._conn.execute("SELECT id, body FROM documents WHERE twin = ? AND kind = ?", (twin, kind)).fetchall()
        return {row[0]: json.loads(row[1]) for row in rows}

    def since(self, twin: str, kind: str, first: str, last: str) -> dict[str, Document]:
        """The documents of one kind from one id to another, both included, in the order of the ids."""
        sql = "SELECT id, body FROM documents WHERE twin = ? AND kind = ? AND id BETWEEN ? AND ? ORDER BY id"
        with self._lock:
            rows = self._conn.execute(sql, (twin, kind, first, last)).fetchall()
        return {row[0]: json.loads(row[1]) for row in rows}

    def record(self, call: Call) -> None:
        values = {**asdict(call), "detail": json.dumps(call.detail), "at": call.at or time.time()}
        with self._lock:
            self._conn.execute(
                "INSERT INTO calls (at, twin, method, path, status, effect, detail)"
                " VALUES (:at, :twin, :method, :path, :status, :effect, :detail)",
                values,
            )

    def calls(self, twin: str | None = None, *, effects_only: bool = False) -> Iterator[Call]:
        """The call log in the order of arrival, of one twin or of all."""
        with self._lock:
            rows = self._conn.execute(
                "SELECT twin, method, path, status, effect, detail, at FROM calls"
                " WHERE (?1 IS NULL OR twin = ?1) AND (?2 = 0 OR effect <> '') ORDER BY id",
                (twin, int(effects_only)),
            ).fetchall()
        for row in rows:
            yield Call(row[0], row[1], row[2], row[3], row[4], json.loads(row[5]), row[6])
