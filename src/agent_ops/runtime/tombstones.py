"""What stays of erased people: a refusal at the edge, and a list outside the database that outlives it."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from agent_ops.domain.erasure import Tombstone
from agent_ops.domain.errors import IdentityConflict, StorageCorrupt
from agent_ops.storage import Tx

FILE = "erased.json"


def check_not_erased(tx: Tx, employee_id: str) -> None:
    """Refuse to do anything for a person of whom nothing is known any more.

    Raises:
        IdentityConflict: they were erased.
    """
    if tx.erasures.is_erased(employee_id):
        raise IdentityConflict(
            "this person was erased: nobody knows any more which account and which access they have",
            "Nothing was done. Whoever comes back is asked for under an external_id that was not used before.",
        )


def keep_list(data_dir: Path, stones: Iterable[Tombstone]) -> None:
    """Add tombstones to the list outside the database, from which a restore erases again. Within a write transaction, so that
    two processes take turns.

    Raises:
        StorageCorrupt: the list cannot be read.
    """
    known = {stone.employee_id: stone for stone in (*read_list(data_dir), *stones)}
    draft = data_dir / f"{FILE}.{secrets.token_hex(4)}"
    draft.touch(mode=0o600)
    with draft.open("w", encoding="utf-8") as file:
        json.dump([known[key].to_json() for key in sorted(known)], file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(data_dir / FILE)


def read_list(data_dir: Path) -> list[Tombstone]:
    """Everybody who was erased in this data directory.

    Raises:
        StorageCorrupt: the list cannot be read.
    """
    path = data_dir / FILE
    try:
        return [Tombstone.from_json(entry) for entry in json.loads(path.read_text(encoding="utf-8"))]
    except FileNotFoundError:
        return []
    except (ValueError, KeyError, TypeError) as error:
        raise StorageCorrupt(
            f"the list of erased people {path} is damaged", "Take it from a copy of the data directory, or move it aside."
        ) from error
