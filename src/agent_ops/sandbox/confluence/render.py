"""A site's spaces and pages as Confluence Cloud writes them: v2 for both, v1 for what a search found."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote_plus

from agent_ops.sandbox.confluence.content import body_of
from agent_ops.sandbox.confluence.search import plain_text
from agent_ops.sandbox.confluence.site import EVERYBODY, Site
from agent_ops.sandbox.records import Document

_EXCERPT = 300
OPERATIONS = (("read", "space"), ("create", "comment"), ("create", "page"), ("delete", "page"), ("administer", "space"))
"""What may be allowed in a space: its key and what it is about."""


class Renderer:
    """Writes spaces, pages and results."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def space(self, key: str) -> Document:
        return {
            "id": self._site.space_id(key),
            "key": key,
            "name": self._site.spaces[key].name,
            "type": "global",
            "status": "current",
            "authorId": self._site.me,
            "createdAt": moment(self._site.began - 800 * 86_400),
            "homepageId": self._site.home_of(key),
            "description": None,
            "icon": None,
            "_links": {"webui": f"/spaces/{key}"},
        }

    def permission(self, numbered: tuple[int, tuple[str, str, tuple[str, str]]]) -> Document:
        number, (kind, who, (key, target)) = numbered
        return {"id": str(9000 + number), "principal": {"type": kind, "id": who}, "operation": {"key": key, "targetType": target}}

    def role(self, assigned: tuple[str, str]) -> Document:
        return {"principal": {"principalType": assigned[0], "principalId": assigned[1]}, "roleId": "viewer"}

    def group(self, group: str) -> Document:
        return {"type": "group", "name": "staff" if group == EVERYBODY else group, "id": group, "_links": {}}

    def page(self, page: Document, *, with_body: bool) -> Document:
        body: Document = {"storage": {"representation": "storage", "value": body_of(page)}} if with_body else {}
        return {
            "id": page["id"],
            "status": "current",
            "title": page["title"],
            "spaceId": self._site.space_id(page["space"]),
            "parentId": page["parent"],
            "parentType": "page" if page["parent"] else None,
            "position": int(page["id"]) % 100_000,
            "authorId": page["author"],
            "ownerId": page["author"],
            "lastOwnerId": None,
            "createdAt": moment(page["created"]),
            "version": {
                "createdAt": moment(page["updated"]),
                "message": "",
                "number": page["version"],
                "minorEdit": False,
                "authorId": page["author"],
            },
            "body": body,
            "_links": self._links(page),
        }

    def child(self, page: Document) -> Document:
        space_id = self._site.space_id(page["space"])
        position = int(page["id"]) % 100_000
        return {"id": page["id"], "status": "current", "title": page["title"], "spaceId": space_id, "childPosition": position}

    def result(self, page: Document) -> Document:
        """What a search found, with its words marked as Confluence marks them."""
        key, links = page["space"], self._links(page)
        content = {"id": page["id"], "type": "page", "status": "current", "title": page["title"], "_links": links}
        return {
            "content": {**content, "_expandable": {"container": "", "space": f"/rest/api/space/{key}"}},
            "title": f"@@@hl@@@{page['title']}@@@endhl@@@",
            "excerpt": plain_text(page)[:_EXCERPT],
            "url": links["webui"],
            "resultGlobalContainer": {"title": self._site.spaces[key].name, "displayUrl": f"/spaces/{key}"},
            "breadcrumbs": [],
            "entityType": "content",
            "iconCssClass": "aui-icon content-type-page",
            "lastModified": moment(page["updated"]),
            "friendlyLastModified": "",
            "score": 0.0,
        }

    @staticmethod
    def _links(page: Document) -> dict[str, Any]:
        webui = f"/spaces/{page['space']}/pages/{page['id']}/{quote_plus(page['title'])}"
        return {"webui": webui, "editui": f"/pages/resumedraft.action?draftId={page['id']}", "tinyui": f"/x/{page['id']}"}


def moment(at: float) -> str:
    """2026-03-01T09:30:00.000Z"""
    when = datetime.fromtimestamp(at, timezone.utc)
    return f"{when:%Y-%m-%dT%H:%M:%S}.{when.microsecond // 1000:03d}Z"
