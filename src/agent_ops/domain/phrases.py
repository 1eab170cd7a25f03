"""Phrases as a table can hold them: words, (this|that), [what may be left out] and {slots}."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

SLOTS: Mapping[str, str] = {
    "repository": r"[\w.-]{1,39}/[\w.-]{1,100}",
    "number": r"#?\d{1,9}",
    "key": r"[A-Za-z][A-Za-z0-9_]{1,19}-\d{1,9}",
    "project": r"[A-Za-z][A-Za-z0-9_]{1,19}",
    "bucket": r"(?:s3://)?[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/?",
    "path": r"[\w./@+-]{1,200}",
    "object": r"[\w./@+=-]{1,200}",
    "ref": r"[0-9a-f]{7,40}",
    "organisation": r"[A-Za-z0-9][A-Za-z0-9-]{0,38}",
    "page": r"\d{1,20}",
    "state": r"open|closed|all",
    "author": r"@?[\w-]{1,39}",
    "opener": r"@?[\w-]{1,39}",
    "circle": r"[A-Za-z0-9][A-Za-z0-9-]{0,38}(?:/[a-z0-9_.-]{1,100})?",
    "version": r"[\w./-]{1,100}",
    "machine": r"pending|running|shutting-down|terminated|stopping|stopped",
    "query": r"[^\r\n]{1,200}?",
    "phrase": r"[^\r\n]{2,120}?",
    "rest": r"[^\r\n.:;!?'\"]{1,200}?",
    "name": r"[^\r\n,;:?!\"]{1,120}?",
    "when": r"today|yesterday|(?:this|last) (?:week|month)|(?:in )?the (?:last|past) \d{1,3} days|since \d{4}-\d\d-\d\d",
}
"""What each slot takes. Whatever a phrase's slot takes is bounded again by the tool that is given it."""
_OWNS = "['’]s?"
_PART = re.compile(r"\[|\]|\(|\)|\||\{\w+\}(?:'s)?|[^\s\[\](){}|]+")


def matched(phrase: str, text: str) -> dict[str, str] | None:
    """What the text has in the phrase's slots; None when it says something else. Upper and lower case are the same."""
    found = _compiled(phrase).fullmatch(f"{text} ")
    return {slot: value.strip() for slot, value in found.groupdict().items() if value} if found else None


@cache
def _compiled(phrase: str) -> re.Pattern[str]:
    return re.compile("".join(map(_part, _PART.findall(phrase))), re.IGNORECASE)


def _part(part: str) -> str:
    """Every word takes the space after it, so that whatever is left out takes its space with it."""
    if part in "[(":
        return "(?:"
    if part == "]":
        return ")?"
    if part in ")|":
        return part
    if part.startswith("{"):
        slot, _, owns = part[1:].partition("}")
        return rf"(?P<{slot}>{SLOTS[slot]}){_OWNS if owns else ''}\s+"
    return rf"{re.escape(part)}\s+"
