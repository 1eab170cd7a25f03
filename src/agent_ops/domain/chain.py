"""Whether a chain of audit rows is whole: read once, in order, and compared with the head that was kept elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from agent_ops.domain.audit import NO_MAC, AuditKeys, AuditRow, Head

MAX_LAG = 1000
"""How many rows the head may be behind: each process that died between a commit and the head's writing leaves one behind."""
_MOST_FINDINGS = 20
_REPLACED = re.compile(r"(?:^| )head=(\d+):([0-9a-f]{64}|none)(?: |$)")


@dataclass(frozen=True)
class Finding:
    """What is wrong, in words; ``row`` is where, None for the chain as a whole."""

    kind: str
    row: int | None
    words: str


@dataclass(frozen=True)
class Verification:
    """What came of looking at a chain: ``findings`` is empty when it is whole; ``notes`` are worth knowing and no harm."""

    rows: int
    last: Head
    head: Head | None
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]
    unlisted: int = 0

    @property
    def whole(self) -> bool:
        return not self.findings


@dataclass
class ChainCheck:
    """Takes all rows in the order of their ids, then the head."""

    keys: AuditKeys
    head: Head | None
    rows: int = 0
    _last: Head = field(default_factory=lambda: Head(0, NO_MAC))
    _before: tuple[str, ...] = (NO_MAC,)
    _newest_key: int = 0
    _named_keys: bool = False
    _at_head: str | None = None
    _restores: list[tuple[AuditRow, Head | None]] = field(default_factory=list)
    _suspects: list[AuditRow] = field(default_factory=list)
    _macs: set[str] = field(default_factory=set)
    _findings: list[Finding] = field(default_factory=list)

    def feed(self, rows: Iterable[AuditRow]) -> None:
        """Look at the next rows."""
        for row in rows:
            self._see(row)

    def finish(self, damage: Iterable[str] = ()) -> Verification:
        """What came of it; ``damage`` is what else is wrong with the table."""
        self._findings += [Finding("unprotected", None, words) for words in damage]
        self._reordered()
        notes = [f"row {row.id}: the database was put back to an older state on {row.at}{_lost(h)}" for row, h in self._restores]
        self._check_head(notes)
        shown = sorted(self._findings, key=lambda f: f.row or 1 << 62)
        return Verification(
            self.rows, self._last, self.head, tuple(shown[:_MOST_FINDINGS]), tuple(notes), max(0, len(shown) - _MOST_FINDINGS)
        )

    def _see(self, row: AuditRow) -> None:
        self.rows += 1
        due = self._last.id + 1
        if row.id < due:
            self._find("forged", row.id, f"row {row.id} is none of the chain, which begins at 1")
            return
        if row.id > due:
            gone = f"row {due} is" if row.id == due + 1 else f"rows {due} to {row.id - 1} are"
            self._find("removed", due, f"{gone} removed; row {row.id} cannot be vouched for without it")
            self._before = ()
        if self.head is not None and row.id == self.head.id:
            self._at_head = row.mac
        self._check_key(row)
        self._check_mac(row)
        self._last = Head(row.id, row.mac)

    def _check_key(self, row: AuditRow) -> None:
        if row.key_id not in {"", *self.keys.keys}:
            self._find("altered", row.id, f"row {row.id} was altered: no audit key is called {row.key_id!r}")
            return
        order = self.keys.order(row.key_id)
        if order < self._newest_key or (self._named_keys and not row.key_id):
            self._find("forged", row.id, f"row {row.id} is under a key that was not in use any more: altered or forged")
        self._newest_key, self._named_keys = max(order, self._newest_key), self._named_keys or bool(row.key_id)

    def _check_mac(self, row: AuditRow) -> None:
        """A row is genuine after the mac that stands in the row before, or after the one that should stand there."""
        due = [mac for before in self._before if (mac := self.keys.mac(row, before)) is not None]
        if row.sound and (row.mac in due or not self._before):
            self._before = (row.mac,)
            if row.kind == "restored" and row.key_id and due:
                self._restores.append((row, replaced_head(row)))
            return
        self._suspects.append(row)
        if len(self._suspects) <= _MOST_FINDINGS:
            self._macs |= {row.mac, *self._before}
        self._before = (row.mac, *due[:1])

    def _reordered(self) -> None:
        """Say of each row that is not genuine in its place whether it is in another's."""
        few = self._suspects[:_MOST_FINDINGS]
        for number, row in enumerate(self._suspects):
            place = self._written_as(row, few) if row.key_id and number < len(few) else None
            if place is None:
                words = f"row {row.id} was altered, or does not come after the row before it, or was never written by us"
                self._find("altered", row.id, words)
            else:
                words = f"row {row.id} holds what was written as row {place}: rows were re-ordered or removed"
                self._find("reordered", row.id, words)

    def _written_as(self, row: AuditRow, suspects: list[AuditRow]) -> int | None:
        places = {id_ for suspect in suspects for id_ in (suspect.id, suspect.id + 1)} - {row.id}
        for place in sorted(places):
            moved = replace(row, id=place)
            if any(self.keys.mac(moved, before) == row.mac for before in self._macs):
                return place
        return None

    def _check_head(self, notes: list[str]) -> None:
        head, last = self.head, self._last
        if head is None:
            if self._named_keys:
                self._find("no_head", None, "the head is missing or forged: nobody can tell whether rows were cut off the end")
        elif self._at_head == head.mac or (head.id == 0 and not head.mac):
            self._check_lag(last.id - head.id, notes)
        elif any(replaced is not None and replaced.code == head.code for _, replaced in self._restores):
            notes.append("the head is the one that a restore replaced; the next start writes the new one")
        elif last.id < head.id:
            cut = f"row {head.id} is" if head.id == last.id + 1 else f"rows {last.id + 1} to {head.id} are"
            words = f"{cut} missing at the end: the chain was cut off, or the database is an older copy"
            self._find("truncated", last.id + 1, words)
        else:
            words = f"row {head.id} is another one than the head says: rows were cut off and others added, or it was altered"
            self._find("replaced", head.id, words)

    def _check_lag(self, lag: int, notes: list[str]) -> None:
        if lag > MAX_LAG:
            words = f"the head is {lag} rows behind: it is not being written any more, or is an old copy"
            self._find("stale_head", None, words)
        elif lag:
            notes.append(f"the head is {lag} rows behind the chain; the next start catches up")

    def _find(self, kind: str, row: int | None, words: str) -> None:
        self._findings.append(Finding(kind, row, words))


def replaced_head(row: AuditRow) -> Head | None:
    """The head that a restore's row says it replaced; None when there was none."""
    found = _REPLACED.search(row.detail)
    return Head(int(found[1]), NO_MAC if found[2] == "none" else found[2]) if found else None


def _lost(head: Head | None) -> str:
    return f"; rows {head.id} and before of the state that it replaced are in the copy that was moved aside" if head else ""
