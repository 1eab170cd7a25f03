"""The schema of the operations database, as a list of steps that are applied once each, in order."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter

from sqlite_utils import Database, Migrations

from agent_ops.domain.lookalikes import faces
from agent_ops.storage.first_tables import TABLES
from agent_ops.storage.rows import dump

migrations = Migrations("agent_ops")


@migrations()
def create_tables(db: Database) -> None:
    """Employees, what they are due, the runs, the ledger and the two append-only logs."""
    for statement in TABLES.split(";\n\n"):
        db.execute(statement)


@migrations()
def runs_wait(db: Database) -> None:
    """Runs that wait until a moment, and the kill switch."""
    db.execute("ALTER TABLE runs ADD COLUMN wake_at REAL NOT NULL DEFAULT 0")
    db.execute("ALTER TABLE effects ADD COLUMN wake_at REAL NOT NULL DEFAULT 0")
    db.execute("CREATE INDEX effects_unsent_mails ON effects (wake_at) WHERE state = 'open' AND action = 'mail.send'")
    db.execute("CREATE TABLE pauses (scope TEXT PRIMARY KEY, paused_by TEXT NOT NULL, reason TEXT NOT NULL, at TEXT NOT NULL)")


@migrations()
def restores(db: Database) -> None:
    """That the database was restored, and how far its intents must look back at the services."""
    db.execute("CREATE TABLE restores (id INTEGER PRIMARY KEY, backup_of TEXT NOT NULL, at TEXT NOT NULL)")
    db.execute("ALTER TABLE effects ADD COLUMN look_back TEXT")


@migrations()
def runs_have_plans(db: Database) -> None:
    """The seal of the plan that a run applies: a plan is applied once."""
    db.execute("ALTER TABLE runs ADD COLUMN plan TEXT NOT NULL DEFAULT ''")
    db.execute("CREATE UNIQUE INDEX runs_by_plan ON runs (plan) WHERE plan <> ''")


@migrations()
def create_requests(db: Database) -> None:
    """Which request a run came from: what log lines of later processes name, too."""
    db.execute("CREATE TABLE requests (run_id TEXT PRIMARY KEY REFERENCES runs (id), id TEXT NOT NULL) WITHOUT ROWID")


@migrations()
def denials_are_counted(db: Database) -> None:
    """A run's denials are found without reading the whole audit."""
    db.execute("CREATE INDEX audit_denials ON audit (run_id) WHERE kind = 'denied'")


@migrations()
def models_are_metered(db: Database) -> None:
    """What chat models were used for, by run and by day."""
    columns = "model_calls INTEGER", "tokens_in INTEGER", "tokens_out INTEGER", "cost REAL"
    for column in columns:
        db.execute(f"ALTER TABLE runs ADD COLUMN {column} NOT NULL DEFAULT 0")
    db.execute(
        f"CREATE TABLE model_days (day TEXT PRIMARY KEY, {', '.join(f'{c} NOT NULL DEFAULT 0' for c in columns)}) WITHOUT ROWID"
    )


@migrations()
def audit_has_key_ids(db: Database) -> None:
    """Which key each audit row is under (none: the first one), and the policies as they were when something was granted."""
    db.execute("ALTER TABLE audit ADD COLUMN key_id TEXT NOT NULL DEFAULT ''")
    db.execute("CREATE TABLE policies (version TEXT PRIMARY KEY, text TEXT NOT NULL, at TEXT NOT NULL)")
    for act, word in (("UPDATE", "change"), ("DELETE", "go")):
        db.execute(
            f"CREATE TRIGGER policies_never_{word} BEFORE {act} ON policies"
            " BEGIN SELECT RAISE(ABORT, 'policies are append-only'); END"
        )


@migrations()
def limits_and_breakers(db: Database) -> None:
    """Who queued which run and when, what new accounts may still land, and the breakers that tripped."""
    db.execute(
        "CREATE TABLE admissions (run_id TEXT PRIMARY KEY REFERENCES runs (id), caller TEXT NOT NULL, at REAL NOT NULL,"
        " waits_until REAL NOT NULL DEFAULT 0) WITHOUT ROWID"
    )
    db.execute("CREATE INDEX admissions_by_caller ON admissions (caller, at)")
    db.execute("CREATE INDEX admissions_waiting ON admissions (waits_until)")
    db.execute("CREATE INDEX effects_new_accounts ON effects (lands_by) WHERE action = 'entra.create_account'")
    db.execute("CREATE INDEX effects_by_run ON effects (run_id)")
    db.execute(
        "CREATE TABLE breakers (id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, holds TEXT NOT NULL,"
        " tripped_by TEXT NOT NULL, run_id TEXT NOT NULL, reason TEXT NOT NULL, at TEXT NOT NULL,"
        " closed_by TEXT NOT NULL DEFAULT '', closed_at TEXT)"
    )
    db.execute("CREATE UNIQUE INDEX breakers_open ON breakers (kind, holds) WHERE closed_at IS NULL")


@migrations()
def erased_people_stay_erased(db: Database) -> None:
    """Whoever still works for an erased person, in whatever process, writes into nothing: the tombstone shuts their rows."""
    erased = "(SELECT status FROM employees WHERE id = NEW.employee_id) = 'erased'"
    ignored = "BEGIN SELECT RAISE(IGNORE); END"
    db.execute(f"CREATE TRIGGER tombstones_stay BEFORE UPDATE ON employees WHEN OLD.status = 'erased' {ignored}")
    for change in ("UPDATE ON runs", "UPDATE ON effects", "UPDATE ON items", "INSERT ON items", "INSERT ON events"):
        name = f"no_{change.replace(' ON ', '_of_').lower()}_of_the_erased"
        db.execute(f"CREATE TRIGGER {name} BEFORE {change} WHEN {erased} {ignored}")


@migrations()
def names_have_faces(db: Database) -> None:
    """What every name looks like: a look-alike is refused in the transaction that admits it, however many ask at once."""
    db.execute(
        "CREATE TABLE faces (face TEXT NOT NULL, employee_id TEXT NOT NULL REFERENCES employees (id),"
        " PRIMARY KEY (face, employee_id)) WITHOUT ROWID"
    )
    known = db.execute("SELECT id, json_extract(profile, '$.name') FROM employees WHERE status <> 'erased'").fetchall()
    db.conn.executemany("INSERT INTO faces VALUES (?, ?)", [(face, key) for key, name in known for face in faces(name)])


@migrations()
def tasks(db: Database) -> None:
    """Free-form tasks, which may be about nobody, and how every run did."""
    _let_runs_be_about_nobody(db)
    db.execute(
        "CREATE TABLE tasks (run_id TEXT PRIMARY KEY REFERENCES runs (id), task TEXT NOT NULL,"
        " results TEXT NOT NULL DEFAULT '[]', answer TEXT NOT NULL DEFAULT '') WITHOUT ROWID"
    )
    db.execute("CREATE TABLE evaluations (run_id TEXT PRIMARY KEY REFERENCES runs (id), body TEXT NOT NULL) WITHOUT ROWID")


def _let_runs_be_about_nobody(db: Database) -> None:
    """SQLite drops no NOT NULL: the table is made anew, in its order, with its indices and triggers.

    Foreign keys are off meanwhile, as https://www.sqlite.org/lang_altertable.html#otheralter says.
    """
    (made,) = db.execute("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = 'runs'").fetchone()
    kept = db.execute("SELECT sql FROM sqlite_master WHERE tbl_name = 'runs' AND type <> 'table' AND sql IS NOT NULL").fetchall()
    made = made.replace("employee_id TEXT NOT NULL", "employee_id TEXT", 1).replace(
        "CREATE TABLE runs", "CREATE TABLE runs_new", 1
    )
    db.execute(made)
    db.execute("INSERT INTO runs_new SELECT * FROM runs ORDER BY rowid")
    db.execute("DROP TABLE runs")
    db.execute("ALTER TABLE runs_new RENAME TO runs")
    for (statement,) in kept:
        db.execute(statement)


@migrations()
def api_keys(db: Database) -> None:
    """Keys of the REST service: digests of their secrets, never the secrets."""
    db.execute(
        "CREATE TABLE api_keys (id TEXT PRIMARY KEY, name TEXT NOT NULL, scopes TEXT NOT NULL, digest TEXT NOT NULL,"
        " created_by TEXT NOT NULL, created_at TEXT NOT NULL, expires_at TEXT NOT NULL, revoked_at TEXT) WITHOUT ROWID"
    )
    db.execute("CREATE INDEX employees_by_address ON employees (address)")


@migrations()
def assertions(db: Database) -> None:
    """Statuses that somebody asserted by hand, by whom and why; append-only but for who is erased."""
    db.execute(
        "CREATE TABLE assertions (id INTEGER PRIMARY KEY AUTOINCREMENT, employee_id TEXT NOT NULL REFERENCES employees (id),"
        " item TEXT NOT NULL, status TEXT NOT NULL, asserted_by TEXT NOT NULL, reason TEXT NOT NULL, at TEXT NOT NULL)"
    )
    db.execute("CREATE INDEX assertions_by_employee ON assertions (employee_id, item, id)")
    erased = "(SELECT status FROM employees WHERE id = NEW.employee_id) = 'erased'"
    db.execute(
        f"CREATE TRIGGER no_assertions_of_the_erased BEFORE INSERT ON assertions WHEN {erased} BEGIN SELECT RAISE(IGNORE); END"
    )


@migrations()
def patterns_are_kept(db: Database) -> None:
    """Long-term memory: patterns, everybody's contribution to one, and a version that caches follow."""
    for statement in (
        "CREATE TABLE patterns (id INTEGER PRIMARY KEY AUTOINCREMENT, profile TEXT NOT NULL UNIQUE, people INTEGER NOT NULL,"
        " last_seen TEXT NOT NULL, changed INTEGER NOT NULL)",
        "CREATE INDEX patterns_by_change ON patterns (changed)",
        "CREATE TABLE pattern_items (pattern_id INTEGER NOT NULL, item TEXT NOT NULL, holders INTEGER NOT NULL,"
        " PRIMARY KEY (pattern_id, item)) WITHOUT ROWID",
        "CREATE TABLE contributions (contributor TEXT PRIMARY KEY, pattern_id INTEGER NOT NULL, items TEXT NOT NULL,"
        " day TEXT NOT NULL) WITHOUT ROWID",
        "CREATE INDEX contributions_by_pattern ON contributions (pattern_id, day)",
        "CREATE TABLE patterns_gone (id INTEGER PRIMARY KEY, changed INTEGER NOT NULL)",
        "CREATE INDEX patterns_gone_by_change ON patterns_gone (changed)",
        "CREATE TABLE pattern_version (version INTEGER NOT NULL)",
        "INSERT INTO pattern_version VALUES (0)",
    ):
        db.execute(statement)


@migrations()
def webhooks(db: Database) -> None:
    """How far each receiver was told, by a hash of its URL, and what it is still to be told."""
    db.execute("CREATE TABLE webhook_cursors (receiver TEXT PRIMARY KEY, event_id INTEGER NOT NULL) WITHOUT ROWID")
    db.execute(
        "CREATE TABLE webhook_messages (id TEXT PRIMARY KEY, receiver TEXT NOT NULL, body TEXT NOT NULL,"
        " tries INTEGER NOT NULL DEFAULT 0, due_at REAL NOT NULL)"
    )
    db.execute("CREATE INDEX webhook_messages_due ON webhook_messages (receiver, due_at)")


@migrations()
def choices_are_kept(db: Database) -> None:
    """What was asked, suggested, given unasked, declined and changed, line after line; and who asked for whom memory knows."""
    db.execute("ALTER TABLE contributions ADD COLUMN requester TEXT NOT NULL DEFAULT ''")
    db.execute(
        "CREATE TABLE choices (id INTEGER PRIMARY KEY AUTOINCREMENT, employee_id TEXT NOT NULL REFERENCES employees (id),"
        " run_id TEXT NOT NULL, item TEXT NOT NULL, kind TEXT NOT NULL, requester TEXT NOT NULL, said TEXT NOT NULL,"
        " at TEXT NOT NULL, until TEXT NOT NULL, team TEXT NOT NULL)"
    )
    db.execute("CREATE INDEX choices_by_employee ON choices (employee_id, kind, item)")
    db.execute("CREATE INDEX choices_by_team ON choices (team, kind)")
    db.execute(
        "CREATE TRIGGER choices_never_change BEFORE UPDATE ON choices BEGIN SELECT RAISE(ABORT, 'choices are append-only'); END"
    )
    erased = "(SELECT status FROM employees WHERE id = NEW.employee_id) = 'erased'"
    db.execute(f"CREATE TRIGGER no_choices_of_the_erased BEFORE INSERT ON choices WHEN {erased} BEGIN SELECT RAISE(IGNORE); END")


@migrations()
def deliveries_are_counted(db: Database) -> None:
    """How webhooks' deliveries ended: a message that is over leaves nothing else."""
    db.execute("CREATE TABLE webhook_deliveries (outcome TEXT PRIMARY KEY, count INTEGER NOT NULL) WITHOUT ROWID")


@migrations()
def less_is_left(db: Database) -> None:
    """A mail's HTML apart from its intent, so that the room of one that was taken is used again; no event says again whose its
    run is; an index less."""
    db.execute("CREATE TABLE mail_html (key TEXT PRIMARY KEY, html TEXT NOT NULL) WITHOUT ROWID")
    has_html = "action = 'mail.send' AND json_extract(pinned, '$.html') IS NOT NULL"
    moved = f"SELECT key, json_extract(pinned, '$.html') FROM effects WHERE {has_html} AND state <> 'succeeded'"  # noqa: S608
    db.execute(f"INSERT INTO mail_html {moved}")
    db.execute(f"UPDATE effects SET pinned = json_remove(pinned, '$.html') WHERE {has_html}")  # noqa: S608 - fixed texts
    db.execute("DROP INDEX effects_by_run")  # a run's effects are found by its employee
    _let_events_be_their_runs(db)


@migrations()
def nothing_is_scanned(db: Database) -> None:
    """What an onboarding asks for costs the same, however many people there are."""
    db.execute("CREATE INDEX addresses_by_employee ON addresses (employee_id)")
    db.execute("CREATE INDEX employees_with_account ON employees (entra_id IS NOT NULL) WHERE entra_id IS NOT NULL")
    db.execute("CREATE INDEX runs_leased ON runs (owner) WHERE lease_until > 0")


@migrations()
def contributions_lie_together(db: Database) -> None:
    """What one profile's people brought lies in one place: following a change reads a few pages, not one for each of them.
    And at which version somebody was last taken away."""
    db.execute("DROP INDEX contributions_by_pattern")  # before the rows are sorted: by it each would be looked up
    db.execute("ALTER TABLE contributions RENAME TO contributions_apart")
    db.execute(
        "CREATE TABLE contributions (contributor TEXT NOT NULL, pattern_id INTEGER NOT NULL, items TEXT NOT NULL,"
        " day TEXT NOT NULL, requester TEXT NOT NULL DEFAULT '', PRIMARY KEY (pattern_id, day, contributor)) WITHOUT ROWID"
    )
    db.execute("INSERT INTO contributions SELECT * FROM contributions_apart ORDER BY pattern_id, day, contributor")
    db.execute("DROP TABLE contributions_apart")
    db.execute("CREATE UNIQUE INDEX contributions_by_contributor ON contributions (contributor)")
    db.execute("ALTER TABLE pattern_version ADD COLUMN last_left INTEGER NOT NULL DEFAULT 0")


@migrations()
def takeovers_are_counted(db: Database) -> None:
    """How often a run's driver was lost: a run that waits is taken up again, too, with nobody lost."""
    db.execute("ALTER TABLE runs ADD COLUMN takeovers INTEGER NOT NULL DEFAULT 0")


@migrations()
def sources_are_added_up(db: Database) -> None:
    """What each requester brought to a pattern: following a change reads a row for each of them, not for each person."""
    db.execute(
        "CREATE TABLE pattern_sources (pattern_id INTEGER NOT NULL, requester TEXT NOT NULL, people INTEGER NOT NULL,"
        " items TEXT NOT NULL, PRIMARY KEY (pattern_id, requester)) WITHOUT ROWID"
    )
    found = db.execute("SELECT pattern_id, requester, items FROM contributions ORDER BY pattern_id")
    db.conn.executemany("INSERT INTO pattern_sources VALUES (?, ?, ?, ?)", _added_up(found))
    db.execute("DROP TABLE pattern_items")


def _added_up(contributions: Iterable[tuple[int, str, str]]) -> Iterator[tuple[int, str, int, str]]:
    """Of contributions in order of their patterns: how many people a requester brought, and how many of them hold each item."""
    for pattern, of_one in groupby(contributions, itemgetter(0)):
        people, holders = Counter[str](), defaultdict[str, Counter[str]](Counter)
        for _, requester, items in of_one:
            people[requester] += 1
            holders[requester].update(json.loads(items))
        for requester, many in sorted(people.items()):
            yield pattern, requester, many, dump(holders[requester])


def _let_events_be_their_runs(db: Database) -> None:
    """The table is made anew (SQLite before 3.35 drops no column). No id is ever given twice: the count goes on."""
    (made,) = db.execute("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = 'events'").fetchone()
    counted = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'events'").fetchone()
    made = made.replace(" employee_id TEXT NOT NULL,", "", 1).replace("CREATE TABLE events", "CREATE TABLE events_new", 1)
    db.execute(made)
    db.execute("INSERT INTO events_new SELECT id, run_id, at, kind, message, agent, item, status FROM events ORDER BY id")
    db.execute("DROP TABLE events")
    db.execute("ALTER TABLE events_new RENAME TO events")
    db.execute("DELETE FROM sqlite_sequence WHERE name = 'events'")
    if counted is not None:
        db.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('events', ?)", counted)
    db.execute("CREATE INDEX events_by_run ON events (run_id)")
    erased = "(SELECT status FROM employees WHERE id = (SELECT employee_id FROM runs WHERE id = NEW.run_id)) = 'erased'"
    db.execute(
        f"CREATE TRIGGER no_insert_of_events_of_the_erased BEFORE INSERT ON events WHEN {erased} BEGIN SELECT RAISE(IGNORE); END"
    )
