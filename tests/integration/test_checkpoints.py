"""The file of checkpoints: a process that leaves keeps nobody else from writing it."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from pathlib import Path

from langgraph.checkpoint.base import ERROR, INTERRUPT, empty_checkpoint
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from agent_ops.runtime.compose import open_checkpoints
from agent_ops.storage.checkpoints import Checkpoints

WRITE = {"configurable": {"thread_id": "t", "checkpoint_ns": "", "checkpoint_id": "c"}}


async def test_leaving_amid_a_write_leaves_the_file_unlocked(tmp_path: Path) -> None:
    path = tmp_path / "checkpoints.db"
    async with open_checkpoints(path) as saver:
        writing = asyncio.create_task(saver.aput_writes(WRITE, [("channel", "value")], "task"))
        await asyncio.sleep(0)  # it has been sent to the connection's thread
    with contextlib.closing(sqlite3.connect(path, timeout=0)) as other:
        other.execute("INSERT INTO writes (thread_id, checkpoint_id, task_id, idx, channel) VALUES ('u', 'd', 't', 0, 'c')")
        other.commit()
        assert other.execute("SELECT count(*) FROM writes").fetchone() == (2,), "the write was lost or cut"
    await writing


async def test_the_saver_writes_the_rows_of_langgraphs_own(tmp_path: Path) -> None:
    """The same calls leave the same rows, and either reads what the other wrote."""
    written = []
    for name, kind in (("ours.db", Checkpoints), ("theirs.db", AsyncSqliteSaver)):
        async with kind.from_conn_string(str(tmp_path / name)) as saver:
            await saver.setup()
            start = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
            first = await saver.aput(start, {**empty_checkpoint(), "id": "1", "ts": "t"}, {"step": 0, "source": "loop"}, {})
            await saver.aput_writes(first, [("a", 1), ("b", ["x"] * 300)], "task", "~path")
            await saver.aput_writes(first, [("a", 2)], "task")  # written already: stays
            await saver.aput_writes(first, [(ERROR, "one"), (INTERRUPT, "two")], "task")
            await saver.aput_writes(first, [(ERROR, "other")], "task")  # a task's error is replaced
            await saver.aput_writes(first, [(f"c{n}", n) for n in range(250)], "many")
            await saver.aput_writes(first, [], "none")
            await saver.aput(first, {**empty_checkpoint(), "id": "2", "ts": "t"}, {"step": 1}, {})
            await saver.aput({"configurable": {"thread_id": "u", "checkpoint_ns": ""}}, empty_checkpoint(), {}, {})
            await saver.adelete_thread("u")
        with contextlib.closing(sqlite3.connect(tmp_path / name)) as database:
            written.append({table: database.execute(f"SELECT * FROM {table}").fetchall() for table in ("checkpoints", "writes")})
    ours, theirs = written
    assert len(ours["writes"]) == 254 and [row[2] for row in ours["checkpoints"]] == ["1", "2"]
    assert sorted(ours["writes"]) == sorted(theirs["writes"])
    assert ours["checkpoints"] == theirs["checkpoints"]
    async with AsyncSqliteSaver.from_conn_string(str(tmp_path / "ours.db")) as saver:
        found = await saver.aget_tuple(first)
    assert found is not None and ("task", "b", ["x"] * 300) in (found.pending_writes or [])
