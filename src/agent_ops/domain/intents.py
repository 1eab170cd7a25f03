"""The runbook of tasks: what is understood without a model, as a table of phrases.

A task is one of these phrases, or several of them joined by 'and', commas or full stops. docs/tasks.md lists them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum
from functools import cache
from typing import Any

from agent_ops.domain.decisions import Step
from agent_ops.domain.phrases import matched

MAX_CLAUSES, MAX_JOINTS = 12, 24


class Change(str, Enum):
    """A change that a task may ask for. A closed list."""

    ADDRESS = "generate and save an address"
    PENDING = "provision what is pending"
    ONBOARD = "onboard a new hire"


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
_Arguments = Callable[[Mapping[str, str], date], Mapping[str, Any]]


@dataclass(frozen=True)
class Row:
    """A row of the table: a call, how its arguments follow from the phrase's slots, and the phrases that ask for it."""

    agent: str
    tool: str
    arguments: _Arguments
    phrases: tuple[str, ...]


def since(when: str, today: date) -> str:
    """The first day that words about time speak of, ISO 8601; weeks begin on Monday."""
    words = when.casefold().split()
    if words[0] == "since":
        return words[1]
    if "days" in words:
        return (today - timedelta(days=int(words[-2]))).isoformat()
    week, month = today - timedelta(days=today.weekday()), today.replace(day=1)
    days = {
        "today": today,
        "yesterday": today - timedelta(days=1),
        "this week": week,
        "last week": week - timedelta(days=7),
        "this month": month,
        "last month": (month - timedelta(days=1)).replace(day=1),
    }
    return days[" ".join(words)].isoformat()


def _as_is(slots: Mapping[str, str], today: date) -> Mapping[str, Any]:
    return slots


def _pull_requests(slots: Mapping[str, str], today: date) -> Mapping[str, Any]:
    asked = {"state": slots.get("state", "open").casefold(), "repository": slots["repository"]}
    author = {"author": slots["author"].lstrip("@")} if "author" in slots else {}
    return {**asked, **author, **({"since": since(slots["when"], today)} if "when" in slots else {})}


def _numbered(slots: Mapping[str, str], today: date) -> Mapping[str, Any]:
    return {**slots, "number": int(slots["number"].lstrip("#"))}


def _commits(slots: Mapping[str, str], today: date) -> Mapping[str, Any]:
    return {"repository": slots["repository"], **({"since": since(slots["when"], today)} if "when" in slots else {})}


def _objects(slots: Mapping[str, str], today: date) -> Mapping[str, Any]:
    return {
        "bucket": slots["bucket"],
        **({"changed_since": f"{since(slots['when'], today)}T00:00:00Z"} if "when" in slots else {}),
    }


def _issue(slots: Mapping[str, str], today: date) -> Mapping[str, Any]:
    return {"key": slots["key"].upper()}


def _object(slots: Mapping[str, str], today: date) -> Mapping[str, Any]:
    return {"bucket": slots["bucket"], "key": slots["object"]}


def _page(slots: Mapping[str, str], today: date) -> Mapping[str, Any]:
    return {"page_id": slots["page"]}


def _quoted(text: str) -> str:
    """A string of JQL and CQL, which escape alike."""
    plain = text.strip().strip("'\"")
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _jql(slots: Mapping[str, str], today: date) -> Mapping[str, Any]:
    return {"jql": f"text ~ {_quoted(slots['query'])} ORDER BY updated DESC"}


def _project(slots: Mapping[str, str], today: date) -> Mapping[str, Any]:
    return {"jql": f"project = {_quoted(slots['project'].upper())} ORDER BY created DESC"}


def _cql(slots: Mapping[str, str], today: date) -> Mapping[str, Any]:
    return {"cql": f"text ~ {_quoted(slots['query'])}"}


_LIST = "(list|show|get|find) [me] [all] [of] [the|our]"
_SHOW = "(show|read|get|open) [me] [the]"

READINGS: tuple[Row, ...] = (
    Row(
        "github",
        "list_pull_requests",
        _pull_requests,
        (
            f"{_LIST} [{{state}}] (pull requests|prs) (of|in|for|on) [the] [repository|repo] {{repository}}"
            " [(by|from) {author}] [{when}]",
            "(which|what) [{state}] (pull requests|prs) (are [there] [open]|does|has|are) (in|on|of) {repository} [have]",
            "(which|what) [{state}] (pull requests|prs) (does|did|has) {repository} (have|get)",
        ),
    ),
    Row("github", "read_pull_request", _numbered, (f"{_SHOW} (pull request|pr) {{number}} (of|in) {{repository}}",)),
    Row("github", "list_commits", _commits, (f"{_LIST} [latest|recent|last|new] commits (of|in|to) {{repository}} [{{when}}]",)),
    Row("github", "read_commit", _as_is, (f"{_SHOW} commit {{ref}} (of|in) {{repository}}",)),
    Row("github", "list_files", _as_is, (f"{_LIST} files (of|in) {{repository}}",)),
    Row("github", "read_file", _as_is, (f"{_SHOW} file {{path}} (of|in|from) {{repository}}",)),
    Row("github", "search_code", _as_is, ("search [for] {phrase} in [the] [code] [of] {repository}",)),
    Row("github", "list_repositories", _as_is, (f"{_LIST} [github] (repositories|repos) (of|in|from) {{organisation}}",)),
    Row(
        "aws",
        "list_objects",
        _objects,
        (
            "(which|what) (objects|files) in [the] [s3] bucket {bucket} [have|were] [been] changed {when}",
            f"{_LIST} (objects|files) (in|of) [the] [s3] bucket {{bucket}} [[that] [were|have] [been] changed {{when}}]",
        ),
    ),
    Row("aws", "object_facts", _object, (f"{_SHOW} metadata of {{object}} in [the] [s3] bucket {{bucket}}",)),
    Row("aws", "public_access", _as_is, ("is [the] [s3] bucket {bucket} public",)),
    Row("aws", "list_buckets", _as_is, (f"{_LIST} [s3] buckets",)),
    Row("aws", "list_instances", _as_is, (f"{_LIST} [ec2] instances",)),
    Row("aws", "security_groups", _as_is, (f"{_LIST} [ec2] security groups",)),
    Row(
        "jira",
        "read_issue",
        _issue,
        (f"{_SHOW} [jira] [issue|ticket] {{key}}", "what does {key} (say|ask for|ask|want|need)", "what is {key} [about]"),
    ),
    Row("jira", "search_issues", _project, (f"{_LIST} [jira] (issues|tickets) (of|in) [the] [project] {{project}}",)),
    Row("jira", "search_issues", _jql, ("search jira for {query}",)),
    Row("jira", "list_projects", _as_is, (f"{_LIST} [jira] projects",)),
    Row("confluence", "search_pages", _cql, ("search [the] (confluence|wiki) for {query}",)),
    Row("confluence", "list_spaces", _as_is, (f"{_LIST} [confluence] spaces",)),
    Row("confluence", "read_page", _page, (f"{_SHOW} [confluence] page {{page}}",)),
    Row(
        "status",
        "person_status",
        _as_is,
        (
            "[show|give] [me] [what is|what's] [the] [access|onboarding] status (of|for) {name}",
            "how far is [the onboarding of] {name}",
            "is the access of {name} complete",
            "is {name}'s access complete",
            "(what|which) access does {name} have",
        ),
    ),
)

_TO_WHOM = "(for|of) [the] [new] [user|employee|hire|person] [with] [the] [name|named|called]"
_ADDRESS = "[company|work] (email|e-mail|mail) [address]"
_PENDING = "[all] [of] [the|their|his|her] (pending|outstanding|missing|remaining|due|open) (access|accesses|items|access items)"

WRITES: tuple[tuple[Change, tuple[str, ...]], ...] = (
    (
        Change.ADDRESS,
        tuple(
            f"{verbs} [an|a|the] {_ADDRESS} {whom}".strip()
            for verbs in ("(generate|create|make|reserve|assign) [and (save|store|reserve)]", "(save|store) [and generate]")
            for whom in (f"{_TO_WHOM} {{name}}", "")
        ),
    ),
    (
        Change.PENDING,
        (
            f"(provision|grant|give|complete|finish|set up|retry|assign) {_PENDING} (for|of|to) [the] [user|employee] {{name}}",
            f"(provision|give|grant) {{name}} {_PENDING}",
        ),
    ),
    (
        Change.ONBOARD,
        (
            "onboard [the] new (hire|employee)",
            "onboard [the] [new] [user|employee|hire] [named|called] {name} (as|with|in|to|at|for) {rest}",
            "onboard [the] [new] [user|employee|hire] [named|called] {name}",
        ),
    ),
)

_ASKS_FOR_A_CHANGE = re.compile(
    r"(?i)(?:provision|grant|revoke|give|assign|onboard|offboard|create|generate|add|remove|reset|enable|disable|delete|invite|"
    r"approve|merge|close|update|change|set up|send|write|upload|rename|move)\b"
)
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
    """What one phrase asks for."""
    for change, phrases in WRITES:
        for phrase in phrases:
            if (slots := matched(phrase, text)) is not None:
                return WriteClause(change, slots.get("name", ""))
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
