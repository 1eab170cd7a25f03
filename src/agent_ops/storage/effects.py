"""SQL of the ledger: one row per effect key."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from agent_ops.domain.effects import Action, EffectState, Intent, Proposal
from agent_ops.storage.rows import Row, dump, moment, one, rows, stamp


class Effects:
    """The journal of effects; every method runs inside the caller's transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def get(self, key: str) -> Intent | None:
        row = one(self._db, "SELECT * FROM effects WHERE key = ?", key)
        return _intent(row) if row else None

    def of_employee(self, employee_id: str) -> list[Intent]:
        return [
            _intent(row)
            for row in rows(self._db, "SELECT * FROM effects WHERE employee_id = ? ORDER BY opened_at, key", employee_id)
        ]

    def open(self, intent: Intent) -> None:
        """Write a new intent. The primary key makes a second one with the same key impossible."""
        self._db.execute(
            "INSERT INTO effects"
            " (key, run_id, employee_id, agent, action, item, attempt, state, pinned, owner, lands_by, opened_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                intent.key,
                intent.run_id,
                intent.employee_id,
                intent.proposal.agent,
                intent.proposal.action.value,
                intent.proposal.item,
                intent.attempt,
                EffectState.OPEN.value,
                dump(intent.pinned),
                intent.owner,
                stamp(intent.lands_by),
                stamp(intent.opened_at),
            ),
        )

    def take_over(self, intent: Intent, owner: str) -> bool:
        """Make an open intent ours, unless another process was quicker."""
        cursor = self._db.execute("UPDATE effects SET owner = ? WHERE key = ? AND owner = ?", (owner, intent.key, intent.owner))
        return bool(cursor.rowcount == 1)

    def sending(self, key: str, lands_by: datetime) -> None:
        """A call is about to leave: it can have an effect until then."""
        self._db.execute("UPDATE effects SET lands_by = ? WHERE key = ?", (stamp(lands_by), key))

    def repin(self, key: str, pinned: dict[str, Any]) -> None:
        self._db.execute("UPDATE effects SET pinned = ? WHERE key = ?", (dump(pinned), key))

    def accept(self, key: str, handle: dict[str, Any]) -> None:
        self._db.execute(
            "UPDATE effects SET state = ?, handle = ? WHERE key = ?", (EffectState.ACCEPTED.value, dump(handle), key)
        )

    def settle(self, key: str, state: EffectState, *, result: dict[str, Any] | None = None, reason: str = "") -> None:
        self._db.execute(
            "UPDATE effects SET state = ?, result = ?, reason = ?, settled_at = ? WHERE key = ?",
            (state.value, dump(result or {}), reason, stamp(), key),
        )


def _intent(row: Row) -> Intent:
    opened = moment(row["opened_at"])
    assert opened is not None  # noqa: S101 - NOT NULL in the schema
    return Intent(
        key=row["key"],
        run_id=row["run_id"],
        employee_id=row["employee_id"],
        proposal=Proposal(row["agent"], Action(row["action"]), row["item"]),
        attempt=row["attempt"],
        pinned=json.loads(row["pinned"]),
        opened_at=opened,
        state=EffectState(row["state"]),
        handle=json.loads(row["handle"]) if row["handle"] else None,
        result=json.loads(row["result"]),
        reason=row["reason"],
        owner=row["owner"],
        lands_by=moment(row["lands_by"]),
    )
