"""The tables as they were at first. What became of them since is in `migrations`."""

TABLES = """
CREATE TABLE employees (
    id TEXT PRIMARY KEY, name_key TEXT NOT NULL, profile TEXT NOT NULL, request TEXT NOT NULL, status TEXT NOT NULL,
    address TEXT, entra_id TEXT, reason TEXT NOT NULL DEFAULT '', created_at TEXT NOT NULL)
;

CREATE INDEX employees_by_name ON employees (name_key)
;

CREATE TABLE addresses (address TEXT PRIMARY KEY, employee_id TEXT, reserved_at TEXT NOT NULL)
;

CREATE TABLE items (
    employee_id TEXT NOT NULL REFERENCES employees (id), item TEXT NOT NULL, status TEXT NOT NULL,
    reason TEXT NOT NULL DEFAULT '', detail TEXT NOT NULL DEFAULT '', generation INTEGER NOT NULL DEFAULT 0,
    updated_at TEXT NOT NULL, PRIMARY KEY (employee_id, item)) WITHOUT ROWID
;

CREATE TABLE runs (
    id TEXT PRIMARY KEY, employee_id TEXT NOT NULL REFERENCES employees (id), event TEXT NOT NULL, status TEXT NOT NULL,
    created_at TEXT NOT NULL, finished_at TEXT, summary TEXT NOT NULL DEFAULT '', idempotency_key TEXT UNIQUE,
    owner TEXT NOT NULL DEFAULT '', lease_until REAL NOT NULL DEFAULT 0, epoch INTEGER NOT NULL DEFAULT 0)
;

CREATE INDEX runs_by_status ON runs (status, lease_until)
;

CREATE INDEX runs_by_employee ON runs (employee_id)
;

CREATE TABLE grants (run_id TEXT PRIMARY KEY REFERENCES runs (id), body TEXT NOT NULL, seal TEXT NOT NULL)
;

CREATE TRIGGER grants_never_change BEFORE UPDATE ON grants BEGIN SELECT RAISE(ABORT, 'grants are append-only'); END
;

CREATE TRIGGER grants_never_go BEFORE DELETE ON grants BEGIN SELECT RAISE(ABORT, 'grants are append-only'); END
;

CREATE TABLE effects (
    key TEXT PRIMARY KEY, run_id TEXT NOT NULL, employee_id TEXT NOT NULL, agent TEXT NOT NULL, action TEXT NOT NULL,
    item TEXT NOT NULL, attempt INTEGER NOT NULL, state TEXT NOT NULL, pinned TEXT NOT NULL, handle TEXT,
    result TEXT NOT NULL DEFAULT '{}', reason TEXT NOT NULL DEFAULT '', owner TEXT NOT NULL, lands_by TEXT,
    opened_at TEXT NOT NULL, settled_at TEXT)
;

CREATE INDEX effects_by_employee ON effects (employee_id)
;

CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL, employee_id TEXT NOT NULL, at TEXT NOT NULL,
    kind TEXT NOT NULL, message TEXT NOT NULL, agent TEXT NOT NULL, item TEXT NOT NULL, status TEXT NOT NULL)
;

CREATE INDEX events_by_run ON events (run_id, id)
;

CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, kind TEXT NOT NULL, run_id TEXT NOT NULL,
    subject TEXT NOT NULL, action TEXT NOT NULL, item TEXT NOT NULL, detail TEXT NOT NULL, mac TEXT NOT NULL)
;

CREATE TRIGGER audit_never_changes BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END
;

CREATE TRIGGER audit_never_goes BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END
"""
