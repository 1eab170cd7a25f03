"""SQL about API keys."""

from __future__ import annotations

import json

from sqlite_utils import Database

from agent_ops.domain.api_keys import ApiKey
from agent_ops.storage.rows import Row, dump, moment, one, rows, stamp


class ApiKeys:
    """The keys of programs that call the REST service; every method runs inside the caller's transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def insert(self, key: ApiKey) -> None:
        self._db.execute(
            "INSERT INTO api_keys (id, name, scopes, digest, created_by, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                key.id,
                key.name,
                dump(sorted(key.scopes)),
                key.digest,
                key.created_by,
                stamp(key.created_at),
                stamp(key.expires_at),
            ),
        )

    def get(self, key_id: str) -> ApiKey | None:
        row = one(self._db, "SELECT * FROM api_keys WHERE id = ?", key_id)
        return _key(row) if row else None

    def all(self) -> list[ApiKey]:
        """Every key there ever was, the oldest first."""
        return [_key(row) for row in rows(self._db, "SELECT * FROM api_keys ORDER BY created_at, id")]

    def revoke(self, key_id: str) -> None:
        """From now on the key opens nothing; revoked again, its first time stays."""
        self._db.execute("UPDATE api_keys SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?", (stamp(), key_id))


def _key(row: Row) -> ApiKey:
    created, expires = moment(row["created_at"]), moment(row["expires_at"])
    assert created is not None and expires is not None  # noqa: S101 - NOT NULL in the schema
    scopes = frozenset(json.loads(row["scopes"]))
    return ApiKey(row["id"], row["name"], scopes, row["digest"], row["created_by"], created, expires, moment(row["revoked_at"]))
