"""SQL of the audit: append-only rows, each of which covers the one before; domain/audit.py says how."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import cached_property

from sqlite_utils import Database

from agent_ops.domain.audit import NO_MAC, AuditKeys, AuditRow, Head, caller_code, detail_of, item_of, subject_of, text_code
from agent_ops.domain.chain import replaced_head
from agent_ops.storage.rows import one, rows, stamp

_TEXTS = ("at", "kind", "run_id", "subject", "action", "item", "detail", "key_id", "mac")
_TRIGGERS = frozenset({"audit_never_changes", "audit_never_goes"})


class Audit:
    """The chain; every method runs inside the caller's transaction."""

    def __init__(self, db: Database, keys: Callable[[], AuditKeys]) -> None:
        self._db, self._now = db, keys
        self.appended: Head | None = None
        """The newest row that this transaction wrote."""
        self.anew = False
        """This transaction signed that there was no head: the next one is the first."""

    @cached_property
    def keys(self) -> AuditKeys:
        """As they are when this transaction first asks for them: most only read, and looking for new ones takes a system call."""
        return self._now()

    def append(self, kind: str, run_id: str, subject: str, action: str = "", item: str = "", detail: str = "") -> None:
        """Append a row. Ids and codes stay as they are; whatever else is given, a name or a reason, becomes a keyed hash."""
        last, keys = self.last(), self.keys
        words = (subject_of(subject, keys), action, item_of(item, keys), detail_of(detail, keys))
        row = AuditRow(last.id + 1, stamp(), kind, run_id, *words, keys.current, NO_MAC)
        mac = keys.mac(row, last.mac)
        assert mac is not None  # noqa: S101 - the current key is among the keys
        self._db.execute(
            "INSERT INTO audit (id, at, kind, run_id, subject, action, item, detail, key_id, mac)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (row.id, *row.fields(), row.key_id, mac),
        )
        self.appended = Head(row.id, mac)

    def append_restored(self, by: str, backup_of: datetime, replaced: Head | None) -> None:
        """Sign that the database is an older one now, and which head it replaces: a new one begins."""
        said = f"backup_of={backup_of.isoformat(timespec='seconds')} head={replaced.code if replaced else 'none'}"
        self.append("restored", "", by, detail=said)
        self.anew = replaced is None

    def caller(self, name: str) -> str:
        """Who asked, as rows name them: a keyed pseudonym."""
        return caller_code(name, self.keys)

    def text(self, words: str) -> str:
        """Words that somebody wrote, as rows hold them: a keyed hash, which finds the words again where they still stand."""
        return text_code(words, self.keys)

    def last(self) -> Head:
        """The newest row; of the empty chain, row 0 without a mac."""
        found = one(self._db, "SELECT id, mac FROM audit ORDER BY id DESC LIMIT 1")
        return Head(found["id"], found["mac"]) if found else Head(0, NO_MAC)

    def has_named_keys(self) -> bool:
        """Whether any row is of the time since which a head is kept outside the database."""
        return one(self._db, "SELECT 1 FROM audit WHERE id = (SELECT max(id) FROM audit) AND key_id <> ''") is not None

    def page(self, after: int, limit: int, until: int = (1 << 63) - 1) -> list[AuditRow]:
        """The next rows in the order of their ids, read as whatever they are: an altered column may hold no text at all."""
        key_id = "key_id" if self._has_key_ids() else "''"  # a database that no later program has opened to write
        names = [key_id if name == "key_id" else name for name in _TEXTS]
        texts = ", ".join(f"CAST({name} AS BLOB)" for name in names)
        kinds = " || ".join(f"typeof({name})" for name in names)
        found = self._db.execute(
            f"SELECT id, {texts}, {kinds} FROM audit WHERE id > ? AND id <= ? ORDER BY id LIMIT ?",  # noqa: S608 - fixed names
            (after, until, limit),
        )
        return [_row(values) for values in found]

    def names(self, subject: str) -> bool:
        """Whether any row is about this employee."""
        return one(self._db, "SELECT 1 FROM audit WHERE subject = ? LIMIT 1", subject) is not None

    def grants(self, run_ids: Iterable[str]) -> list[tuple[str, str, str]]:
        """Run id, body as it stands, and seal of each run's grant."""
        found = [one(self._db, "SELECT run_id, body, seal FROM grants WHERE run_id = ?", run_id) for run_id in run_ids]
        return [(row["run_id"], row["body"], row["seal"]) for row in found if row is not None]

    def has(self, head: Head) -> bool:
        """Whether a head is one of the chain's rows, or its beginning."""
        found = one(self._db, "SELECT mac FROM audit WHERE id = ?", head.id) if head.id else {"mac": NO_MAC}
        return found is not None and found["mac"] == head.mac

    def replaced(self, head: Head) -> bool:
        """Whether a genuine restore says that it replaced exactly this head, which may be of another state."""
        restored = rows(self._db, "SELECT id FROM audit WHERE kind = 'restored' AND key_id <> '' ORDER BY id DESC")
        return any(self._restored(r["id"], head) for r in restored)

    def _restored(self, row_id: int, head: Head) -> bool:
        *before, row = self.page(row_id - 2, 2, row_id)
        replaced, mac = replaced_head(row), self.keys.mac(row, before[0].mac if before else NO_MAC)
        return replaced is not None and (replaced.id, replaced.mac) == (head.id, head.mac) and mac == row.mac

    def runs_that_need(self, key_id: str) -> list[str]:
        """Runs whose grant is under a sealing key and may be asked for again: by the run, by a held one's end, by an effect
        that is not settled."""
        found = rows(
            self._db,
            "SELECT runs.id FROM runs JOIN grants ON grants.run_id = runs.id WHERE json_extract(grants.body, '$.key_id') = ? AND"
            " (runs.status IN ('queued', 'running', 'waiting', 'held') OR EXISTS (SELECT 1 FROM effects WHERE"
            " effects.employee_id = coalesce(runs.employee_id, '') AND effects.run_id = runs.id"
            " AND effects.state IN ('open', 'accepted'))) ORDER BY runs.created_at",
            key_id,
        )
        return [row["id"] for row in found]

    def damage(self) -> list[str]:
        """What is wrong around the rows, in words."""
        triggers = {r["name"] for r in rows(self._db, "SELECT name FROM sqlite_master WHERE type = 'trigger'")}
        found = [f"the database no longer refuses changes of the audit: its trigger {t} is gone" for t in _TRIGGERS - triggers]
        counted = one(self._db, "SELECT seq FROM sqlite_sequence WHERE name = 'audit'")
        if counted is not None and counted["seq"] > self.last().id:
            found.append(f"the database has counted to row {counted['seq']}, its last one is {self.last().id}: rows were cut off")
        unheard = rows(self._db, "SELECT run_id FROM grants WHERE run_id NOT IN (SELECT run_id FROM audit WHERE kind = 'grant')")
        return found + [f"the grant of run {r['run_id']} has no row: it was removed, or the grant slipped in" for r in unheard]

    def _has_key_ids(self) -> bool:
        return one(self._db, "SELECT 1 FROM pragma_table_info('audit') WHERE name = 'key_id'") is not None


def _row(values: tuple[object, ...]) -> AuditRow:
    row_id, *texts, kinds = values
    assert isinstance(row_id, int)  # noqa: S101 - the rowid
    said = {
        name: text.decode(errors="surrogateescape") if isinstance(text, bytes) else ""
        for name, text in zip(_TEXTS, texts, strict=True)
    }
    return AuditRow(id=row_id, sound=kinds == "text" * len(_TEXTS), **said)
