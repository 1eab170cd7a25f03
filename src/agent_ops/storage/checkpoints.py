"""The saver of checkpoints, at one errand to the connection's thread for each call instead of three to five."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiosqlite
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    get_checkpoint_metadata,
)
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

_CHECKPOINT = (
    "INSERT OR REPLACE INTO checkpoints"
    " (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata) VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_WRITES = (
    "INSERT OR {} INTO writes (thread_id, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type, value) VALUES {}"
)
_ROW = "(?, ?, ?, ?, ?, ?, ?, ?, ?)"
_ROWS_AT_ONCE = 100  # SQLite before 3.32 takes 999 values


class Checkpoints(AsyncSqliteSaver):
    """LangGraph's saver: the same tables, the same rows.

    The original opens a cursor, executes, commits and closes, each by a message to a thread and back, which took a tenth of an
    onboarding's processor time. Here the connection commits by itself and each call is one statement, so that there is nothing
    to open, to commit, to close or to lock, and a cancelled call leaves no transaction behind.
    """

    @classmethod
    @asynccontextmanager
    async def from_conn_string(cls, conn_string: str) -> AsyncIterator[Checkpoints]:
        async with aiosqlite.connect(conn_string, isolation_level=None) as conn:
            yield cls(conn)

    async def aput(
        self, config: RunnableConfig, checkpoint: Checkpoint, metadata: CheckpointMetadata, new_versions: ChannelVersions
    ) -> RunnableConfig:
        place = config["configurable"]
        thread, namespace = place["thread_id"], place["checkpoint_ns"]
        about = json.dumps(get_checkpoint_metadata(config, metadata), ensure_ascii=False).encode("utf-8", "ignore")
        row = (str(thread), namespace, checkpoint["id"], place.get("checkpoint_id"), *self.serde.dumps_typed(checkpoint), about)
        await self.conn.execute_fetchall(_CHECKPOINT, row)
        return {"configurable": {"thread_id": thread, "checkpoint_ns": namespace, "checkpoint_id": checkpoint["id"]}}

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        place = config["configurable"]
        names = (str(place["thread_id"]), str(place["checkpoint_ns"]), str(place["checkpoint_id"]), task_id, task_path)
        rows = [
            (*names, WRITES_IDX_MAP.get(channel, index), channel, *self.serde.dumps_typed(value))
            for index, (channel, value) in enumerate(writes)
        ]
        again = "REPLACE" if all(channel in WRITES_IDX_MAP for channel, _ in writes) else "IGNORE"
        for start in range(0, len(rows), _ROWS_AT_ONCE):
            some = rows[start : start + _ROWS_AT_ONCE]
            statement = _WRITES.format(again, ", ".join([_ROW] * len(some)))
            await self.conn.execute_fetchall(statement, [value for row in some for value in row])

    async def adelete_thread(self, thread_id: str) -> None:
        for table in ("writes", "checkpoints"):
            await self.conn.execute_fetchall(f"DELETE FROM {table} WHERE thread_id = ?", (str(thread_id),))  # noqa: S608 - two names
