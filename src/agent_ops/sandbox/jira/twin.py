"""Serves a Jira site: who calls, what is asked for, and Jira's own words when it cannot be had."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiohttp import web

from agent_ops.sandbox.atlassian.cursors import cursor, offset_of
from agent_ops.sandbox.atlassian.lexer import QueryError
from agent_ops.sandbox.atlassian.login import is_let_in
from agent_ops.sandbox.faults import FaultBook
from agent_ops.sandbox.jira.render import Renderer
from agent_ops.sandbox.jira.search import UNBOUNDED, IssueSearch
from agent_ops.sandbox.jira.site import TWIN, Site
from agent_ops.sandbox.left_behind import LeftBehind
from agent_ops.sandbox.records import Records
from agent_ops.sandbox.web import twin_app
from agent_ops.sandbox.world import OutcomeSeed, World

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_UNSEEN = "Issue does not exist or you do not have permission to see it."
_REMOVED = (
    "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API. A full migration guideline is"
    " available at https://developer.atlassian.com/changelog/#CHANGE-2046"
)
_BROWSE_USERS = "USER_PICKER"
_TYPE = "application/json;charset=UTF-8"
_API = "/rest/api/{version:2|3}"
_MOST_ISSUES, _MOST_PROJECTS = 100, 100


class JiraTwin:
    """A Jira Cloud site on the given records; a second twin on the same records goes on where the first was.

    ``closed`` are the projects that our account may not browse, ``forbidden`` answers every call with 403, as for an account
    without access to the product, ``revoked`` lets our token be none any more; ``browses_users`` is our right to look for people.
    """

    def __init__(self, world: World, records: Records, faults: FaultBook, base_url: str, began: float | None = None) -> None:
        self.base_url = base_url
        self.site = Site(world, records, began)
        self.closed: set[str] = set()
        self.forbidden = self.revoked = False
        self.browses_users = True
        self.left_behind = LeftBehind(world.outcomes_of("confluence_space"), records, self._joined, TWIN)
        self._records, self._faults = records, faults
        self._login = (world.jira_user, world.credentials.jira_token)
        self._renderers = {version: Renderer(self.site, base_url, version) for version in ("2", "3")}

    def app(self) -> web.Application:
        app = twin_app(TWIN, self._records, self._faults)
        app.router.add_get(f"{_API}/myself", self._guarded(self._myself))
        app.router.add_get(f"{_API}/mypermissions", self._guarded(self._permissions))
        app.router.add_get(f"{_API}/user/search", self._guarded(self._people))
        app.router.add_get(f"{_API}/serverInfo", self._guarded(self._server_info))
        app.router.add_get(f"{_API}/field", self._guarded(_fields))
        app.router.add_get(f"{_API}/issue/{{key}}", self._guarded(self._issue))
        app.router.add_get(f"{_API}/issue/{{key}}/comment", self._guarded(self._comments))
        app.router.add_get(f"{_API}/project/search", self._guarded(self._projects))
        for method in ("GET", "POST"):
            app.router.add_route(method, f"{_API}/search/jql", self._guarded(self._search))
            app.router.add_route(method, f"{_API}/search", self._guarded(_removed))
        app.router.add_route("*", "/{path:.*}", self._guarded(_unknown))
        return app

    def _guarded(self, handler: Handler) -> Handler:
        async def guarded(request: web.Request) -> web.StreamResponse:
            if self.revoked or not is_let_in(request.headers.get("Authorization", ""), *self._login):
                words = "Client must be authenticated to access this resource."
                said = {"message": words, "status-code": 401}
                headers = {"WWW-Authenticate": 'OAuth realm="sandbox"', "X-Seraph-LoginReason": "AUTHENTICATED_FAILED"}
                return web.json_response(said, status=401, headers=headers)
            if self.forbidden:
                return _refused(403, "The user does not have access to this product.")
            return await handler(request)

        return guarded

    def _renderer(self, request: web.Request) -> Renderer:
        return self._renderers[request.match_info["version"]]

    async def _myself(self, request: web.Request) -> web.StreamResponse:
        me = {**self._renderer(request).user(self.site.me, to_itself=True), "locale": "en_US"}
        return _answer({**me, "groups": {"size": 1, "items": []}, "applicationRoles": {"size": 1, "items": []}})

    async def _permissions(self, request: web.Request) -> web.StreamResponse:
        """https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-permissions; of the global ones, one."""
        if request.query.get("permissions") != _BROWSE_USERS:
            return _refused(400, "The 'permissions' query parameter is required.")
        told = {"id": "27", "key": _BROWSE_USERS, "name": "Browse users and groups", "type": "GLOBAL", "description": ""}
        return _answer({"permissions": {_BROWSE_USERS: {**told, "havePermission": self.browses_users}}})

    async def _people(self, request: web.Request) -> web.StreamResponse:
        """By the beginning of a name or an address, a hidden one too; who may not browse users finds nobody, and is not told.

        https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-user-search
        """
        self.left_behind.settle()
        wanted, count = request.query.get("query", "").lower(), _number(request.query, "maxResults", 50)
        if not wanted:
            return _refused(400, "The query parameter is required.")
        people = [user for user in self.site.users.values() if user.email.lower().startswith(wanted) or _named(user.name, wanted)]
        shown = people[:count] if self.browses_users else []
        return _answer([self._renderer(request).user(user) for user in shown])

    def _joined(self, seed: OutcomeSeed, address: str) -> None:
        """A pipeline that gives a space gives the account first, which is one in the whole site."""
        del seed
        self.site.person(address)

    async def _server_info(self, request: web.Request) -> web.StreamResponse:
        version = {"version": "1001.0.0-SNAPSHOT", "versionNumbers": [1001, 0, 0], "buildNumber": 100_273}
        return _answer({"baseUrl": self.base_url, **version, "deploymentType": "Cloud", "serverTitle": "Jira"})

    async def _issue(self, request: web.Request) -> web.StreamResponse:
        key = self._visible(request.match_info["key"])
        if key is None:
            return _refused(404, _UNSEEN)
        changelog = "changelog" in request.query.get("expand", "").split(",")
        return _answer(self._renderer(request).issue(key, _listed(_query(request).get("fields")), changelog=changelog))

    async def _comments(self, request: web.Request) -> web.StreamResponse:
        key = self._visible(request.match_info["key"])
        if key is None:
            return _refused(404, _UNSEEN)
        start, count = _number(request.query, "startAt", 0), min(_number(request.query, "maxResults", 100), 5000)
        newest_first = request.query.get("orderBy", "").startswith("-")
        return _answer(self._renderer(request).comments(key, start, count, newest_first=newest_first))

    def _visible(self, reference: str) -> str | None:
        key = self.site.key_of(reference)
        return None if key is None or key.rpartition("-")[0] in self.closed else key

    async def _projects(self, request: web.Request) -> web.StreamResponse:
        asked = request.query
        start, count = _number(asked, "startAt", 0), min(_number(asked, "maxResults", 50), _MOST_PROJECTS)
        sought = asked.get("query", "").lower()
        seen = sorted(
            project.key
            for project in self.site.projects.values()
            if project.key not in self.closed and (sought in project.key.lower() or sought in project.name.lower())
        )
        expand = _listed(asked.get("expand"))
        values = [self._renderer(request).project(key, expand) for key in seen[start : start + count]]
        last = start + count >= len(seen)
        here = f"{self.base_url}{request.path}?maxResults={count}&startAt="
        following = {} if last else {"nextPage": f"{here}{start + count}"}
        page = {"maxResults": count, "startAt": start, "total": len(seen), "isLast": last, "values": values}
        return _answer({"self": f"{here}{start}", **following, **page})

    async def _search(self, request: web.Request) -> web.StreamResponse:
        """By JQL. Only ids are answered unless fields are named: that is Jira's default since the removal of ``/search``."""
        asked = _query(request) if request.method == "GET" else await _body(request)
        if asked is None:
            return _refused(400, "Invalid request payload. Refer to the REST API documentation and try again.")
        jql, mark = str(asked.get("jql") or ""), str(asked.get("nextPageToken") or "")
        start = offset_of(mark, jql) if mark else 0
        if start is None:
            return _refused(400, "The provided next page token is invalid or expired.")
        count = max(1, min(_number(asked, "maxResults", 50), _MOST_ISSUES))
        try:
            if not jql.strip():
                raise QueryError(UNBOUNDED)
            found = IssueSearch(self.site, self.closed, time.time()).search(jql)
        except QueryError as error:
            return _refused(400, *error.said)
        renderer, fields = self._renderer(request), _listed(asked.get("fields")) or {"id"}
        shown = [renderer.issue(key, fields, changelog=False) for key, _ in found[start : start + count]]
        last = start + count >= len(found)
        following = {} if last else {"nextPageToken": cursor(jql, start + count)}
        issues = [{"id": one["id"]} for one in shown] if fields == {"id"} else shown
        return _answer({"issues": issues, **following, "isLast": last})


def _named(name: str, wanted: str) -> bool:
    return any(word.startswith(wanted) for word in (name.lower(), *name.lower().split()))


def _query(request: web.Request) -> dict[str, Any]:
    """The query's values; one that is given several times is a list, as if with commas between."""
    return {name: ",".join(request.query.getall(name)) for name in request.query}


async def _body(request: web.Request) -> dict[str, Any] | None:
    try:
        body = await request.json()
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _listed(given: Any) -> set[str]:
    """Names with commas between, or a list of them."""
    names = given if isinstance(given, list) else str(given or "").split(",")
    return {str(name) for name in names if name}


def _number(asked: Mapping[str, Any], name: str, default: int) -> int:
    text = str(asked.get(name, default))
    return int(text) if text.isdigit() else default


async def _fields(request: web.Request) -> web.StreamResponse:
    names = ("summary", "description", "status", "assignee", "reporter", "priority", "issuetype", "labels", "created", "updated")
    shown = {"custom": False, "orderable": True, "navigable": True, "searchable": True}
    return _answer([{"id": name, "key": name, "name": name.capitalize(), "clauseNames": [name], **shown} for name in names])


async def _removed(request: web.Request) -> web.StreamResponse:
    """https://developer.atlassian.com/changelog/#CHANGE-2046"""
    return _refused(410, _REMOVED)


async def _unknown(request: web.Request) -> web.StreamResponse:
    """Jira's front answers an unknown address with a page of its own."""
    words = f"null for uri: {request.path}"
    return web.Response(status=404, text=f"<html><body><h1>Not Found</h1><p>{words}</p></body></html>", content_type="text/html")


def _refused(status: int, *words: str) -> web.Response:
    return _answer({"errorMessages": list(words), "errors": {}}, status)


def _answer(body: object, status: int = 200) -> web.Response:
    answer = web.json_response(body, status=status)
    answer.headers["Content-Type"] = _TYPE
    return answer
