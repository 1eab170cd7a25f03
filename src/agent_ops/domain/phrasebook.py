"""What is understood without a model: each reading and each change with the phrases that ask for it. docs/tasks.md lists them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum
from typing import Any


class Change(str, Enum):
    """A change that a task may ask for. A closed list."""

    ADDRESS = "generate and save an address"
    PENDING = "provision what is pending"
    ONBOARD = "onboard a new hire"


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
    everything = "all" if "opener" in slots else "open"
    asked = {"state": slots.get("state", everything).casefold(), "repository": slots["repository"]}
    author = slots.get("author") or slots.get("opener")
    return {**asked, **({"author": author.lstrip("@")} if author else {}), **_since("since", slots, today)}


def _numbered(slots: Mapping[str, str], today: date) -> Mapping[str, Any]:
    return {**slots, "number": int(slots["number"].lstrip("#"))}


def _commits(slots: Mapping[str, str], today: date) -> Mapping[str, Any]:
    author = {"author": slots["author"].lstrip("@")} if "author" in slots else {}
    return {"repository": slots["repository"], **author, **_since("since", slots, today)}


def _since(argument: str, slots: Mapping[str, str], today: date, tail: str = "") -> Mapping[str, Any]:
    return {argument: since(slots["when"], today) + tail} if "when" in slots else {}


def _files(slots: Mapping[str, str], today: date) -> Mapping[str, Any]:
    return {{"version": "ref"}.get(slot, slot): value for slot, value in slots.items()}


def _member(slots: Mapping[str, str], today: date) -> Mapping[str, Any]:
    organisation, _, team = slots["circle"].partition("/")
    return {"organisation": organisation, "login": slots["author"].lstrip("@"), **({"team": team} if team else {})}


def _bucket(slots: Mapping[str, str]) -> str:
    return slots["bucket"].casefold().removeprefix("s3://").rstrip("/")


def _of_bucket(slots: Mapping[str, str], today: date) -> Mapping[str, Any]:
    return {"bucket": _bucket(slots)}


def _objects(slots: Mapping[str, str], today: date) -> Mapping[str, Any]:
    return {"bucket": _bucket(slots), **_since("changed_since", slots, today, "T00:00:00Z")}


def _machines(slots: Mapping[str, str], today: date) -> Mapping[str, Any]:
    return {"state": slots["machine"].casefold()} if "machine" in slots else {}


def _issue(slots: Mapping[str, str], today: date) -> Mapping[str, Any]:
    return {"key": slots["key"].upper()}


def _object(slots: Mapping[str, str], today: date) -> Mapping[str, Any]:
    return {"bucket": _bucket(slots), "key": slots["object"]}


def _page(slots: Mapping[str, str], today: date) -> Mapping[str, Any]:
    return {"page_id": slots["page"]}


def _quoted(text: str) -> str:
    """A string of JQL and CQL, which escape alike."""
    plain = text.strip().strip("'\"")
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _jql(slots: Mapping[str, str], today: date) -> Mapping[str, Any]:
    return {"jql": f"text ~ {_quoted(slots['query'])} ORDER BY updated DESC"}


def _project(slots: Mapping[str, str], today: date) -> Mapping[str, Any]:
    state = {"open": " AND statusCategory != Done", "closed": " AND statusCategory = Done"}
    which = state.get(slots.get("state", "").casefold(), "")
    return {"jql": f"project = {_quoted(slots['project'].upper())}{which} ORDER BY created DESC"}


def _query(language: str) -> _Arguments:
    """The words as the query itself."""
    return lambda slots, today: {language: slots["query"].strip()}


def _cql(slots: Mapping[str, str], today: date) -> Mapping[str, Any]:
    return {"cql": f"text ~ {_quoted(slots['query'])}"}


_LIST = "(list|show|get|find) [me] [all] [of] [the|our]"
_SHOW = "(show|read|get|open) [me] [the]"
_PRS = "(pull requests|prs)"
_REPO = "(of|in|for|on|from|to) [the] [repository|repo] {repository} [repository|repo]"
_BUCKETS = ("[the] [s3] bucket {bucket}", "[the] {bucket} [s3] bucket", "{bucket}")
_CHANGED = "[have|were|was] [been] (changed|modified|updated)"

READINGS: tuple[Row, ...] = (
    Row(
        "github",
        "list_pull_requests",
        _pull_requests,
        (
            f"[{_LIST}|what are [the]] [{{state}}] {_PRS} [that are] [open] {_REPO} [[opened] (by|from) {{author}}] [{{when}}]",
            f"(which|what|are there [any]) [{{state}}] {_PRS} [(are|is) [there] [open]] {_REPO} [have] [{{when}}]",
            f"(which|what) {_PRS} {_REPO} are {{state}}",
            f"(which|what) [{{state}}] {_PRS} (does|did|has) {{repository}} (have|get)",
            f"(which|what) [{{state}}] {_PRS} (did|has) {{opener}} (open|opened) {_REPO} [{{when}}]",
            f"{_LIST} [{{state}}] {_PRS} [opened] (by|from) {{opener}} {_REPO} [{{when}}]",
        ),
    ),
    Row("github", "read_pull_request", _numbered, (f"{_SHOW} (pull request|pr) {{number}} {_REPO}",)),
    Row(
        "github",
        "list_commits",
        _commits,
        (f"{_LIST} [latest|recent|last|new] commits {_REPO} [(by|from) {{author}}] [{{when}}]",),
    ),
    Row("github", "read_commit", _as_is, (f"{_SHOW} commit {{ref}} {_REPO}",)),
    Row(
        "github",
        "list_files",
        _files,
        (f"{_LIST} files {_REPO} [at {{version}}]", f"{_LIST} files (in|of|below) {{path}} {_REPO} [at {{version}}]"),
    ),
    Row("github", "read_file", _files, (f"{_SHOW} file {{path}} {_REPO} [at {{version}}]",)),
    Row(
        "github",
        "search_code",
        _as_is,
        ("search [for] {phrase} in [the] [code] [of] {repository}", "search [the] [code] [of] {repository} for {phrase}"),
    ),
    Row("github", "list_repositories", _as_is, (f"{_LIST} [github] (repositories|repos) (of|in|from) {{organisation}}",)),
    Row("github", "check_membership", _member, ("is {author} a member of [the] [organisation|organization|team] {circle}",)),
    Row(
        "aws",
        "list_objects",
        _objects,
        (
            *(f"(which|what) [objects|files] (in|of) {bucket} {_CHANGED} {{when}}" for bucket in _BUCKETS),
            *(f"(which|what) [objects|files] {_CHANGED} in {bucket} {{when}}" for bucket in _BUCKETS),
            *(f"(which|what) [objects|files] {_CHANGED} {{when}} in {bucket}" for bucket in _BUCKETS),
            *(f"{_LIST} (objects|files) (in|of) {bucket} [[that] {_CHANGED} {{when}}]" for bucket in _BUCKETS[:2]),
            *(f"{_LIST} (objects|files) [that] {_CHANGED} {{when}} in {bucket}" for bucket in _BUCKETS[:2]),
        ),
    ),
    Row(
        "aws",
        "object_facts",
        _object,
        tuple(f"{_SHOW} metadata of {{object}} in {bucket}" for bucket in _BUCKETS),
    ),
    Row(
        "aws",
        "object_text",
        _object,
        tuple(
            f"{_SHOW} ([(text|content|contents) of [the]] object|(text|content|contents) of) {{object}} (in|of|from) {bucket}"
            for bucket in _BUCKETS
        ),
    ),
    Row("aws", "public_access", _of_bucket, tuple(f"is {bucket} public" for bucket in _BUCKETS[:2])),
    Row("aws", "list_buckets", _as_is, (f"{_LIST} [s3] buckets",)),
    Row(
        "aws",
        "list_instances",
        _machines,
        (f"{_LIST} [{{machine}}] [ec2] (instances|machines)", "(which|what) [ec2] (instances|machines) are {machine}"),
    ),
    Row("aws", "security_groups", _as_is, (f"{_LIST} [ec2] security groups",)),
    Row(
        "jira",
        "read_issue",
        _issue,
        (
            f"{_SHOW} [jira] [issue|ticket] {{key}}",
            "what does {key} (say|ask for [her|him|them]|ask|want|need)",
            "what is {key} [about]",
        ),
    ),
    Row("jira", "search_issues", _project, (f"{_LIST} [{{state}}] [jira] (issues|tickets) (of|in) [the] [project] {{project}}",)),
    Row("jira", "search_issues", _query("jql"), ("(search|ask) jira (with|by) jql {query}", "jql {query}")),
    Row("jira", "search_issues", _jql, ("search [in] jira for {query}", "search [for] {query} in jira")),
    Row("jira", "list_projects", _as_is, (f"{_LIST} [jira] projects",)),
    Row(
        "confluence",
        "search_pages",
        _query("cql"),
        ("(search|ask) [the] (confluence|wiki) (with|by) cql {query}", "cql {query}"),
    ),
    Row(
        "confluence",
        "search_pages",
        _cql,
        ("search [in] [the] (confluence|wiki) for {query}", "search [for] {query} in [the] (confluence|wiki)"),
    ),
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
            "what is [still] (pending|missing|outstanding) (for|of) {name}",
        ),
    ),
)
ONCE = frozenset({"read_pull_request", "read_commit", "check_membership", "object_facts", "public_access", "person_status"})
"""The tools whose answer has one page."""

_TO_WHOM = "(for|of) [the] [new] [user|employee|hire|person] [whose name is|with name|with the name|named|called]"
_MAKE = "(generate|create|make|reserve|assign) [and (save|store|reserve)]"
_ADDRESS = "[company|work] (email|e-mail|mail|address) [address]"
_PENDING = "[all] [of] [the|their|his|her] (pending|outstanding|missing|remaining|due|open) (access|accesses|items|access items)"

WRITES: tuple[tuple[Change, tuple[str, ...]], ...] = (
    (
        Change.ADDRESS,
        (
            *(
                f"{verbs} [an|a|the] {_ADDRESS} {whom}".strip()
                for verbs in (_MAKE, "(save|store) [and generate]")
                for whom in (f"{_TO_WHOM} {{name}}", "")
            ),
            f"{_MAKE} {{name}}'s {_ADDRESS}",
        ),
    ),
    (
        Change.PENDING,
        (
            f"(provision|grant|give|complete|finish|set up|retry|assign) {_PENDING} (for|of|to) [the] [user|employee] {{name}}",
            f"(provision|grant|give|complete|finish|set up|retry|assign) {{name}}'s {_PENDING}",
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
