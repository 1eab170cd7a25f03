"""Serves a Confluence site: who calls, what is asked for, and Confluence's own words when it cannot be had."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from agent_ops.sandbox.atlassian.cursors import cursor, offset_of
from agent_ops.sandbox.atlassian.lexer import QueryError
from agent_ops.sandbox.atlassian.login import is_let_in
from agent_ops.sandbox.atlassian.people import account_id_of
from agent_ops.sandbox.confluence.render import OPERATIONS, Renderer
from agent_ops.sandbox.confluence.search import PageSearch
from agent_ops.sandbox.confluence.site import TWIN, Site
from agent_ops.sandbox.faults import FaultBook
from agent_ops.sandbox.left_behind import LeftBehind
from agent_ops.sandbox.records import Document, Records
from agent_ops.sandbox.web import twin_app
from agent_ops.sandbox.world import OutcomeSeed, World

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_V2, _V1 = "/wiki/api/v2", "/wiki/rest/api"
_MOST = 250
_BAD_REQUEST = "com.atlassian.confluence.api.service.exceptions.BadRequestException: "


class ConfluenceTwin:
    """A Confluence Cloud site on the given records; a second twin on the same records goes on where the first was.

    ``closed`` are the spaces that our account may not see, ``forbidden`` answers every call with 403, as for an account without
    access to the product, ``revoked`` lets our token be none any more.
    """

    def __init__(self, world: World, records: Records, faults: FaultBook, base_url: str, began: float | None = None) -> None:
        self.base_url = base_url
        self.site = Site(world, records, began)
        self.closed: set[str] = set()
        self.forbidden = self.revoked = False
        self._records, self._faults = records, faults
        self._login = (world.jira_user, world.credentials.jira_token)
        self._user = world.jira_user
        self._renderer = Renderer(self.site)
        self.left_behind = LeftBehind(world.outcomes_of("confluence_space"), records, self._joined, TWIN)

    def app(self) -> web.Application:
        app = twin_app(TWIN, self._records, self._faults)
        app.router.add_get(f"{_V2}/spaces", self._guarded(self._spaces))
        app.router.add_get(f"{_V2}/spaces/{{id}}", self._guarded(self._space))
        app.router.add_get(f"{_V2}/spaces/{{id}}/pages", self._guarded(self._space_pages))
        app.router.add_get(f"{_V2}/spaces/{{id}}/permissions", self._guarded(self._permissions))
        app.router.add_get(f"{_V2}/spaces/{{id}}/role-assignments", self._guarded(self._roles))
        app.router.add_get(f"{_V2}/pages", self._guarded(self._pages))
        app.router.add_get(f"{_V2}/pages/{{id}}", self._guarded(self._page))
        app.router.add_get(f"{_V2}/pages/{{id}}/children", self._guarded(self._children))
        app.router.add_get(f"{_V1}/search", self._guarded(self._search))
        app.router.add_get(f"{_V1}/user/current", self._guarded(self._current))
        app.router.add_get(f"{_V1}/user/memberof", self._guarded(self._groups))
        app.router.add_route("*", "/{path:.*}", self._guarded(_unknown))
        return app

    def _guarded(self, handler: Handler) -> Handler:
        async def guarded(request: web.Request) -> web.StreamResponse:
            if self.revoked or not is_let_in(request.headers.get("Authorization", ""), *self._login):
                return _refused(request, 401, "UNAUTHORIZED", "Unauthorized")
            if self.forbidden:
                return _refused(request, 403, "FORBIDDEN", "Current user not permitted to use Confluence")
            return await handler(request)

        return guarded

    async def _current(self, request: web.Request) -> web.StreamResponse:
        me = {"type": "known", "accountId": self.site.me, "accountType": "atlassian", "email": self._user}
        return web.json_response({**me, "publicName": "Agent Ops", "displayName": "Agent Ops"})

    async def _spaces(self, request: web.Request) -> web.StreamResponse:
        ids, keys = _several(request, "ids"), [key.upper() for key in _several(request, "keys")]
        seen = [
            key
            for key in self.site.spaces
            if key not in self.closed and (not keys or key in keys) and (not ids or self.site.space_id(key) in ids)
        ]
        return self._listed(request, seen, self._renderer.space)

    async def _space(self, request: web.Request) -> web.StreamResponse:
        key = self._space_key(request.match_info["id"])
        return web.json_response(self._renderer.space(key)) if key else _refused(request, 404, "NOT_FOUND", "Space not found")

    async def _permissions(self, request: web.Request) -> web.StreamResponse:
        """https://developer.atlassian.com/cloud/confluence/rest/v2/api-group-space-permissions"""
        key = self._space_key(request.match_info["id"])
        if key is None:
            return _refused(request, 404, "NOT_FOUND", "Space not found")
        self.left_behind.settle()
        me = [("user", self.site.me, one) for one in OPERATIONS]
        rows = [*me, *((kind, who, one) for kind, who in self.site.permissions.get(key, ()) for one in OPERATIONS[:2])]
        return self._listed(request, list(enumerate(rows)), self._renderer.permission)

    async def _roles(self, request: web.Request) -> web.StreamResponse:
        """https://developer.atlassian.com/cloud/confluence/rest/v2/api-group-space-roles"""
        key = self._space_key(request.match_info["id"])
        if key is None:
            return _refused(request, 404, "NOT_FOUND", "Space not found")
        return self._listed(request, self.site.roles.get(key, []), self._renderer.role)

    async def _groups(self, request: web.Request) -> web.StreamResponse:
        """https://developer.atlassian.com/cloud/confluence/rest/v1/api-group-users"""
        account = request.query.get("accountId", "")
        if not account:
            return _refused(request, 400, "", f"{_BAD_REQUEST}accountId is required")
        groups = [self._renderer.group(group) for group, people in self.site.groups.items() if account in people]
        return web.json_response({"results": groups, "start": 0, "limit": 200, "size": len(groups), "_links": {}})

    def _joined(self, seed: OutcomeSeed, address: str) -> None:
        """What a pipeline gives whoever has this address."""
        self.site.let_in(seed.target, account_id_of(address))

    async def _space_pages(self, request: web.Request) -> web.StreamResponse:
        key = self._space_key(request.match_info["id"])
        if key is None:
            return _refused(request, 404, "NOT_FOUND", "Space not found")
        return self._listed_pages(request, [page for page in self._visible() if page["space"] == key])

    async def _pages(self, request: web.Request) -> web.StreamResponse:
        ids, spaces, title = _several(request, "id"), _several(request, "space-id"), request.query.get("title")
        found = [
            page
            for page in self._visible()
            if (not ids or page["id"] in ids)
            and (not spaces or self.site.space_id(page["space"]) in spaces)
            and title in (None, page["title"])
        ]
        return self._listed_pages(request, found)

    async def _page(self, request: web.Request) -> web.StreamResponse:
        reference = request.match_info["id"]
        if not reference.isdigit():
            words = f"Provided value {{{reference}}} for 'id' is not the correct type. Expected type is long"
            return _refused(request, 400, "INVALID_REQUEST_PARAMETER", words)
        page = self.site.pages.get(reference)
        if page is None or page["space"] in self.closed:
            return _refused(request, 404, "NOT_FOUND", "Page not found")
        wanted = request.query.get("body-format") == "storage"
        written = self._renderer.page(page, with_body=wanted)
        written["_links"]["base"] = f"{self.base_url}/wiki"
        return web.json_response(written)

    async def _children(self, request: web.Request) -> web.StreamResponse:
        found = [page for page in self._visible() if page["parent"] == request.match_info["id"]]
        return self._listed(request, found, self._renderer.child)

    async def _search(self, request: web.Request) -> web.StreamResponse:
        cql, mark = request.query.get("cql", ""), request.query.get("cursor", "")
        limit, start = _limit(request), offset_of(mark, cql) if mark else 0
        if start is None:
            return _refused(request, 400, "", f"{_BAD_REQUEST}Invalid cursor")
        try:
            found = PageSearch(self.site, self.closed, time.time()).search(cql)
        except QueryError as error:
            return _refused(request, 400, "", _BAD_REQUEST + " ".join(error.said))
        shown = [self._renderer.result(page) for page in found[start : start + limit]]
        links = {"base": f"{self.base_url}/wiki", "context": "/wiki", "self": f"{self.base_url}{request.path_qs}"}
        if start + limit < len(found):
            asked = {"next": "true", "cursor": cursor(cql, start + limit), "limit": limit, "start": start + limit, "cql": cql}
            links["next"] = f"/rest/api/search?{urlencode(asked)}"
        counts = {"start": start, "limit": limit, "size": len(shown), "totalSize": len(found)}
        return web.json_response({"results": shown, **counts, "cqlQuery": cql, "searchDuration": 5, "_links": links})

    def _visible(self) -> list[Document]:
        return [page for page in self.site.pages.values() if page["space"] not in self.closed]

    def _space_key(self, space_id: str) -> str | None:
        return next((k for k in self.site.spaces if self.site.space_id(k) == space_id and k not in self.closed), None)

    def _listed_pages(self, request: web.Request, found: list[Document]) -> web.Response:
        with_body = request.query.get("body-format") == "storage"
        return self._listed(request, found, lambda page: self._renderer.page(page, with_body=with_body))

    def _listed(self, request: web.Request, found: list[Any], write: Callable[[Any], Document]) -> web.Response:
        """A page of a list, and where the next one is: https://developer.atlassian.com/cloud/confluence/rest/v2/intro/#using."""
        asked = [(name, value) for name, value in request.query.items() if name != "cursor"]
        question, mark = f"{request.path}?{urlencode(asked)}", request.query.get("cursor", "")
        limit, start = _limit(request), offset_of(mark, question) if mark else 0
        if start is None:
            return _refused(request, 400, "INVALID_REQUEST_PARAMETER", "Invalid cursor")
        links = {"base": f"{self.base_url}/wiki"}
        if start + limit < len(found):
            links["next"] = f"{request.path}?{urlencode([*asked, ('cursor', cursor(question, start + limit))])}"
        results = [write(one) for one in found[start : start + limit]]
        answer = web.json_response({"results": results, "_links": links})
        if "next" in links:
            answer.headers["Link"] = f'<{links["next"]}>; rel="next", <{links["base"]}>; rel="base"'
        return answer


def _several(request: web.Request, name: str) -> list[str]:
    return [one for value in request.query.getall(name, []) for one in value.split(",") if one]


def _limit(request: web.Request) -> int:
    text = request.query.get("limit", "25")
    return max(1, min(int(text), _MOST)) if text.isdigit() else 25


async def _unknown(request: web.Request) -> web.StreamResponse:
    """What is not there is told by a page of its own."""
    words = "<html><head><title>Oops, you&#39;ve found a dead link.</title></head><body><h1>Page Not Found</h1></body></html>"
    return web.Response(status=404, text=words, content_type="text/html")


def _refused(request: web.Request, status: int, code: str, words: str) -> web.Response:
    """The two versions refuse in forms of their own."""
    if request.path.startswith(_V2):
        return web.json_response({"errors": [{"status": status, "code": code, "title": words, "detail": None}]}, status=status)
    data = {"authorized": status != 401, "valid": status != 400, "errors": [], "successful": False}
    return web.json_response({"statusCode": status, "data": data, "message": words}, status=status)
