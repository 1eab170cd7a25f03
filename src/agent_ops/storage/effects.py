"""SQL of the ledger: one row per effect key."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from sqlite_utils import Database

from agent_ops.domain.effects import Action, EffectState, Intent, Proposal
from agent_ops.domain.errors import LeaseLost
from agent_ops.storage.rows import Row, dump, moment, one, rows, stamp

_HTML = "html"
_WHOLE = "SELECT effects.*, html FROM effects LEFT JOIN mail_html USING (key)"
"""A mail's HTML stands in a table of its own until it is taken: the room of a row that went is used for whatever comes next, the
room of one that shrank is not."""
_MAILS_DUE = f"{_WHOLE} WHERE state = 'open' AND action = 'mail.send' AND wake_at <= ? AND lands_by < ?"


class Effects:
    """The journal of effects; every method runs inside the caller's transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def get(self, key: str) -> Intent | None:
        row = one(self._db, f"{_WHOLE} WHERE key = ?", key)
        return _intent(row) if row else None

    def of_employee(self, employee_id: str) -> list[Intent]:
        """Every effect for the employee, the oldest first; of mails that are not taken without their HTML."""
        return [
            _intent(row)
            for row in rows(self._db, "SELECT * FROM effects WHERE employee_id = ? ORDER BY opened_at, key", employee_id)
        ]

    def has_begun(self, run_id: str) -> bool:
        """Whether a run has changed anything, or is about to; its mails apart."""
        sql = (
            "SELECT 1 FROM effects WHERE employee_id = (SELECT coalesce(employee_id, '') FROM runs WHERE id = ?1)"
            " AND run_id = ?1 AND action <> 'mail.send' LIMIT 1"
        )
        return one(self._db, sql, run_id) is not None

    def new_accounts(self, since: datetime, but: str) -> list[tuple[float, str]]:
        """What may have made an account after then: until when it can land (Unix seconds), and whose run it is; in order.

        An attempt that was refused made none. ``but`` is a key that does not count.
        """
        found = rows(
            self._db,
            "SELECT lands_by, coalesce(caller, '') AS caller FROM effects LEFT JOIN admissions USING (run_id)"
            " WHERE action = 'entra.create_account' AND lands_by > ? AND key <> ? AND state NOT IN (?, ?) ORDER BY lands_by",
            *(stamp(since), but, EffectState.FAILED.value, EffectState.HELD.value),
        )
        return [(datetime.fromisoformat(row["lands_by"]).timestamp(), row["caller"]) for row in found]

    def fewer_accounts(self, since: datetime, than: int) -> bool:
        """Whether :meth:`new_accounts` are surely fewer: counted by the index alone, refused attempts among them."""
        counted = "SELECT 1 FROM effects WHERE action = 'entra.create_account' AND lands_by > ? LIMIT ?"
        row = one(self._db, f"SELECT count(*) AS n FROM ({counted})", stamp(since), than)  # noqa: S608 - a fixed text
        return row is not None and int(row["n"]) < than

    def open(self, intent: Intent) -> None:
        """Write a new intent; a further attempt takes the place of the one before, which must have been closed.

        The primary key makes a second first attempt impossible: sqlite3.IntegrityError.
        """
        if intent.attempt > 1:
            self._db.execute(
                "DELETE FROM effects WHERE key = ? AND attempt = ? AND state IN (?, ?)",
                (intent.key, intent.attempt - 1, EffectState.FAILED.value, EffectState.HELD.value),
            )
        self._db.execute(
            "INSERT INTO effects"
            " (key, run_id, employee_id, agent, action, item, attempt, state, pinned, owner, lands_by, opened_at, look_back)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                intent.key,
                intent.run_id,
                intent.employee_id,
                intent.proposal.agent,
                intent.proposal.action.value,
                intent.proposal.item,
                intent.attempt,
                EffectState.OPEN.value,
                _without_html(intent.pinned),
                intent.owner,
                stamp(intent.lands_by),
                stamp(intent.opened_at),
                stamp(intent.look_back) if intent.look_back else None,
            ),
        )
        if _HTML in intent.pinned:
            self._db.execute("INSERT OR REPLACE INTO mail_html (key, html) VALUES (?, ?)", (intent.key, intent.pinned[_HTML]))

    def take_over(self, intent: Intent, owner: str, run_id: str) -> bool:
        """Make an unsettled intent ours, unless another process was quicker; an unknown one is to be settled again."""
        cursor = self._db.execute(
            "UPDATE effects SET owner = ?, run_id = ?,"
            " state = CASE WHEN state <> ? THEN state WHEN handle IS NULL THEN ? ELSE ? END"
            " WHERE key = ? AND owner = ? AND run_id = ? AND state IN (?, ?, ?)",
            (
                *(owner, run_id, EffectState.UNKNOWN.value, EffectState.OPEN.value, EffectState.ACCEPTED.value),
                *(intent.key, intent.owner, intent.run_id),
                *(EffectState.OPEN.value, EffectState.ACCEPTED.value, EffectState.UNKNOWN.value),
            ),
        )
        return bool(cursor.rowcount == 1)

    def mails_due(self, now: float) -> list[Intent]:
        """The outbox: mails that nobody can be sending any more and whose time to try again has come."""
        return [_intent(row) for row in rows(self._db, f"{_MAILS_DUE} ORDER BY opened_at, key", now, stamp())]

    def take_over_mail(self, key: str, owner: str, now: float) -> Intent | None:
        """Make a mail ours that is due; None when it went, or another process began to send it, since it was seen."""
        row = one(self._db, f"{_MAILS_DUE} AND key = ?", now, stamp(), key)
        if row is None or not self.take_over(_intent(row), owner, row["run_id"]):
            return None
        return self.get(key)

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

    def wait(self, intent: Intent, reason: str, wake_at: float) -> None:
        """Remember for what an intent waits that is not settled, and until when (Unix seconds)."""
        self._change(intent, "reason = ?, wake_at = ?, lands_by = ?", reason, wake_at, stamp(intent.lands_by))

    def settle(self, intent: Intent, state: EffectState, *, result: dict[str, Any] | None = None, reason: str = "") -> None:
        """The attempt is over. A success is for good: until when it could land goes, but for the accounts that limits count, and
        a mail's HTML, which says only what its text says."""
        done = state is EffectState.SUCCEEDED
        gone = ", lands_by = NULL" if done and intent.proposal.action is not Action.CREATE_ACCOUNT else ""
        values = (state.value, dump(result or {}), reason, stamp())
        self._change(intent, f"state = ?, result = ?, reason = ?, settled_at = ?{gone}", *values)
        if done and intent.proposal.action is Action.SEND_MAIL:
            self._db.execute("DELETE FROM mail_html WHERE key = ?", (intent.key,))

    def _change(self, intent: Intent, assignments: str, *values: str | float) -> None:
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


def _without_html(pinned: dict[str, Any]) -> str:
    return dump({name: value for name, value in pinned.items() if name != _HTML})


def _intent(row: Row) -> Intent:
    opened = moment(row["opened_at"])
    assert opened is not None  # noqa: S101 - NOT NULL in the schema
    pinned: dict[str, Any] = json.loads(row["pinned"])
    return Intent(
        key=row["key"],
        run_id=row["run_id"],
        employee_id=row["employee_id"],
        proposal=Proposal(row["agent"], Action(row["action"]), row["item"]),
        attempt=row["attempt"],
        pinned={**pinned, _HTML: row[_HTML]} if row.get(_HTML) else pinned,
        opened_at=opened,
        state=EffectState(row["state"]),
        handle=json.loads(row["handle"]) if row["handle"] else None,
        result=json.loads(row["result"]),
        reason=row["reason"],
        owner=row["owner"],
        lands_by=moment(row["lands_by"]),
        look_back=moment(row["look_back"]),
    )
