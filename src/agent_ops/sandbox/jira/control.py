"""What the control server can tell the Jira twin: what people do in a site, and what its administrator does."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from agent_ops.sandbox.jira.site import STATUSES
from agent_ops.sandbox.jira.twin import JiraTwin


class JiraControl:
    """Routes below ``/jira`` of the control server. Nothing of it is a call to Atlassian."""

    def __init__(self, twin: JiraTwin) -> None:
        self._twin = twin

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/jira/people", self._person),
            web.post("/jira/issues", self._issue),
            web.post("/jira/changes", self._change),
            web.post("/jira/comments", self._comment),
            web.post("/jira/moved", self._moved),
            web.post("/jira/access", self._access),
            web.post("/jira/token", self._token),
        ]

    async def _person(self, request: web.Request) -> web.Response:
        return web.json_response({"id": self._twin.site.person(**await request.json()).account_id})

    async def _issue(self, request: web.Request) -> web.Response:
        data: dict[str, Any] = await request.json()
        project, at = data.pop("project"), data.pop("at")
        _check_status(data["status"])
        data["reporter"] = self._twin.site.person(data["reporter"]).account_id if data["reporter"] else None
        return web.json_response({"key": self._twin.site.create(project, data, at)})

    async def _change(self, request: web.Request) -> web.Response:
        data: dict[str, Any] = await request.json()
        if data["field"] == "status":
            _check_status(data["value"])
        by = self._twin.site.person(data["by"]).account_id
        self._twin.site.change(data["key"], data["field"], data["value"], by, data["at"])
        return web.json_response({})

    async def _comment(self, request: web.Request) -> web.Response:
        data: dict[str, Any] = await request.json()
        self._twin.site.comment(data["key"], data["text"], self._twin.site.person(data["by"]).account_id, data["at"])
        return web.json_response({})

    async def _token(self, request: web.Request) -> web.Response:
        self._twin.revoked = bool((await request.json())["revoked"])
        return web.json_response({})

    async def _moved(self, request: web.Request) -> web.Response:
        """An issue gets another project's key; the old one leads to it."""
        data: dict[str, Any] = await request.json()
        issue = self._twin.site.issues.pop(data["key"])
        issue = {**issue, "earlier": [*issue.get("earlier", ()), data["key"]]}
        number = {"number": 0}
        return web.json_response({"key": self._twin.site.create(data["project"], {**issue, **number}, issue["created"])})

    async def _access(self, request: web.Request) -> web.Response:
        data: dict[str, Any] = await request.json()
        self._twin.closed, self._twin.forbidden = set(data["closed"]), bool(data["forbidden"])
        return web.json_response({})


def _check_status(status: str) -> None:
    if status not in STATUSES:
        raise web.HTTPBadRequest(text=f"no such status; there are: {', '.join(STATUSES)}\n")
