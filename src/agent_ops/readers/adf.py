"""A document of Atlassian's as plain text: https://developer.atlassian.com/cloud/jira/platform/apis/document/structure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_MAX_DEPTH = 40
_LINES = {"paragraph", "codeBlock", "heading", "listItem", "tableRow", "taskItem", "decisionItem", "rule", "blockquote"}


def document_text(document: Any, limit: int) -> str:
    """The text of a document, of at most about ``limit`` characters; a document that is text already stays as it is."""
    if isinstance(document, str):
        return document[:limit]
    written = _Text(limit)
    written.add(document, 0)
    lines = (line.rstrip() for line in "".join(written.parts).splitlines())
    return "\n".join(line for line in lines if line)


class _Text:
    """Collects a document's words, node by node, until there are enough."""

    def __init__(self, limit: int) -> None:
        self.parts: list[str] = []
        self._room = limit

    def add(self, node: Any, depth: int) -> None:
        if not isinstance(node, dict) or depth > _MAX_DEPTH or self._room <= 0:
            return
        kind, attributes = str(node.get("type") or ""), node.get("attrs") or {}
        if kind in _OPENINGS and isinstance(attributes, dict):
            self._put(_OPENINGS[kind](attributes))
        if kind == "text":
            self._put(str(node.get("text") or "") + _link(node.get("marks")))
        for child in node.get("content") or []:
            self.add(child, depth + 1)
        if kind in ("tableCell", "tableHeader"):
            while self.parts and self.parts[-1] == "\n":
                self.parts.pop()
            self._put(" | ")
        elif kind in _LINES:
            self._put("\n")

    def _put(self, text: str) -> None:
        self.parts.append(text)
        self._room -= len(text)


def _link(marks: Any) -> str:
    """Where a text leads, when it is a link."""
    links = [mark for mark in marks or [] if isinstance(mark, dict) and mark.get("type") == "link"]
    return "".join(f" ({(mark.get('attrs') or {}).get('href', '')})" for mark in links)


_OPENINGS: dict[str, Callable[[dict[str, Any]], str]] = {
    "heading": lambda a: "# ",
    "listItem": lambda a: "- ",
    "taskItem": lambda a: "[x] " if a.get("state") == "DONE" else "[ ] ",
    "hardBreak": lambda a: "\n",
    "mention": lambda a: str(a.get("text") or f"@{a.get('id', '')}"),
    "emoji": lambda a: str(a.get("text") or a.get("shortName") or ""),
    "status": lambda a: f"[{a.get('text', '')}]",
    "inlineCard": lambda a: str(a.get("url") or ""),
    "blockCard": lambda a: f"{a.get('url', '')}\n",
    "media": lambda a: f"[file {a.get('alt') or a.get('id', '')}]\n",
}
