"""What our records cost by SQLite alone: the statements of ordinary onboardings are written down, then played again by sqlite3.

No thread, no loop and no line of ours is in what is timed: only the statements in their order, with their parameters, commits
and rows, over a copy of the database as it was before. Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

WARM = 3
PRAGMAS = ("PRAGMA foreign_keys=ON", "PRAGMA synchronous=FULL")
_connect = sqlite3.connect


class Statement(NamedTuple):
    """What was said to which connection, by which of its methods."""

    connection: int
    method: str
    arguments: tuple[Any, ...]


class Listening(sqlite3.Connection):
    """A connection that writes down what it is told."""

    heard: list[Statement]
    number: int

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        self.heard.append(Statement(self.number, "execute", arguments))
        return super().execute(*arguments)

    def executemany(self, *arguments: Any) -> sqlite3.Cursor:
        sql, rows = arguments
        kept = list(rows)
        self.heard.append(Statement(self.number, "executemany", (sql, kept)))
        return super().executemany(sql, kept)

    def cursor(self, *_: Any) -> sqlite3.Cursor:
        raise AssertionError("a cursor would not be heard")

    def commit(self) -> None:
        self.heard.append(Statement(self.number, "commit", ()))
        super().commit()

    def rollback(self) -> None:
        self.heard.append(Statement(self.number, "rollback", ()))
        super().rollback()


def listen(heard: list[Statement]) -> None:
    """From now on each connection to an operations database is heard."""
    opened = 0

    def connect(database: Any, **how: Any) -> sqlite3.Connection:
        nonlocal opened
        if Path(str(database)).name != "operations.db":
            return _connect(database, **how)
        connection = _connect(database, factory=Listening, **how)
        connection.heard, connection.number = heard, opened
        opened += 1
        return connection

    sqlite3.connect = connect  # type: ignore[assignment]


async def record(runs: int, heard: list[Statement], before: Path) -> Path:
    """Let some onboardings run, then keep the database as it is, then listen to the others."""
    import peer_x_ours as ours  # noqa: PLC0415 - it reads EFFECT_LOG when it is imported
    import services  # noqa: PLC0415

    await ours.setup()
    for number in range(WARM):
        await ours.onboard(services.profile(10_000_000 + number))
    database = Path(os.environ["EFFECT_LOG"]).parent / "agent-ops" / "operations.db"
    with contextlib.closing(_connect(database)) as source, contextlib.closing(_connect(before)) as copy:
        source.backup(copy)
    heard.clear()
    for number in range(runs):
        await ours.onboard(services.profile(number))
    return database


def replay(heard: list[Statement], database: Path) -> float:
    """Seconds of processor time for all of it."""
    with contextlib.closing(_connect(database, isolation_level=None)) as first:
        first.execute("PRAGMA journal_mode=WAL")
    numbers = sorted({one.connection for one in heard})
    with contextlib.ExitStack() as stack:
        connections = {n: stack.enter_context(contextlib.closing(_connect(database, isolation_level=None))) for n in numbers}
        for connection in connections.values():
            for pragma in PRAGMAS:
                connection.execute(pragma)
        calls = [(getattr(connections[one.connection], one.method), one.arguments) for one in heard]
        began = time.process_time()
        for call, arguments in calls:
            if (cursor := call(*arguments)) is not None:
                cursor.fetchall()
        return time.process_time() - began


def contents(database: Path) -> list[tuple[str, int]]:
    """How many rows each table has."""
    with contextlib.closing(_connect(database)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        return [(name, connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0]) for name in tables]


async def main() -> None:
    """Record, replay over copies, compare, tell."""
    command = argparse.ArgumentParser(description=__doc__)
    command.add_argument("--runs", type=int, default=40)
    runs = command.parse_args().runs
    heard: list[Statement] = []
    listen(heard)
    place = Path(os.environ["EFFECT_LOG"]).parent
    before, again = place / "before.db", place / "again.db"
    database = await record(runs, heard, before)
    told = list(heard)
    shutil.copyfile(before, again)
    seconds = replay(told, again)
    if contents(again) != contents(database):
        raise AssertionError("played again it did not become the same database")
    commits = sum(one.method == "commit" or one.arguments[:1] == ("COMMIT",) for one in told)
    print(json.dumps({"cpu_ms": 1000 * seconds / runs, "statements": len(told) / runs, "commits": commits / runs}))
    sys.stdout.flush()
    os._exit(0)


asyncio.run(main())
