"""The file of checkpoints: a process that leaves keeps nobody else from writing it."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from pathlib import Path

from agent_ops.runtime.compose import open_checkpoints

WRITE = {"configurable": {"thread_id": "t", "checkpoint_ns": "", "checkpoint_id": "c"}}


async def test_leaving_amid_a_write_leaves_the_file_unlocked(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints.db"
    async with open_checkpoints(path) as saver:
        writing = asyncio.create_task(saver.aput_writes(WRITE, [("channel", "value")], "task"))
        while not saver.conn.in_transaction:
            await asyncio.sleep(0)
    with contextlib.closing(sqlite3.connect(path, timeout=0)) as other:  # ``writing`` still holds its cursor
        other.execute("INSERT INTO writes (thread_id, checkpoint_id, task_id, idx, channel) VALUES ('u', 'd', 't', 0, 'c')")
        other.commit()
        assert other.execute("SELECT count(*) FROM writes").fetchone() == (2,), "the write was lost or cut"
    await writing
