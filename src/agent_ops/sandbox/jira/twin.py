"""Serves a Jira site: who calls, what is asked for, and Jira's own words when it cannot be had."""

from __future__ import annotations

import base64
import hmac
from collections.abc import Awaitable, Callable

from aiohttp import web

from agent_ops.sandbox.faults import FaultBook
from agent_ops.sandbox.jira.render import Renderer
from agent_ops.sandbox.jira.site import TWIN, Site
from agent_ops.sandbox.records import Records
from agent_ops.sandbox.web import twin_app
from agent_ops.sandbox.world import World

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_UNSEEN = "Issue does not exist or you do not have permission to see it."
_TYPE = "application/json;charset=UTF-8"


class JiraTwin:
    """A Jira Cloud site on the given records; a second twin on the same records goes on where the first was.

    ``closed`` are the projects that our account may not browse, ``forbidden`` answers every call with 403, as for an account
    without access to the product.
    """

    def __init__(self, world: World, records: Records, faults: FaultBook, base_url: str) -> None:
        self.base_url = base_url
        self.site = Site(world, records)
        self.closed: set[str] = set()
        self.forbidden = False
        self._records, self._faults = records, faults
        self._login = (world.jira_user, world.credentials.jira_token)
        self._renderer = Renderer(self.site, base_url)

    def app(self) -> web.Application:
        app = twin_app(TWIN, self._records, self._faults)
        app.router.add_get("/rest/api/{version:2|3}/myself", self._guarded(self._myself))
        app.router.add_get("/rest/api/{version:2|3}/issue/{key}", self._guarded(self._issue))
        app.router.add_route("*", "/{path:.*}", self._guarded(_unknown))
        return app

    def _guarded(self, handler: Handler) -> Handler:
        async def guarded(request: web.Request) -> web.StreamResponse:
            if not self._known(request.headers.get("Authorization", "")):
                words = "Client must be authenticated to access this resource."
                said = {"message": words, "status-code": 401}
                headers = {"WWW-Authenticate": 'OAuth realm="sandbox"', "X-Seraph-LoginReason": "AUTHENTICATED_FAILED"}
                return web.json_response(said, status=401, headers=headers)
            if self.forbidden:
                return _refused(403, "The user does not have access to this product.")
            return await handler(request)

        return guarded

    def _known(self, header: str) -> bool:
        """Basic authentication with e-mail address and API token: RFC 7617."""
        user, token = self._login
        expected = base64.b64encode(f"{user}:{token}".encode()).decode()
        return bool(token) and hmac.compare_digest(header.encode(), f"Basic {expected}".encode())

    async def _myself(self, request: web.Request) -> web.StreamResponse:
        me = {**self._renderer.user(self.site.me, to_itself=True), "locale": "en_US"}
        return _answer({**me, "groups": {"size": 1, "items": []}, "applicationRoles": {"size": 1, "items": []}})

    async def _issue(self, request: web.Request) -> web.StreamResponse:
        wanted = request.match_info["key"].upper()
        key = next((k for k, issue in self.site.issues.items() if wanted in (k, issue["id"], *issue.get("earlier", ()))), None)
        if key is None or key.rpartition("-")[0] in self.closed:
            return _refused(404, _UNSEEN)
        fields = {name for name in request.query.get("fields", "").split(",") if name}
        expand = request.query.get("expand", "").split(",")
        return _answer(self._renderer.issue(key, fields, changelog="changelog" in expand))


async def _unknown(request: web.Request) -> web.StreamResponse:
    """Jira's front answers an unknown address with a page of its own."""
    words = f"null for uri: {request.path}"
    return web.Response(status=404, text=f"<html><body><h1>Not Found</h1><p>{words}</p></body></html>", content_type="text/html")


def _refused(status: int, words: str) -> web.Response:
    return _answer({"errorMessages": [words], "errors": {}}, status)


def _answer(body: object, status: int = 200) -> web.Response:
    answer = web.json_response(body, status=status)
    answer.headers["Content-Type"] = _TYPE
    return answer
