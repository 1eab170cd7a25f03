"""What the Jira agent asks: an issue with its comments, a search by JQL, the projects. By atlassian-python-api, REST v3.

https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issue-search: the old ``/search`` was removed in 2025, so
that pages are had one after the other, by a token. Nothing here reads more than the one page that is asked for.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from agent_ops.domain.errors import AccessRefused, ServiceError, ServiceRefused
from agent_ops.domain.readings import Reading, Source
from agent_ops.readers.adf import document_text
from agent_ops.readers.atlassian import in_form, json_object
from agent_ops.readers.jira import JiraConfig, jira_site
from agent_ops.readers.texts import line, shortened
from agent_ops.transport.vendor_errors import is_missing_at_atlassian

ROWS = 25
"""Issues or projects on a page, at most."""
COMMENTS = 8
"""Comments on a page."""
_SERVICE = "Jira"
_BROWSE_USERS = "USER_PICKER"
"""Without it a search for people is empty, whoever there is."""
_LISTED = "summary,status,assignee,priority,updated"
_READ = f"{_LISTED},description,reporter,issuetype,labels,created"
_DESCRIPTION, _COMMENT = 3600, 320  # so that an issue, or a page of rows, fits into a reading
_LINE, _KEY, _PERSON, _NAME = 90, 20, 30, 24


class JiraQuestions:
    """Reads issues and projects; it cannot change anything. What people wrote is untrusted, and bounded.

    Every question raises ServiceUnavailable when Jira cannot be asked now, RateLimited with the time to come again among it, and
    ServiceRefused when the answer will stay the same, AccessRefused among it.
    """

    def __init__(self, config: JiraConfig) -> None:
        self._url = config.url.rstrip("/")
        self._site = jira_site(config)

    async def close(self) -> None:
        self._site.close()

    async def issue(self, key: str, page: str = "") -> Reading:
        """An issue with its newest comments; ``page`` is the number of comments to pass over, and then only comments are read."""
        start, cut = _number(page), False
        facts: dict[str, Any] = {}
        try:
            if start == 0:
                whole = await self._get(f"issue/{quote(key, safe='')}", {"fields": _READ})
                facts, cut = in_form(_SERVICE, lambda: _whole(whole))
            wanted = {"orderBy": "-created", "maxResults": COMMENTS, "startAt": start}
            said = await self._get(f"issue/{quote(key, safe='')}/comment", wanted)
        except ServiceError as error:
            if not is_missing_at_atlassian(error):
                raise
            words = f"there is no issue {key}, or our account may not see it"
            raise ServiceRefused(_SERVICE, words, "Look for it with search_issues, or see list_projects.") from error
        return in_form(_SERVICE, lambda: self._with_comments(key, facts, said, start, cut))

    async def search(self, jql: str, limit: int = ROWS, page: str = "") -> Reading:
        """The issues that a query in JQL means; ``page`` is what the page before gave."""
        mark = page or None
        rows = max(1, min(limit, ROWS))
        found = json_object(
            await self._site.patiently(lambda jira: jira.enhanced_jql(jql, fields=_LISTED, nextPageToken=mark, limit=rows))
        )

        def reading() -> Reading:
            issues = [_row(issue) for issue in found["issues"]]
            more = "" if found.get("isLast", True) else str(found.get("nextPageToken") or "")
            return Reading(issues, tuple(self._source(issue["key"]) for issue in issues), more)

        return in_form(_SERVICE, reading)

    async def projects(self, query: str = "", page: str = "") -> Reading:
        """The projects that our account may browse, by their keys; ``query`` is a part of a key or name."""
        asked = {"startAt": _number(page), "maxResults": ROWS, "orderBy": "key", "expand": "insight"}
        found = await self._get("project/search", {**asked, **({"query": query} if query else {})})

        def reading() -> Reading:
            rows = [_project(project) for project in found["values"]]
            more = "" if found["isLast"] else str(int(found["startAt"]) + len(found["values"]))
            return Reading(rows, tuple(Source("Jira", row["key"], f"{self._url}/browse/{row['key']}") for row in rows), more)

        return in_form(_SERVICE, reading)

    async def account_of(self, address: str) -> str:
        """The id of the account that has an address; empty when none has. One call; another one when there is none.

        https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-user-search. An account is the same in all of
        Atlassian's cloud, and Confluence itself finds nobody by an address.

        Raises also:
            ServiceRefused: somebody may have the address, and hides it; AccessRefused: our account may not look for people.
        """
        found = await self._site.patiently(
            lambda jira: jira.get(jira.resource_url("user/search"), params={"query": address, "maxResults": ROWS})
        )
        people = in_form(_SERVICE, lambda: [(str(one["accountId"]), one.get("emailAddress")) for one in _list(found)])
        mine = [account for account, email in people if (email or "").casefold() == address.casefold()]
        if mine:
            return mine[0]
        if any(not email for _, email in people):
            words = "somebody is found by the address whose own address is hidden"
            raise ServiceRefused(_SERVICE, words, "Let managed accounts show their address within the organisation.")
        allowed = await self._get("mypermissions", {"permissions": _BROWSE_USERS})
        if not in_form(_SERVICE, lambda: allowed["permissions"][_BROWSE_USERS]["havePermission"]):
            words = "our account may not look for people"
            raise AccessRefused(_SERVICE, words, "Give it the global permission Browse users and groups.")
        return ""

    async def _get(self, resource: str, asked: dict[str, Any]) -> dict[str, Any]:
        return json_object(await self._site.patiently(lambda jira: jira.get(jira.resource_url(resource), params=asked)))

    def _with_comments(self, key: str, facts: dict[str, Any], said: dict[str, Any], start: int, cut: bool) -> Reading:
        comments = []
        for comment in said["comments"]:
            text, shorter = shortened(document_text(comment.get("body"), _COMMENT * 4), _COMMENT)
            cut = cut or shorter
            comments.append({"by": _person(comment.get("author")), "at": _minute(comment.get("created")), "text": text})
        seen, total = start + len(comments), int(said["total"])
        facts = {**(facts or {"key": key}), "comments_in_all": total, "comments_newest_first": comments}
        return Reading(facts, (self._source(str(facts["key"])),), str(seen) if comments and seen < total else "", cut)

    def _source(self, key: str) -> Source:
        return Source(_SERVICE, key, f"{self._url}/browse/{key}")


def _list(found: Any) -> list[Any]:
    if not isinstance(found, list):
        raise TypeError("no list")
    return found


def _whole(issue: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """An issue's facts, and whether its description was cut."""
    fields = issue.get("fields") or {}
    whole = document_text(fields.get("description"), _DESCRIPTION * 12)
    description, cut = shortened(whole, _DESCRIPTION)
    facts = {
        **_row(issue),
        "type": _name(fields.get("issuetype")),
        "reporter": _person(fields.get("reporter")),
        "created": _minute(fields.get("created")),
        "labels": [line(label, _NAME) for label in (fields.get("labels") or [])[:10]],
        "description": description,
    }
    return {**facts, **({"description_characters": len(whole)} if cut else {})}, cut


def _row(issue: dict[str, Any]) -> dict[str, Any]:
    fields = issue.get("fields") or {}
    return {
        "key": line(issue["key"], _KEY),
        "summary": line(fields.get("summary"), _LINE),
        "status": _name(fields.get("status")),
        "assignee": _person(fields.get("assignee")),
        "priority": _name(fields.get("priority")),
        "updated": _minute(fields.get("updated")),
    }


def _project(project: dict[str, Any]) -> dict[str, Any]:
    insight = project.get("insight") or {}
    return {
        "key": line(project["key"], _KEY),
        "name": line(project.get("name"), _LINE),
        "issues": insight.get("totalIssueCount"),
    }


def _name(thing: Any) -> str:
    return line((thing or {}).get("name"), _NAME)


def _person(user: Any) -> str | None:
    """Somebody's name; None when nobody is meant."""
    return line(user.get("displayName") or user.get("accountId"), _PERSON) if isinstance(user, dict) else None


def _minute(text: Any) -> str:
    """2026-03-01T09:30+0100, from Jira's 2026-03-01T09:30:00.000+0100."""
    written = str(text or "")
    return written[:16] + written[23:28]


def _number(page: str) -> int:
    return int(page) if page.isdecimal() else 0
