"""SQL of the ledger: one row per effect key."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from agent_ops.domain.effects import Action, EffectState, Intent, Proposal
from agent_ops.domain.errors import LeaseLost
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

    def sending(self, intent: Intent, lands_by: datetime) -> bool:
        """A call is about to leave: it can have an effect until then. False when the intent is not open and ours any more."""
        changed = self._db.execute(
            "UPDATE effects SET lands_by = ? WHERE key = ? AND owner = ? AND state = ?",
            (stamp(lands_by), intent.key, intent.owner, EffectState.OPEN.value),
        )
        return bool(changed.rowcount)

    def repin(self, intent: Intent, pinned: dict[str, Any]) -> None:
        self._change(intent, "pinned = ?", dump(pinned))

    def accept(self, intent: Intent, handle: dict[str, Any]) -> None:
        self._change(intent, "state = ?, handle = ?", EffectState.ACCEPTED.value, dump(handle))

    def settle(self, intent: Intent, state: EffectState, *, result: dict[str, Any] | None = None, reason: str = "") -> None:
        self._change(
            intent, "state = ?, result = ?, reason = ?, settled_at = ?", state.value, dump(result or {}), reason, stamp()
        )

    def _change(self, intent: Intent, assignments: str, *values: str) -> None:
        """Change an intent that is not settled and still its owner's.

        Raises:
            LeaseLost: another process took it over or settled it; nothing is overwritten.
        """
        changed = self._db.execute(
            f"UPDATE effects SET {assignments} WHERE key = ? AND owner = ? AND state IN (?, ?)",  # noqa: S608 - fixed texts
            (*values, intent.key, intent.owner, EffectState.OPEN.value, EffectState.ACCEPTED.value),
        )
        if changed.rowcount != 1:
            raise LeaseLost(f"the intent {intent.key} is not ours any more")


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
