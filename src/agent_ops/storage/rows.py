"""How values stand in the database: JSON as text, times as ISO 8601 in UTC, rows as dictionaries."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

from sqlite_utils import Database

Row = dict[str, Any]


def rows(db: Database, sql: str, *parameters: Any) -> list[Row]:
    """All rows of a query."""
    cursor = db.execute(sql, parameters)
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def one(db: Database, sql: str, *parameters: Any) -> Row | None:
    """The first row of a query, or None."""
    found = rows(db, sql, *parameters)
    return found[0] if found else None


def dump(value: Any) -> str:
    """JSON that keeps a person's own script."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def now() -> datetime:
    return datetime.now(timezone.utc)


def stamp(moment: datetime | None = None) -> str:
    return (moment or now()).astimezone(timezone.utc).isoformat(timespec="milliseconds")


def moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
