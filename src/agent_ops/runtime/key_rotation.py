"""Rotating the installation's keys, while processes work: they read the key file again when it has changed.

The file is replaced inside a write transaction of the database. Whoever seals a grant or appends to the audit does so inside
one too, so that each sees either the old file or the new one, and an audit key is never used again after a newer one.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent_ops.domain.audit import FIRST_KEY
from agent_ops.domain.errors import InvalidRequest, NotFound, NotPermitted
from agent_ops.domain.grants import Caller
from agent_ops.runtime.data_dir import check_database, open_store
from agent_ops.runtime.keys import FILE, InstallationKeys, read_keys, written_aside
from agent_ops.storage import Tx

SCOPE = "admin"


async def rotate_keys(data_dir: Path, caller: Caller, *, audit: bool = False) -> str:
    """Make a new sealing key, or audit key, the current one; the id of it. What was made under older ones still verifies.

    Raises:
        NotPermitted: the caller is no administrator. NotFound: there is no database.
    """

    def work(fields: dict[str, Any], tx: Tx) -> tuple[str, str]:
        return ("key_rotated", _new_audit_key(fields) if audit else _new_sealing_key(fields))

    return await _changed(data_dir, caller, work)


async def retire_key(data_dir: Path, key_id: str, caller: Caller) -> None:
    """Let a sealing key open no door any more: grants and plans under it are refused from now on.

    Raises:
        NotPermitted: the caller is no administrator. NotFound: there is no such key, or no database.
        InvalidRequest: it is the current key, or an audit key, or a run that may go on has its grant under it.
    """

    def work(fields: dict[str, Any], tx: Tx) -> tuple[str, str]:
        if key_id in InstallationKeys.from_json(fields).audit.keys:
            raise InvalidRequest("key", f"{key_id} is an audit key", "Those are never retired: the chain needs them.")
        if key_id not in fields["sealing"]:
            raise NotFound(f"there is no sealing key {key_id!r}", "See `agent-ops keys list`.")
        if key_id == fields["current"]:
            raise InvalidRequest("key", f"{key_id} is the current key", "Rotate first: `agent-ops keys rotate`.")
        if used := tx.audit.runs_that_need(key_id):
            raise InvalidRequest("key", f"{len(used)} runs still need it, such as {used[0]}", "Let them end, or cancel them.")
        fields.setdefault("retired", {})[key_id] = fields["sealing"].pop(key_id)
        return "key_retired", key_id

    await _changed(data_dir, caller, work)


def _new_sealing_key(fields: dict[str, Any]) -> str:
    new = _next("k", {*fields["sealing"], *fields.get("retired", {})})
    fields["sealing"][new] = secrets.token_hex(32)
    fields["current"] = new
    return new


def _new_audit_key(fields: dict[str, Any]) -> str:
    new = _next("a", {FIRST_KEY, *fields.get("audit_keys", {})})
    fields.setdefault("audit_keys", {})[new] = secrets.token_hex(32)
    fields["audit_current"] = new
    return new


def _next(letter: str, known: set[str]) -> str:
    return f"{letter}{max(int(name[1:]) for name in known if name[1:].isdigit()) + 1}"


async def _changed(data_dir: Path, caller: Caller, work: Callable[[dict[str, Any], Tx], tuple[str, str]]) -> str:
    """Change the key file, and sign so in the audit, under the newest key.

    Should the machine fail between the two, the key is changed and the row is missing; it is never the other way round.
    """
    if SCOPE not in caller.scopes:
        raise NotPermitted(f"{caller.name} lacks the scope {SCOPE!r}")
    check_database(data_dir)
    await asyncio.to_thread(read_keys, data_dir)
    path = data_dir / FILE

    def changed(tx: Tx) -> str:
        fields = json.loads(path.read_text(encoding="utf-8"))
        kind, key_id = work(fields, tx)
        written_aside(path, fields).replace(path)
        tx.audit.keys = read_keys(data_dir).audit
        tx.audit.append(kind, "", caller.name, detail=f"key={key_id}")
        return key_id

    async with open_store(data_dir) as (store, _):
        return await store.transaction(changed)
