"""The installation's own keys: made once, kept beside the database, readable by their owner only."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent_ops.domain.audit import FIRST_KEY, AuditKeys
from agent_ops.domain.errors import NotFound, StorageCorrupt, StorageReadOnly
from agent_ops.ledger.grants import SealingKeys

FILE = "keys.json"


@dataclass(frozen=True)
class InstallationKeys:
    """``identity`` makes employee ids and never rotates; ``audit`` makes the audit chain; ``sealing`` seals grants and plans.

    ``retired`` sealing keys open no door any more: an auditor verifies old grants with them.
    """

    identity: bytes
    audit: AuditKeys
    sealing: SealingKeys
    retired: Mapping[str, bytes] = field(default_factory=dict)

    def __repr__(self) -> str:
        return "InstallationKeys(...)"

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> InstallationKeys:
        """The keys in a key file. An older one names a single audit key."""
        further = _bytes(fields.get("audit_keys", {}))
        return cls(
            bytes.fromhex(fields["identity"]),
            AuditKeys(fields.get("audit_current", FIRST_KEY), {FIRST_KEY: bytes.fromhex(fields["audit"]), **further}),
            SealingKeys(fields["current"], _bytes(fields["sealing"])),
            _bytes(fields.get("retired", {})),
        )


class Keyring:
    """The keys as they are now: rotated ones are picked up by processes that run."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._seen = _look(data_dir)  # before it is read: a rotation between the two is then seen at the next look
        self._keys = read_keys(data_dir)

    @property
    def identity(self) -> bytes:
        """The key of employee ids, which never changes."""
        return self._keys.identity

    def now(self) -> InstallationKeys:
        """The keys in the file; those known before, should it be unreadable for a moment."""
        seen = _look(self._data_dir)
        if seen is not None and seen != self._seen:
            self._keys, self._seen = read_keys(self._data_dir), seen
        return self._keys

    def audit(self) -> AuditKeys:
        """The keys of the audit chain."""
        return self.now().audit

    def sealing(self) -> SealingKeys:
        """The keys of grants and plans."""
        return self.now().sealing


def ensure_keys(data_dir: Path) -> InstallationKeys:
    """The keys of a data directory, made at random when it has none.

    Raises:
        StorageReadOnly: the directory cannot be written. StorageCorrupt: the file is no key file.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        if not (data_dir / FILE).exists():
            _make(data_dir / FILE)
    except OSError as error:
        raise StorageReadOnly(f"the data directory {data_dir} cannot be used: {error.strerror}") from error
    return read_keys(data_dir)


def read_keys(data_dir: Path) -> InstallationKeys:
    """The keys of a data directory.

    Raises:
        NotFound: it has none. StorageReadOnly: they cannot be read. StorageCorrupt: the file is no key file.
    """
    path = data_dir / FILE
    try:
        return InstallationKeys.from_json(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise NotFound(f"there is no {FILE} in {data_dir}", "Name the right --data-dir.") from None
    except OSError as error:
        raise StorageReadOnly(f"the data directory {data_dir} cannot be used: {error.strerror}") from error
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise StorageCorrupt(f"the key file {path} is damaged", "Restore it from the backup of the data directory.") from error


def written_aside(path: Path, fields: dict[str, Any]) -> Path:
    """A private file with these keys, beside the one whose place it is to take."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    draft.touch(mode=0o600)
    with draft.open("w", encoding="utf-8") as file:
        json.dump(fields, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    return draft


def _look(data_dir: Path) -> tuple[int, int, int] | None:
    """What changes with the file's contents, which are never changed in place."""
    try:
        found = (data_dir / FILE).stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _bytes(keys: Mapping[str, str]) -> dict[str, bytes]:
    return {name: bytes.fromhex(key) for name, key in keys.items()}


def _make(path: Path) -> None:
    """Written aside and linked into place, so that two processes starting at once end up with one file."""
    fields = {
        "identity": secrets.token_hex(32),
        "audit": secrets.token_hex(32),
        "current": "k1",
        "sealing": {"k1": secrets.token_hex(32)},
    }
    draft = written_aside(path, fields)
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
