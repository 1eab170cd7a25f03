"""The bytes on disk: the operations database read with sqlite3 alone, keys as they lie there, and every file's bytes."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from proofs.judge import Files

_TRIGGER = "CREATE TRIGGER grants_never_change BEFORE UPDATE ON grants BEGIN SELECT RAISE(ABORT, 'grants are append-only'); END"


@dataclass(frozen=True)
class Audited:
    """One audit row."""

    id: int
    kind: str
    run_id: str
    subject: str
    action: str
    item: str


class Disk(Files):
    """A data directory."""

    def __init__(self, data_dir: Path) -> None:
        super().__init__(data_dir)
        self.data_dir = data_dir
        self._audit: list[Audited] | None = None
        self._known_keys: dict[str, Any] | None = None
        self._known_ids: dict[str, str] = {}

    def look(self) -> None:
        """From now on what stands there now."""
        self._audit = None

    def audited(self) -> int:
        """The newest audit row."""
        found = self.rows("SELECT max(id) AS id FROM audit")
        return int(found[0]["id"] or 0) if found else 0

    def audit(self) -> list[Audited]:
        """As it stood at the last look."""
        if self._audit is None:
            rows = self.rows("SELECT id, kind, run_id, subject, action, item FROM audit ORDER BY id")
            self._audit = [Audited(*tuple(row)) for row in rows]
        return self._audit

    def audit_bytes(self) -> list[str]:
        """Every audit row whole, to see that what stood there stands there still."""
        return [json.dumps(tuple(row), default=str) for row in self.rows("SELECT * FROM audit ORDER BY id")]

    def grants(self) -> dict[str, tuple[str, str]]:
        return {row["run_id"]: (row["body"], row["seal"]) for row in self.rows("SELECT run_id, body, seal FROM grants")}

    def runs(self) -> dict[str, tuple[str, str]]:
        """Employee and status of each run."""
        return {row["id"]: (row["employee_id"], row["status"]) for row in self.rows("SELECT id, employee_id, status FROM runs")}

    def set_grant(self, run_id: str, body: str, seal: str) -> None:
        """A hand in the database: append-only is lifted, the row changed, and all looks as before."""
        drop: tuple[str, tuple[object, ...]] = ("DROP TRIGGER grants_never_change", ())
        self.change(drop, ("UPDATE grants SET body = ?, seal = ? WHERE run_id = ?", (body, seal, run_id)), (_TRIGGER, ()))

    def seal_holds(self, run_id: str) -> bool:
        """Whether the grant's seal is the HMAC of its body under the key that it names."""
        body, seal = self.grants()[run_id]
        key = self._keys()["sealing"].get(json.loads(body).get("key_id"))
        return bool(key) and hmac.compare_digest(seal, hmac.new(bytes.fromhex(key), body.encode(), hashlib.sha256).hexdigest())

    def employee_id(self, external_id: str) -> str:
        """The HMAC of an identity under the installation's key, worked out here, once for each."""
        if external_id not in self._known_ids:
            key = bytes.fromhex(self._keys()["identity"])
            self._known_ids[external_id] = hmac.new(key, f"external:{external_id}".encode(), hashlib.sha256).hexdigest()[:32]
        return self._known_ids[external_id]

    def secrets(self) -> list[str]:
        """The installation's own keys."""
        keys = self._keys()
        return [keys["identity"], keys["audit"], *keys["sealing"].values()]

    def leaks(self, secrets: list[str]) -> list[str]:
        """Files, but for the key file, that hold one of these in any form that it can be written in."""
        forms = [form for secret in secrets for form in forms_of(secret)]
        found = []
        for path in sorted(self.data_dir.rglob("*")):
            if path.is_file() and not path.name.startswith("keys.json"):
                content = path.read_bytes()
                found += [f"{path.name} holds {form[:12].decode()}..." for form in forms if form in content]
        return found

    def _keys(self) -> dict[str, Any]:
        if self._known_keys is None:
            self._known_keys = json.loads((self.data_dir / "keys.json").read_text(encoding="utf-8"))
        assert self._known_keys is not None
        return self._known_keys


def forms_of(secret: str) -> tuple[bytes, ...]:
    raw = secret.encode()
    return tuple(dict.fromkeys((raw, quote(secret, safe="").encode(), base64.b64encode(raw))))


def effect_key(employee_id: str, action: str, item: str, generation: int = 0) -> str:
    """An effect's key, worked out anew."""
    return hashlib.sha256("\x1f".join((employee_id, action, item, str(generation))).encode()).hexdigest()[:32]
