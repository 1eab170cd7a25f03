"""A Confluence page's storage format as plain text: headings, lists, tables, tasks, code; what only steers a macro is left out.

https://confluence.atlassian.com/doc/confluence-storage-format-790796544.html
"""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser

_CDATA = re.compile(r"<!\[CDATA\[(.*?)\]\]>", re.DOTALL)
_UNSEEN = {"ac:parameter", "ac:task-id", "ac:task-status", "ac:placeholder", "style", "script"}
_BLOCKS = {"p", "h1", "h2", "h3", "h4", "h5", "h6", "li", "tr", "div", "blockquote", "pre", "ac:task-body", "ac:plain-text-body"}
_CHUNK = 65_536


def storage_text(storage: str, limit: int) -> tuple[str, bool]:
    """The text of a body, and whether that is all of it; reading stops soon after ``limit`` characters."""
    reader = _Text()
    for start in range(0, len(storage), _CHUNK):
        reader.feed(_escaped(storage, start))
        if reader.length > limit + _CHUNK // 8:
            return reader.text(), False
    reader.close()
    return reader.text(), True


def _escaped(storage: str, start: int) -> str:
    """A part of the body with its CDATA sections as ordinary text; one that lies across two parts is read with the first."""
    begin, end = _border(storage, start), _border(storage, start + _CHUNK)
    return _CDATA.sub(lambda found: html.escape(found[1]), storage[begin:end])


def _border(storage: str, at: int) -> int:
    """Where a part ends: at its place, or after the CDATA section that this place lies in."""
    opened = storage.rfind("<![CDATA[", 0, at)
    if opened < 0 or at >= len(storage):
        return at
    closed = storage.find("]]>", opened)
    return max(at, closed + 3) if closed >= 0 else at


class _Text(HTMLParser):
    """Collects what a reader of the page would see, and what is hidden by its colour only."""

    def __init__(self) -> None:
        super().__init__()
        self.length = 0
        self._parts: list[str] = []
        self._unseen = 0
        self._lists: list[int] = []
        self._task_done = False

    def text(self) -> str:
        lines = (re.sub(r"[ \t]+", " ", line).rstrip(" |") for line in "".join(self._parts).splitlines())
        return "\n".join(line for line in lines if line.strip())

    def parse_html_declaration(self, i: int) -> int:
        """Comments, which do not come by here, are the format's only declarations: for others Python's parser may raise."""
        self.handle_data("<!")
        return i + 2

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNSEEN:
            self._unseen += 1
        elif tag in ("ol", "ul"):
            self._lists.append(0 if tag == "ol" else -1)
        elif tag == "li":
            self._add("\n" + self._bullet())
        elif tag == "ac:task-body":
            self._add("\n[x] " if self._task_done else "\n[ ] ")
        elif tag in ("br", "hr", "ac:plain-text-body"):
            self._add("\n")
        elif re.fullmatch(r"h[1-6]", tag):
            self._add("\n# ")
        else:
            self._add(_named(tag, dict(attrs)))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif tag in ("ol", "ul") and self._lists:
            self._lists.pop()
        elif tag in ("td", "th"):
            self._add(" | ")
        if tag in _BLOCKS:
            self._add("\n")

    def handle_data(self, data: str) -> None:
        if self._unseen:
            self._task_done = {"complete": True, "incomplete": False}.get(data.strip(), self._task_done)
        else:
            self._add(data)

    def _bullet(self) -> str:
        if not self._lists or self._lists[-1] < 0:
            return "  " * max(0, len(self._lists) - 1) + "- "
        self._lists[-1] += 1
        return "  " * (len(self._lists) - 1) + f"{self._lists[-1]}. "

    def _add(self, text: str) -> None:
        if not self._unseen and text:
            self._parts.append(text)
            self.length += len(text)


def _named(tag: str, attributes: dict[str, str | None]) -> str:
    """What stands for a link or a file that has no words of its own."""
    if tag == "ri:page":
        return f"[page {attributes.get('ri:content-title') or ''}]"
    if tag == "ri:attachment":
        return f"[file {attributes.get('ri:filename') or ''}]"
    if tag == "ri:user":
        return f"[user {attributes.get('ri:account-id') or ''}]"
    return str(attributes.get("datetime") or "") if tag == "time" else ""
