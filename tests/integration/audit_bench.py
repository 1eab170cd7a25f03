"""A chain that was written by the program, and an attacker who holds the database file but no key."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

from agent_ops.domain.chain import Verification
from agent_ops.runtime.auditing import Auditor
from agent_ops.runtime.data_dir import open_store
from agent_ops.storage import Tx

EMPLOYEE = "a947de3404f3c9ae6f238988fe251727"
RUN = "65743bb5-1866-4a4a-abd8-0538a396a6c4"
KINDS = ("intent", "succeeded", "decision", "denied")


def append(tx: Tx, number: int) -> None:
    tx.logs.audit(KINDS[number % len(KINDS)], RUN, EMPLOYEE, "jenkins.run_pipeline", "github", f"attempt {number}")


async def write_chain(data_dir: Path, length: int, first: int = 0) -> None:
    """So many rows, a transaction each."""
    async with open_store(data_dir) as (store, _):
        for number in range(first, first + length):
            await store.transaction(lambda tx, number=number: append(tx, number))  # type: ignore[misc]


async def verified(data_dir: Path, head: Path | None = None) -> Verification:
    async with Auditor.of(data_dir, head=head) as auditor:
        return await auditor.verify()


def verified_now(data_dir: Path) -> Verification:
    return asyncio.run(verified(data_dir))


class Attacker:
    """Whoever can write the file: takes the triggers away, does anything, and leaves no other trace."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "operations.db"

    def __enter__(self) -> sqlite3.Connection:
        self._conn = sqlite3.connect(self._path, isolation_level=None)
        self._triggers = self._conn.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in self._triggers:
            self._conn.execute(f"DROP TRIGGER {name}")
        return self._conn

    def __exit__(self, *_: object) -> None:
        for _, sql in self._triggers:
            self._conn.execute(sql)
        self._conn.execute("UPDATE sqlite_sequence SET seq = (SELECT coalesce(max(id), 0) FROM audit) WHERE name = 'audit'")
        self._conn.close()
