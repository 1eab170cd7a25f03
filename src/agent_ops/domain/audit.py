"""The audit's rows: a chain in which each row's mac covers the row and the mac before it, under a key of the installation.

HMAC-SHA-256 (RFC 2104) over JSON. Rows hold ids, codes and keyed hashes; what may name a person becomes a pseudonym here,
whoever wrote it. docs/audit.md describes a row to whoever wants to verify it with a program of their own.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

FIRST_KEY = "a1"
"""Rows of before there were key ids are under this one; their macs do not cover their ids."""
NO_MAC = ""
_PSEUDONYM_DIGITS = 24


@dataclass(frozen=True)
class AuditRow:
    """One row. ``key_id`` is empty in rows of before there were key ids; ``sound`` is false when a column is no text."""

    id: int
    at: str
    kind: str
    run_id: str
    subject: str
    action: str
    item: str
    detail: str
    key_id: str
    mac: str
    sound: bool = True

    def fields(self) -> list[str]:
        """What the row says, in the order in which its mac covers it."""
        return [self.at, self.kind, self.run_id, self.subject, self.action, self.item, self.detail]


@dataclass(frozen=True)
class Head:
    """The newest row, as it is also written outside the database. ``turn`` counts the times that it was written."""

    id: int
    mac: str
    turn: int = 0

    @property
    def code(self) -> str:
        """As a row names it."""
        return f"{self.id}:{self.mac or 'none'}"


@dataclass(frozen=True)
class AuditKeys:
    """Keys by their ids, the oldest first. New rows are made with ``current``; the others only verify."""

    current: str
    keys: Mapping[str, bytes]

    @classmethod
    def of(cls, key: bytes) -> AuditKeys:
        """An installation that never rotated its audit key."""
        return cls(FIRST_KEY, {FIRST_KEY: key})

    def __repr__(self) -> str:
        return f"AuditKeys(current={self.current!r})"

    def mac(self, row: AuditRow, before: str) -> str | None:
        """The mac that a row must have after one with the mac ``before``; None when its key is unknown."""
        if not row.key_id:
            return self._hmac(FIRST_KEY, _json([before, *row.fields()]))
        return self._hmac(row.key_id, _json([row.key_id, before, row.id, *row.fields()]))

    def seal_of(self, key_id: str, head: Head) -> str | None:
        """The seal of a head; None when the key is unknown."""
        return self._hmac(key_id, _json(["head", key_id, head.id, head.mac, head.turn]))

    def hashed(self, text: str, key_id: str = "") -> str:
        """A text as the installation alone can compute it: the same text gives the same digits, which say nothing of it."""
        return (self._hmac(key_id or self.current, f"word:{text}") or "")[:_PSEUDONYM_DIGITS]

    def order(self, key_id: str) -> int:
        """How new a key is: a row under an older key never follows one under a newer."""
        return list(self.keys).index(key_id or FIRST_KEY)

    def _hmac(self, key_id: str, text: str) -> str | None:
        key = self.keys.get(key_id)
        return hmac.new(key, text.encode(errors="surrogatepass"), hashlib.sha256).hexdigest() if key is not None else None


_ID = r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_PSEUDONYM = rf"(caller|text)-[0-9a-f]{{{_PSEUDONYM_DIGITS}}}"
_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(\+00:00|Z)"
_VALUE = rf"\d{{1,6}}|[0-9a-f]{{12,128}}|[ak]\d{{1,4}}|\d{{1,18}}:([0-9a-f]{{64}}|none)|{_ID}|{_PSEUDONYM}|{_TIME}"
_SUBJECT = re.compile(rf"{_ID}|{_PSEUDONYM}")
_ITEM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,79}")
CODES = frozenset(
    {
        *("again", "attempt", "backup_of", "bad-argument", "beyond-policy", "by", "cancelled", "closed", "decision", "done"),
        *("failed", "finish", "head", "held", "key", "no-grant", "none", "opened", "policy", "reason", "refused", "retired"),
        *("seal", "steps", "tripped", "unapproved", "unknown-tool", "waiting"),
        *("auto", "holders", "least", "people"),
        *("busy", "no-scope", "not-created", "not-ready", "paused", "too-many", "too-old"),
    }
)
"""The words that a row's ``detail`` may hold beside ids, numbers, times and hashes."""
_TOKEN = re.compile(rf"((?P<name>[a-z_-]+)=)?({_VALUE}|(?P<word>[a-z_-]+))")


def subject_of(text: str, keys: AuditKeys) -> str:
    """An employee's or a run's id as it is; anything else, a caller's name for example, as a pseudonym."""
    return text if not text or _SUBJECT.fullmatch(text) else caller_code(text, keys)


def caller_code(name: str, keys: AuditKeys) -> str:
    """Who asked, without the name."""
    return f"caller-{keys.hashed(name)}"


def item_of(text: str, keys: AuditKeys) -> str:
    """A catalogue key as it is; what cannot be one as a pseudonym."""
    return text if not text or _ITEM.fullmatch(text) else text_code(text, keys)


def detail_of(text: str, keys: AuditKeys) -> str:
    """Codes, ids, numbers and times as they are; any other words as a pseudonym, whole."""
    return text if all(map(_is_code, text.split())) else text_code(text, keys)


def text_code(text: str, keys: AuditKeys) -> str:
    """Words that were said, without the words."""
    return f"text-{keys.hashed(text)}"


def _is_code(token: str) -> bool:
    found = _TOKEN.fullmatch(token)
    return found is not None and all(found[part] is None or found[part] in CODES for part in ("name", "word"))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
