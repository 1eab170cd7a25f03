"""SQL about webhooks. The events are the outbox: what was committed with a run's change is what is told of it.

A cursor for each receiver says how far its messages were made. Messages are made, and the cursor moved, in one transaction;
from then on each message has a fate of its own.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable

from sqlite_utils import Database

from agent_ops.domain.webhooks import Message, Outcome, body_of, kind_of
from agent_ops.storage.rows import one, rows
from agent_ops.storage.runs import EVENTS, event_of

MAX_AGE_SECONDS = 3 * 86_400.0
"""An event that is older makes no message: a receiver that comes back after long is not told of everything."""
_COUNT = "INSERT INTO webhook_deliveries VALUES (?, 1) ON CONFLICT (outcome) DO UPDATE SET count = count + 1"
_TOLD = f"{EVENTS} WHERE events.id > ? AND kind IN ('run', 'status') ORDER BY events.id LIMIT ?"


class Webhooks:
    """What receivers are still to be told; every method runs inside the caller's transaction. Times are Unix seconds."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def begin(self, receivers: Iterable[str], last_event: int) -> None:
        """Tell receivers that are new of everything from now on."""
        for key in receivers:
            self._db.execute("INSERT OR IGNORE INTO webhook_cursors (receiver, event_id) VALUES (?, ?)", (key, last_event))

    def any_due(self, receiver: str, now: float) -> bool:
        """Whether there is something to send, or something to make messages of."""
        sql = (
            "SELECT EXISTS (SELECT 1 FROM webhook_messages WHERE receiver = ?1 AND due_at <= ?2) OR EXISTS (SELECT 1 FROM events"
            " WHERE id > (SELECT event_id FROM webhook_cursors WHERE receiver = ?1)) AS due"
        )
        row = one(self._db, sql, receiver, now)
        return bool(row and row["due"])

    def make(self, receiver: str, limit: int) -> None:
        """Make messages of the next events, and move the cursor beyond them."""
        (cursor,) = rows(self._db, "SELECT event_id FROM webhook_cursors WHERE receiver = ?", receiver)
        events = [event_of(row) for row in rows(self._db, _TOLD, cursor["event_id"], limit)]
        oldest, now = time.time() - MAX_AGE_SECONDS, time.time()
        made = [
            (f"msg_{uuid.uuid4().hex}", receiver, body_of(event), now)
            for event in events
            if kind_of(event) and event.at.timestamp() >= oldest
        ]
        self._db.conn.executemany("INSERT INTO webhook_messages (id, receiver, body, due_at) VALUES (?, ?, ?, ?)", made)
        last = "SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'events'), 0) AS id"
        beyond = events[-1].id if len(events) == limit else rows(self._db, last)[0]["id"]
        self._db.execute("UPDATE webhook_cursors SET event_id = ? WHERE receiver = ?", (beyond, receiver))

    def claim(self, receiver: str, now: float, until: float, limit: int) -> list[Message]:
        """Take the messages that are due for this process; a process that dies keeps nobody from them beyond ``until``."""
        sql = "SELECT id, body, tries FROM webhook_messages WHERE receiver = ? AND due_at <= ? ORDER BY due_at, rowid LIMIT ?"
        found = rows(self._db, sql, receiver, now, limit)
        taken = [(until, row["id"]) for row in found]
        self._db.conn.executemany("UPDATE webhook_messages SET due_at = ?, tries = tries + 1 WHERE id = ?", taken)
        return [Message(row["id"], row["body"], row["tries"]) for row in found]

    def settle(self, message_id: str, outcome: Outcome, due_at: float) -> None:
        """Count how a try ended. A message that was not taken is tried again, not before ``due_at``, or is given up."""
        if outcome is Outcome.FAILED:
            self._db.execute("UPDATE webhook_messages SET due_at = ? WHERE id = ?", (due_at, message_id))
        else:
            self._db.execute("DELETE FROM webhook_messages WHERE id = ?", (message_id,))
        self._db.execute(_COUNT, (outcome.value,))
