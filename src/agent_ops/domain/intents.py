"""The runbook of tasks: what is understood without a model, by a table of phrases.

A task is one of these phrases, or several of them joined by 'and', commas or full stops. docs/tasks.md lists them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cache
from typing import Any

from agent_ops.domain.decisions import Step
from agent_ops.domain.phrasebook import ONCE, READINGS, WRITES, Change
from agent_ops.domain.phrases import matched

MAX_CLAUSES, MAX_JOINTS = 12, 24


@dataclass(frozen=True)
class WriteClause:
    """A change, and whom the task names in full; empty when it names nobody."""

    change: Change
    name: str = ""


@dataclass(frozen=True)
class ReadClause:
    """A call of a reading tool."""

    agent: str
    tool: str
    arguments: Mapping[str, Any]


Clause = WriteClause | ReadClause

_ASKS_FOR_A_CHANGE = re.compile(
    r"(?i)(?:provision|grant|revoke|give|assign|onboard|offboard|create|generate|add|remove|reset|enable|disable|delete|invite|"
    r"approve|merge|close|update|change|set up|send|write|upload|rename|move)\b"
)
_PAGE, _PLAIN_PAGE = re.compile(r"(?i)(.+?) \(page (\S.*)\)"), re.compile(r"(?i)(.+?) page (\S+)")
_POLITE = re.compile(r"(?i)^(?:please|kindly|could you|can you|would you)\s+(?:please\s+)?")
_JOINT = re.compile(r"(?i)\s*[,;.?!]\s+(?:and\s+|then\s+)*|\s+and\s+(?:then\s+|also\s+)?|\s*\n\s*")


def understood(text: str, today: date) -> tuple[Clause, ...]:
    """What a task asks for, when every part of it is a phrase of the table; else nothing: a part is not guessed at.

    The finest parting counts: 'search Jira for locks and list buckets' are two.
    """
    text = _POLITE.sub("", " ".join(text.split())).rstrip(" .?!")
    if len(_JOINT.findall(text)) > MAX_JOINTS:
        return ()

    @cache
    def parted(rest: str, left: int) -> tuple[Clause, ...]:
        for joint in _JOINT.finditer(rest) if left > 1 else ():
            first = clause(rest[: joint.start()], today)
            if first is not None and (others := parted(_POLITE.sub("", rest[joint.end() :]), left - 1)):
                return (first, *others)
        whole = clause(rest, today)
        return () if whole is None else (whole,)

    return parted(text, MAX_CLAUSES)


def clause(text: str, today: date) -> Clause | None:
    """What one phrase asks for; of a reading, with '(page X)' at its end, that page."""
    for change, phrases in WRITES:
        for phrase in phrases:
            if (slots := matched(phrase, text)) is not None:
                return WriteClause(change, slots.get("name", ""))
    for pattern in (_PAGE, _PLAIN_PAGE):
        paged = pattern.fullmatch(text)
        one = _reading(paged[1], today) if paged else None
        if paged and one and one.tool not in ONCE:
            return replace(one, arguments={**one.arguments, "page": paged[2]})
        if pattern is _PAGE and (one := _reading(text, today)):
            return one
    return None


def _reading(text: str, today: date) -> ReadClause | None:
    for row in READINGS:
        for phrase in row.phrases:
            if (slots := matched(phrase, text)) is not None:
                return ReadClause(row.agent, row.tool, row.arguments(slots, today))
    return None


def writes_in(text: str, today: date) -> tuple[WriteClause, ...]:
    """The changes that a task asks for in so many words, whatever else it asks: all that may become a grant."""
    if whole := understood(text, today):
        return tuple(one for one in whole if isinstance(one, WriteClause))
    parts = [_POLITE.sub("", part).strip() for part in _JOINT.split(" ".join(text.split()).rstrip(" .?!"))]
    return tuple(one for part in parts if isinstance(one := clause(part, today), WriteClause))


def asks_for_a_change(text: str) -> bool:
    """Whether a part of the words begins as the order of a change does, understood or not."""
    return any(_ASKS_FOR_A_CHANGE.match(_POLITE.sub("", part).strip()) for part in _JOINT.split(text))


def reading_steps(text: str, today: date) -> tuple[Step, ...]:
    """The readings of an understood task as steps, side by side."""
    readings = [one for one in understood(text, today) if isinstance(one, ReadClause)]
    return tuple(
        Step(f"read-{number}", one.agent, one.tool.replace("_", " "), (), one.tool, dict(one.arguments))
        for number, one in enumerate(dict.fromkeys(map(_hashable, readings)), 1)
    )


@dataclass(frozen=True)
class _Once:
    """A call that can be compared: the same reading is asked for once."""

    agent: str
    tool: str
    arguments: tuple[tuple[str, Any], ...]


def _hashable(one: ReadClause) -> _Once:
    return _Once(one.agent, one.tool, tuple(one.arguments.items()))
