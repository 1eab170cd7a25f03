"""SQL about runs, their leases and grants, and the two logs: events and audit."""

from __future__ import annotations

import json
from datetime import datetime, timezone

from sqlite_utils import Database

from agent_ops.domain.grants import Grant
from agent_ops.domain.runs import Event, LifecycleEvent, Run, RunStatus
from agent_ops.domain.usage import Usage
from agent_ops.storage.audit import Audit
from agent_ops.storage.pseudonyms import Pseudonyms
from agent_ops.storage.rows import Row, dump, moment, one, rows, stamp

RUN_COLUMNS = (
    "id, employee_id, event, status, created_at, finished_at, summary, wake_at, model_calls, tokens_in, tokens_out, cost"
)
_RUN = f"SELECT {RUN_COLUMNS} FROM runs"  # noqa: S608 - fixed names
_LIVE = (RunStatus.QUEUED.value, RunStatus.RUNNING.value, RunStatus.WAITING.value)
_WOKEN = -1.0
"""A driven run's ``wake_at`` when it is to look again as soon as it is parked."""
_DUE = "status IN (?, ?, ?) AND lease_until < ? AND wake_at <= ?"
EVENTS = "SELECT events.*, coalesce(runs.employee_id, '') AS employee_id FROM events LEFT JOIN runs ON runs.id = run_id"
"""Events with whose they are, which their run knows."""
_LEASED = "lease_until > 0"
"""Said beside what implies it, so that SQLite uses the index of these runs alone (sqlite.org/partialindex.html)."""
_DRIVEN = "event <> 'first_sign_in'"
"""The others are tasks that a person's own process carries out."""


class Runs:
    """Runs and who drives them; every method runs inside the caller's transaction. Lease times are Unix seconds."""

    def __init__(self, db: Database, pseudonyms: Pseudonyms) -> None:
        self._db, self._pseudonyms = db, pseudonyms

    def insert(
        self, run_id: str, employee_id: str, event: LifecycleEvent, idempotency_key: str | None, wake_at: float = 0.0
    ) -> None:
        """Queue a run, to be driven from ``wake_at`` (Unix seconds) on. A task may be about nobody: its employee is ''."""
        self._db.execute(
            "INSERT INTO runs (id, employee_id, event, status, created_at, idempotency_key, wake_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (run_id, employee_id or None, event.value, RunStatus.QUEUED.value, stamp(), idempotency_key, wake_at),
        )

    def request_of(self, run_id: str, if_new: str = "") -> str:
        """The id of the request that made the run: ``if_new``, when given, for a run that has none yet."""
        if if_new:
            self._db.execute("INSERT OR IGNORE INTO requests (run_id, id) VALUES (?, ?)", (run_id, if_new))
        row = one(self._db, "SELECT id FROM requests WHERE run_id = ?", run_id)
        return str(row["id"]) if row else ""

    def get(self, run_id: str) -> Run | None:
        row = one(self._db, f"{_RUN} WHERE id = ?", run_id)
        return run_of(row) if row else None

    def of_employee(self, employee_id: str, *, tasks: bool = False) -> list[Run]:
        """The runs of the employee's requests, the newest first; with ``tasks`` the first sign-ins, too."""
        sql = f"{_RUN} WHERE employee_id = ? AND {'1' if tasks else _DRIVEN} ORDER BY created_at DESC, rowid DESC"
        return [run_of(row) for row in rows(self._db, sql, employee_id)]

    def first_sign_ins_since(self, moment: datetime) -> int:
        """How many first sign-ins were begun since then, for anybody."""
        row = one(self._db, "SELECT count(*) AS n FROM runs WHERE event = 'first_sign_in' AND created_at >= ?", stamp(moment))
        return int(row["n"]) if row else 0

    def open_first_sign_ins(self, employee_id: str) -> list[str]:
        """The ids of the employee's first sign-ins that have not ended."""
        sql = "SELECT id FROM runs WHERE employee_id = ? AND event = 'first_sign_in' AND finished_at IS NULL"
        return [row["id"] for row in rows(self._db, sql, employee_id)]

    def with_idempotency_key(self, key: str) -> Run | None:
        """The run that a key came with, also when its employee was erased since."""
        row = one(self._db, f"{_RUN} WHERE idempotency_key IN (?, ?)", key, self._pseudonyms.idempotency_key(key))
        return run_of(row) if row else None

    def with_plan(self, seal: str) -> Run | None:
        """The run that applies the plan of this seal."""
        row = one(self._db, f"{_RUN} WHERE plan = ? AND plan <> ''", seal)
        return run_of(row) if row else None

    def set_plan(self, run_id: str, seal: str) -> None:
        """The run applies a plan. sqlite3.IntegrityError when another run does."""
        self._db.execute("UPDATE runs SET plan = ? WHERE id = ?", (seal, run_id))

    def has_plan(self, run_id: str) -> bool:
        """Whether the run applies a plan, and so may do nothing that is not in it."""
        return one(self._db, "SELECT 1 FROM runs WHERE id = ? AND plan <> ''", run_id) is not None

    def any_due(self, now: float) -> bool:
        """Whether a run waits for a driver."""
        return one(self._db, f"SELECT 1 FROM runs WHERE {_DUE} AND {_DRIVEN} LIMIT 1", *_LIVE, now, now) is not None  # noqa: S608 - a fixed text

    def claim(self, owner: str, now: float, lease_until: float) -> Run | None:
        """Take the oldest run that is due and that nobody drives, for this owner. Its epoch rises by one."""
        sql = f"SELECT id FROM runs WHERE {_DUE} AND {_DRIVEN} ORDER BY created_at, rowid LIMIT 1"  # noqa: S608 - fixed texts
        due = one(self._db, sql, *_LIVE, now, now)
        if due is None or not self.claim_one(due["id"], owner, now, lease_until):
            return None
        return self.get(due["id"])

    def claim_one(self, run_id: str, owner: str, now: float, lease_until: float) -> bool:
        """Take exactly this run for the owner, if it is due and nobody drives it. Its epoch rises by one."""
        taken_over = "takeovers = takeovers + (owner <> '')"  # who parks or releases a run leaves no name in it
        claimed = self._db.execute(
            f"UPDATE runs SET {taken_over}, owner = ?, lease_until = ?, epoch = epoch + 1, status = ? WHERE id = ? AND {_DUE}",  # noqa: S608
            (owner, lease_until, RunStatus.RUNNING.value, run_id, *_LIVE, now, now),
        )
        return bool(claimed.rowcount)

    def park(self, run_id: str, owner: str, reason: str, wake_at: float) -> bool:
        """Let the owner's run wait until then (Unix seconds), with nobody driving it. False when it is not the owner's.

        It does not wait when it was woken while its driver was about to park it.
        """
        parked = self._db.execute(
            "UPDATE runs SET status = ?, summary = ?, wake_at = iif(wake_at = ?, 0, ?), lease_until = 0, owner = ''"
            " WHERE id = ? AND owner = ? AND status = ?",
            (RunStatus.WAITING.value, reason, _WOKEN, wake_at, run_id, owner, RunStatus.RUNNING.value),
        )
        return bool(parked.rowcount)

    def wake_all(self) -> None:
        """Let every waiting run look again now, and every driven one as soon as it is parked: it may have looked before."""
        waiting, running = RunStatus.WAITING.value, RunStatus.RUNNING.value
        self._db.execute(
            "UPDATE runs SET wake_at = iif(status = ?, 0, ?) WHERE status IN (?, ?)", (waiting, _WOKEN, waiting, running)
        )

    def extend(self, owner: str, now: float, lease_until: float) -> set[str]:
        """Renew the owner's leases that still hold; the ids of the runs that are still its own."""
        ours = f"owner = ? AND lease_until >= ? AND {_LEASED}"
        self._db.execute(f"UPDATE runs SET lease_until = ? WHERE {ours}", (lease_until, owner, now))  # noqa: S608 - fixed texts
        return {r["id"] for r in rows(self._db, f"SELECT id FROM runs WHERE {ours}", owner, now)}  # noqa: S608

    def holds(self, run_id: str, owner: str, until: float) -> bool:
        """Whether the owner's lease on the run lasts until then (Unix seconds)."""
        return (
            one(self._db, "SELECT 1 FROM runs WHERE id = ? AND owner = ? AND lease_until >= ?", run_id, owner, until) is not None
        )

    def lease_of(self, run_id: str) -> tuple[str, float]:
        """Who drives the run and until when (Unix seconds)."""
        row = one(self._db, "SELECT owner, lease_until FROM runs WHERE id = ?", run_id) or {"owner": "", "lease_until": 0.0}
        return row["owner"], row["lease_until"]

    def owners(self, now: float) -> set[str]:
        """Everybody who holds a lease."""
        sql = f"SELECT DISTINCT owner FROM runs WHERE lease_until >= ? AND {_LEASED}"  # noqa: S608 - a fixed text
        return {row["owner"] for row in rows(self._db, sql, now)}

    def bury(self, owner: str) -> None:
        """End the leases of an owner that died; whoever claims its runs takes them over."""
        self._db.execute(f"UPDATE runs SET lease_until = 0 WHERE owner = ? AND {_LEASED}", (owner,))  # noqa: S608 - a fixed text

    def release_all(self, owner: str) -> None:
        """Let go of everything that the owner holds."""
        self._db.execute(f"UPDATE runs SET lease_until = 0, owner = '' WHERE owner = ? AND {_LEASED}", (owner,))  # noqa: S608

    def release(self, run_id: str, owner: str) -> None:
        """Let go of a run that did not end, so that another driver may take it at once."""
        self._db.execute("UPDATE runs SET lease_until = 0, owner = '' WHERE id = ? AND owner = ?", (run_id, owner))

    def finish(self, run_id: str, status: RunStatus, summary: str) -> None:
        self._db.execute(
            "UPDATE runs SET status = ?, summary = ?, finished_at = ?, lease_until = 0, wake_at = 0 WHERE id = ?",
            (status.value, summary, stamp(), run_id),
        )

    def insert_grant(self, grant: Grant) -> None:
        self._db.execute(
            "INSERT INTO grants (run_id, body, seal) VALUES (?, ?, ?)", (grant.run_id, dump(grant.body()), grant.seal)
        )

    def grant(self, run_id: str) -> Grant | None:
        """The stored grant, unverified."""
        stored = self.sealed_body(run_id)
        return Grant.from_body(json.loads(stored[0]), stored[1]) if stored else None

    def sealed_body(self, run_id: str) -> tuple[str, str] | None:
        """A grant as it is stored: the JSON that its seal covers, and the seal."""
        row = one(self._db, "SELECT body, seal FROM grants WHERE run_id = ?", run_id)
        return (row["body"], row["seal"]) if row else None


class Logs:
    """The events that people read and the audit that auditors verify."""

    def __init__(self, db: Database, audit: Audit) -> None:
        self._db, self._audit = db, audit

    def event(self, run_id: str, kind: str, message: str, *, agent: str = "", item: str = "", status: str = "") -> None:
        line = " ".join(message.split())[:500]
        self._db.execute(
            "INSERT INTO events (run_id, at, kind, message, agent, item, status) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (run_id, stamp(), kind, line, agent, item, status),
        )

    def events(self, run_id: str | None, after: int = 0, limit: int = 1000) -> list[Event]:
        """Events with greater ids, of one run or of all, in order."""
        of_run, values = ("", ()) if run_id is None else ("run_id = ? AND", (run_id,))
        found = rows(self._db, f"{EVENTS} WHERE {of_run} events.id > ? ORDER BY events.id LIMIT ?", *values, after, limit)
        return [event_of(row) for row in found]

    def all_events(self, run_id: str) -> list[Event]:
        """Every event of a run that is still kept."""
        return self.events(run_id, limit=-1)

    def prune(self, ended_before: datetime, limit: int) -> int:
        """Remove at most ``limit`` events of runs that ended before then, the oldest first; how many went."""
        gone = self._db.execute(
            "DELETE FROM events WHERE id IN (SELECT events.id FROM runs JOIN events ON events.run_id = runs.id"
            " WHERE runs.finished_at < ? ORDER BY events.id LIMIT ?)",
            (stamp(ended_before), limit),
        )
        return int(gone.rowcount)

    def denials(self, run_id: str) -> int:
        """How many audit rows say that something was denied to the run."""
        row = one(self._db, "SELECT count(*) AS denied FROM audit WHERE kind = 'denied' AND run_id = ?", run_id)
        return int(row["denied"]) if row else 0

    def last_event(self) -> int:
        """The id of the newest event, 0 before the first."""
        row = one(self._db, "SELECT seq AS id FROM sqlite_sequence WHERE name = 'events'")
        return int(row["id"]) if row else 0

    def audit(self, kind: str, run_id: str, subject: str, action: str = "", item: str = "", detail: str = "") -> None:
        """Append a row to the audit: see :meth:`Audit.append`."""
        self._audit.append(kind, run_id, subject, action, item, detail)


def run_of(row: Row) -> Run:
    """A run from its row."""
    created = moment(row["created_at"])
    assert created is not None  # noqa: S101 - NOT NULL in the schema
    return Run(
        row["id"],
        row["employee_id"] or "",
        LifecycleEvent(row["event"]),
        RunStatus(row["status"]),
        created,
        moment(row["finished_at"]),
        row["summary"],
        datetime.fromtimestamp(row["wake_at"], timezone.utc) if row["wake_at"] > 0 else None,
        Usage(row["model_calls"], row["tokens_in"], row["tokens_out"], row["cost"]),
    )


def event_of(row: Row) -> Event:
    """An event from its row."""
    at = moment(row["at"])
    assert at is not None  # noqa: S101 - NOT NULL in the schema
    return Event(
        row["id"], row["run_id"], row["employee_id"], at, row["kind"], row["message"], row["agent"], row["item"], row["status"]
    )
