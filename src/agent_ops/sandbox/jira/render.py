"""A site's contents as Jira Cloud's REST v3 writes them."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from agent_ops.sandbox.jira.site import CATEGORIES, STATUSES, JiraUser, Site
from agent_ops.sandbox.records import Document

_EXPAND = "renderedFields,names,schema,operations,editmeta,changelog,versionedRepresentations"
_HISTORY = 100
"""As many changes come with an issue at most."""


class Renderer:
    """Writes users, projects, issues and comments; ``base_url`` begins each ``self``.

    Version 3 writes texts as documents, version 2 as they are; else the two are one.
    """

    def __init__(self, site: Site, base_url: str, version: str = "3") -> None:
        self._site, self._api, self._plain = site, f"{base_url}/rest/api/{version}", version == "2"

    def user(self, user: JiraUser, *, to_itself: bool = False) -> Document:
        shown = {} if user.hides_email and not to_itself else {"emailAddress": user.email}
        return {
            "self": f"{self._api}/user?accountId={user.account_id}",
            "accountId": user.account_id,
            **shown,
            "avatarUrls": {},
            "displayName": user.name,
            "active": True,
            "timeZone": "Etc/UTC",
            "accountType": "app" if user.app else "atlassian",
        }

    def issue(self, key: str, wanted: set[str], *, changelog: bool) -> Document:
        issue = self._site.issues[key]
        fields = self._fields(key, issue)
        if not wanted or wanted & {"*all", "comment"}:
            fields["comment"] = self.comments(key, 0, 5000)
        excluded = {name[1:] for name in wanted if name.startswith("-")}
        everything = not wanted - {f"-{name}" for name in excluded} or bool(wanted & {"*all", "*navigable"})
        kept = {name: value for name, value in fields.items() if (everything or name in wanted) and name not in excluded}
        document = {"expand": _EXPAND, "id": issue["id"], "self": f"{self._api}/issue/{issue['id']}", "key": key, "fields": kept}
        return {**document, "changelog": self._changelog(issue)} if changelog else document

    def _fields(self, key: str, issue: Document) -> Document:
        project = self._site.project(key.rpartition("-")[0])
        return {
            "summary": issue["summary"],
            "description": self._text(issue["description"]) if issue["description"] else None,
            "status": self._status(issue["status"]),
            "project": {
                "self": f"{self._api}/project/{self._site.project_id(project.key)}",
                "id": self._site.project_id(project.key),
                "key": project.key,
                "name": project.name,
            },
            "reporter": self._person(issue["reporter"]),
            "creator": self._person(issue["reporter"]),
            "assignee": self._person(issue.get("assignee")),
            "priority": self._named("priority", issue.get("priority", "Medium")),
            "issuetype": {**self._named("issuetype", issue.get("type", "Task")), "subtask": False, "description": ""},
            "created": moment(issue["created"]),
            "updated": moment(issue["updated"]),
            "labels": list(issue.get("labels", ())),
        }

    def project(self, key: str, expand: set[str]) -> Document:
        project, project_id = self._site.projects[key], self._site.project_id(key)
        more: Document = {}
        if "insight" in expand:
            held = [issue for one, issue in self._site.issues.items() if one.rpartition("-")[0] == key]
            latest = {"lastIssueUpdateTime": moment(max(issue["updated"] for issue in held))} if held else {}
            more = {"insight": {"totalIssueCount": len(held), **latest}}
        return {
            "expand": "description,lead,issueTypes,url,projectKeys,permissions,insight",
            "self": f"{self._api}/project/{project_id}",
            "id": project_id,
            "key": key,
            "name": project.name,
            "avatarUrls": {},
            "projectTypeKey": "software",
            "simplified": False,
            "style": "classic",
            "isPrivate": False,
            "properties": {},
            **more,
        }

    def comments(self, key: str, start: int, count: int, *, newest_first: bool = False) -> Document:
        issue = self._site.issues[key]
        said = list(enumerate(issue.get("comments", ()), 1))
        shown = (said[::-1] if newest_first else said)[start : start + count]
        written = [self._comment(issue["id"], number, comment) for number, comment in shown]
        return {"comments": written, "maxResults": count, "total": len(said), "startAt": start}

    def _comment(self, issue_id: str, number: int, comment: Document) -> Document:
        comment_id, author = f"{issue_id}{number:03d}", self.user(self._site.users[comment["author"]])
        return {
            "self": f"{self._api}/issue/{issue_id}/comment/{comment_id}",
            "id": comment_id,
            "author": author,
            "updateAuthor": author,
            "body": self._text(comment["text"]),
            "created": moment(comment["at"]),
            "updated": moment(comment["at"]),
            "jsdPublic": True,
        }

    def _person(self, account_id: str | None) -> Document | None:
        return self.user(self._site.users[account_id]) if account_id else None

    def _named(self, kind: str, name: str) -> Document:
        number = str(sum(name.encode()))
        return {"self": f"{self._api}/{kind}/{number}", "id": number, "name": name, "iconUrl": ""}

    def _text(self, text: str) -> str | Document:
        return text if self._plain else document_of(text)

    def _status(self, name: str) -> Document:
        status_id, category = STATUSES[name]
        number, title, colour = CATEGORIES[category]
        link = f"{self._api}/statuscategory/{number}"
        kind = {"self": link, "id": number, "key": category, "colorName": colour, "name": title}
        return {
            "self": f"{self._api}/status/{status_id}",
            "description": "",
            "name": name,
            "id": status_id,
            "statusCategory": kind,
        }

    def _changelog(self, issue: Document) -> Document:
        """The newest changes first, and no more than a page of them."""
        changes = sorted(enumerate(issue["changes"], 10_000), key=lambda one: (-one[1]["at"], -one[0]))
        shown = [self._history(number, change) for number, change in changes[:_HISTORY]]
        return {"startAt": 0, "maxResults": _HISTORY, "total": len(changes), "histories": shown}

    def _history(self, number: int, change: Document) -> Document:
        author = self.user(self._site.users[change["by"]])
        return {"id": str(number), "author": author, "created": moment(change["at"]), "items": [_item(change)]}


def _item(change: Document) -> Document:
    before, after, name = change["from"], change["to"], change["field"]
    ids = {"from": STATUSES[before][0], "to": STATUSES[after][0]} if name == "status" else {"from": None, "to": None}
    said = {"fromString": before, "toString": after}
    if name.startswith("customfield_"):
        return {"field": "status", "fieldtype": "custom", "fieldId": name, "from": None, "to": STATUSES[after][0], **said}
    return {"field": name, "fieldtype": "jira", "fieldId": name, **ids, **said}


def document_of(text: str) -> dict[str, Any]:
    """A text as a document of Atlassian's, a paragraph a line."""
    lines = [{"type": "paragraph", "content": [{"type": "text", "text": line}] if line else []} for line in text.split("\n")]
    return {"type": "doc", "version": 1, "content": lines}


def moment(at: float) -> str:
    """2026-03-01T09:30:00.000+0000"""
    when = datetime.fromtimestamp(at, timezone.utc)
    return f"{when:%Y-%m-%dT%H:%M:%S}.{when.microsecond // 1000:03d}+0000"
