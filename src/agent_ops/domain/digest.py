"""What a reading found, in a line: the answer's words where no model writes them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from agent_ops.domain.plain import one_line

MAX_DIGEST, MAX_VALUE = 600, 120
_MORE = re.compile(r'^\{"next_page": ("(?:[^"\\]|\\.)*")')
_TITLES = ("title", "summary", "name", "message", "description", "status", "result", "text")


def found(text: str) -> Any:
    """The facts in a reading's text; None for what is no whole reading."""
    try:
        read = json.loads(text)
    except ValueError:
        return None
    return read.get("found") if isinstance(read, dict) else None


def more(text: str) -> str:
    """What to give as ``page`` to read on, also of a text that was cut; empty at the end."""
    mark = _MORE.match(text)
    return str(json.loads(mark[1])) if mark else ""


def digest(text: str) -> str:
    """A reading's text as one line, its beginning kept; empty for what is no whole reading."""
    facts = found(text)
    return "" if facts is None else one_line("; ".join(_parts(facts)), MAX_DIGEST)


def _parts(facts: Any) -> Iterator[str]:
    if isinstance(facts, list):
        yield _rows("", facts)
    elif isinstance(facts, dict):
        for name, value in facts.items():
            words = name.replace("_", " ")
            yield _rows(words, value) if isinstance(value, list) else f"{words}: {_value(value)}"
    else:
        yield _value(facts)


def _rows(name: str, rows: list[Any]) -> str:
    """How many they are, and which."""
    count = f"{name} ({len(rows)})" if name else f"{len(rows)} found"
    return f"{count}: {', '.join(map(_row, rows))}" if rows else f"{name or 'found'}: none"


def _row(row: Any) -> str:
    """By what a row is called, and its title."""
    if not isinstance(row, dict) or not row:
        return _value(row)
    first, *_ = row
    title = next((key for key in _TITLES if key != first and row.get(key)), None)
    return _value(row[first]) + (f" {_value(row[title])}" if title else "")


def _value(value: Any) -> str:
    if value is None:
        return "none"
    return one_line(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str), MAX_VALUE)
