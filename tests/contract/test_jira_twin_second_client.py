"""The Jira twin as the client of PyPI's ``jira`` sees it, and beside ``jira820``, a Jira server that nobody here wrote either.

``jira820`` plays Jira Data Center 8.20. It is right about project, status, assignee, reporter, IN, AND, OR, parentheses, text by
whole words, absolute dates, and about an issue's form in REST v2. It is not asked where it is wrong: it ignores a clause that it
does not know (``foo = 1``, IS EMPTY, NOT) and then answers everything; its relative dates count whole days, Jira's minutes; its
``~`` finds parts of words; it still has the removed ``/search``; and it knows users by names instead of account ids.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from agent_ops.sandbox.atlassian.moments import moment_of
from tests.contract.atlassian_bench import TOKEN, WORLD, Bench, bench

if TYPE_CHECKING:
    from jira import JIRA
else:
    JIRA = pytest.importorskip("jira", reason="the judge `jira` is not installed").JIRA

__all__ = ["bench"]


def client(bench: Bench, version: str = "2") -> JIRA:
    options = {"server": bench.jira.base_url, "rest_api_version": version}
    return JIRA(options=options, basic_auth=(WORLD.jira_user, TOKEN), max_retries=0)


async def test_the_client_finds_itself_at_a_cloud_site(bench: Bench) -> None:
    def look() -> tuple[bool, str]:
        jira = client(bench)
        return jira._is_cloud, jira.myself()["emailAddress"]

    assert await asyncio.to_thread(look) == (True, WORLD.jira_user)


@pytest.mark.parametrize("version", ["2", "3"])
async def test_the_client_reads_an_issue_and_its_comments(bench: Bench, version: str) -> None:
    def look() -> tuple[str, str, list[str]]:
        jira = client(bench, version)
        issue = jira.issue("OPS-12")
        return (
            issue.fields.summary,
            issue.fields.assignee.displayName,
            [one.author.displayName for one in jira.comments("OPS-12")],
        )

    assert await asyncio.to_thread(look) == ("Access for Jane Doe", "Alice Chen", ["Ana Silva", "Alice Chen"])


async def test_the_client_pages_through_a_search_by_its_own_code(bench: Bench) -> None:
    def look() -> list[str]:
        return [
            issue.key for issue in client(bench).search_issues("project = OPS ORDER BY key", maxResults=False, fields="summary")
        ]

    assert await asyncio.to_thread(look) == [f"OPS-{number}" for number in range(1, 401)]
    searches = [call for call in bench.calls("jira") if "/search/jql" in call.path]
    assert len(searches) == 4, "it read on by the token"


async def test_the_client_reads_what_is_wrong_with_a_query(bench: Bench) -> None:
    from jira.exceptions import JIRAError

    def look() -> str:
        with pytest.raises(JIRAError) as refused:
            client(bench).search_issues("project = NOPE")
        return f"{refused.value.status_code} {refused.value.text}"

    assert await asyncio.to_thread(look) == "400 The value 'NOPE' does not exist for the field 'project'."


# --- jira820


QUERIES = [
    "project = JIRA820",
    "status = Done",
    'status in ("In Progress", "To Do")',
    "statusCategory = Done",
    "assignee = u03 AND status != Done",
    "assignee = u03 OR reporter = u02",
    "(assignee = u03 OR assignee = u04) AND status = Done",
    "assignee = u03 OR reporter = u02 AND status = Done",
    "issuetype in (Bug, Story) AND reporter not in (u01, u02)",
    "summary ~ stabilize",
    "text ~ standup",
    "key in (JIRA820-1, JIRA820-7)",
    "created > -30d",
    "updated <= -14d AND status = Done",
    "created >= '2026-01-01' and created <= -60d",
]
STATUSES = {"Done": "Done", "Open": "To Do", "Reopened": "To Do", "In Progress": "In Progress", "In Review": "In Progress"}
TYPES = {"Bug": "Bug", "Story": "Story"}


@pytest.fixture
def other(bench: Bench) -> Any:
    """The other server with its own issues; the twin gets the same ones."""
    pytest.importorskip("jira820", reason="the judge `jira820` is not installed")
    from jira820.config import load_config
    from jira820.server import build_store

    store = build_store(load_config())
    for issue in store.issues.values():
        issue["statusName"] = STATUSES[issue["statusName"]]
        issue["type"] = TYPES.get(issue["type"], "Task")
        copied(bench, store, issue)
    return store


def copied(bench: Bench, store: Any, issue: dict[str, Any]) -> None:
    """One of its issues in the twin; a day of its is the day's beginning, as its dates have no time in a query."""
    site, now = bench.jira.site, bench.jira.site.began
    account = {uid: site.person(f"{uid}@example.com", uid).account_id for uid in store.users}
    site.project(issue["project"])
    said = [
        {"author": account[one["author"]], "text": one["body"], "at": moment_of(str(one["created"])[:10], now)}
        for one in issue["comments"]
    ]
    site.issues[issue["key"]] = {
        "id": str(500_000 + len(site.issues)),
        "summary": issue["summary"],
        "description": issue["description"] or "",
        "status": issue["statusName"],
        "type": issue["type"],
        "reporter": account.get(issue["reporter"]),
        "assignee": account.get(issue["assignee"]),
        "labels": list(issue["labels"]),
        "created": moment_of(str(issue["created"])[:10], now),
        "updated": moment_of(str(issue["updated"])[:10], now),
        "comments": said,
        "changes": [],
    }


async def asked(store: Any, path: str, **query: str) -> Any:
    from jira820.server import make_app

    transport = httpx.ASGITransport(app=make_app(store=store))
    async with httpx.AsyncClient(transport=transport, base_url="http://other") as http:
        return (await http.get(path, params=query)).json()


@pytest.mark.parametrize("jql", QUERIES)
async def test_both_find_the_same(bench: Bench, other: Any, jql: str) -> None:
    theirs = await asked(other, "/rest/api/2/search", jql=jql, maxResults="1000", fields="key")
    found: list[str] = []
    page: dict[str, Any] = {}
    while not page.get("isLast"):
        more = {"nextPageToken": page["nextPageToken"]} if page else {}
        bounded = f"project = JIRA820 AND ({jql})"
        _, page = await bench.get(bench.jira, "/rest/api/3/search/jql", jql=bounded, maxResults="100", fields="key", **more)
        found += [issue["key"] for issue in page["issues"]]
    assert set(found) == {issue["key"] for issue in theirs["issues"]}
    assert found


async def test_both_write_an_issue_in_one_form(bench: Bench, other: Any) -> None:
    """Version 2: what both have is of one kind; a user's name and key are Data Center's only."""
    path = "/rest/api/2/issue/JIRA820-1"
    theirs, (_, ours) = await asked(other, path), await bench.get(bench.jira, path)
    for name in (
        "summary",
        "description",
        "status",
        "issuetype",
        "assignee",
        "reporter",
        "created",
        "updated",
        "labels",
        "project",
    ):
        assert form(ours["fields"][name], theirs["fields"][name]), name
    assert ours["fields"]["summary"] == theirs["fields"]["summary"]


def form(ours: Any, theirs: Any) -> bool:
    """Whether both are of one kind, as deep as both have the same names."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        shared = set(ours) & set(theirs)
        return not ours or not theirs or (bool(shared) and all(form(ours[name], theirs[name]) for name in shared))
    return type(ours) is type(theirs)
