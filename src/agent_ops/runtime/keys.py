"""The installation's own keys: made once, kept beside the database, readable by their owner only."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from pathlib import Path

from agent_ops.domain.errors import StorageCorrupt, StorageReadOnly
from agent_ops.ledger.grants import SealingKeys

FILE = "keys.json"


@dataclass(frozen=True)
class InstallationKeys:
    """``identity`` makes employee ids and never rotates; ``audit`` makes the audit chain; ``sealing`` seals grants."""

    identity: bytes
    audit: bytes
    sealing: SealingKeys

    def __repr__(self) -> str:
        return "InstallationKeys(...)"


def ensure_keys(data_dir: Path) -> InstallationKeys:
    """The keys of a data directory, made at random when it has none.

    Raises:
        StorageReadOnly: the directory cannot be written. StorageCorrupt: the file is no key file.
    """
    path = data_dir / FILE
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            _make(path)
        fields = json.loads(path.read_text(encoding="utf-8"))
        sealing = SealingKeys(fields["current"], {name: bytes.fromhex(key) for name, key in fields["sealing"].items()})
        return InstallationKeys(bytes.fromhex(fields["identity"]), bytes.fromhex(fields["audit"]), sealing)
    except OSError as error:
        raise StorageReadOnly(f"the data directory {data_dir} cannot be used: {error.strerror}") from error
    except (ValueError, KeyError, AttributeError, TypeError) as error:
        raise StorageCorrupt(f"the key file {path} is damaged", "Restore it from the backup of the data directory.") from error


def _make(path: Path) -> None:
    """Written aside and linked into place, so that two processes starting at once end up with one file."""
    draft = path.with_name(f"{FILE}.{secrets.token_hex(4)}")
    draft.touch(mode=0o600)
    fields = {
        "identity": secrets.token_hex(32),
        "audit": secrets.token_hex(32),
        "current": "k1",
        "sealing": {"k1": secrets.token_hex(32)},
    }
    draft.write_text(json.dumps(fields, indent=1), encoding="utf-8")
    try:
        path.hardlink_to(draft)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
