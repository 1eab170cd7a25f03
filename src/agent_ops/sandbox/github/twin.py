"""Serves GitHub's REST API: who calls, how often, what is asked for, and GitHub's own words when it cannot be had."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
from collections.abc import Awaitable, Callable

from aiohttp import web

from agent_ops.sandbox.faults import FaultBook
from agent_ops.sandbox.github.answers import Answers, Refused
from agent_ops.sandbox.github.graphql import GraphQL
from agent_ops.sandbox.github.limits import Limits
from agent_ops.sandbox.github.render import plain_error
from agent_ops.sandbox.github.site import TWIN, GithubSite
from agent_ops.sandbox.left_behind import LeftBehind
from agent_ops.sandbox.records import Records
from agent_ops.sandbox.web import twin_app
from agent_ops.sandbox.world import OutcomeSeed, World

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_LIMITS = "rest/using-the-rest-api/rate-limits-for-the-rest-api"
_SECONDARY = (
    "You have exceeded a secondary rate limit. Please wait a few minutes before you try again. "
    "If you reach out to GitHub Support for help, please include the request ID {}."
)


class GithubTwin:
    """GitHub on the given records; a second twin on the same records goes on where the first was.

    ``revoked`` refuses the token, as after its owner revoked it.
    """

    def __init__(self, world: World, records: Records, faults: FaultBook, base_url: str) -> None:
        self.base_url = base_url
        self.site, self.limits = GithubSite(records), Limits()
        self.revoked = False
        self._records, self._faults = records, faults
        self._token = world.credentials.github_token
        self._answers, self._graphql = Answers(self.site, base_url), GraphQL(self.site)
        self.left_behind = LeftBehind(world.outcomes_of("github_member"), records, self._joined, TWIN)

    def app(self) -> web.Application:
        app = twin_app(TWIN, self._records, self._faults)
        one, answers = "/repos/{owner}/{repo}", self._answers
        routes: dict[str, Callable[[web.Request], web.Response]] = {
            "/user": answers.myself,
            "/orgs/{org}": answers.organisation,
            "/orgs/{org}/teams/{team}": answers.team,
            "/orgs/{org}/repos": answers.repositories,
            "/orgs/{org}/memberships/{login}": answers.membership,
            "/orgs/{org}/teams/{team}/memberships/{login}": answers.team_membership,
            one: answers.repository,
            f"{one}/pulls": answers.pulls,
            f"{one}/pulls/{{number:\\d+}}": answers.pull,
            f"{one}/pulls/{{number:\\d+}}/files": answers.pull_files,
            f"{one}/pulls/{{number:\\d+}}/commits": answers.pull_commits,
            f"{one}/pulls/{{number:\\d+}}/reviews": answers.reviews,
            f"{one}/commits": answers.commits,
            f"{one}/commits/{{ref:.+}}/check-runs": answers.checks,
            f"{one}/commits/{{ref:.+}}/status": answers.status,
            f"{one}/commits/{{ref:.+}}": answers.commit,
            f"{one}/contents": answers.contents,
            f"{one}/contents/{{path:.*}}": answers.contents,
        }
        for path, answer in routes.items():
            app.router.add_get(path, self._guarded(answer, "core"))
            if path.startswith(one):
                numbered = path.replace(one, "/repositories/{id:\\d+}", 1)
                app.router.add_get(numbered, self._guarded(answer, "core"))
        app.router.add_get("/search/issues", self._guarded(answers.search_issues, "search"))
        app.router.add_get("/search/code", self._guarded(answers.search_code, "code_search"))
        app.router.add_post("/graphql", self._asked)
        app.router.add_get("/rate_limit", self._guarded(self._rate_limit, ""))
        app.router.add_route("*", "/{path:.*}", self._guarded(_unknown, "core"))
        return app

    def _joined(self, seed: OutcomeSeed, address: str) -> None:
        self.site.provisioned(seed.target, address)

    async def _asked(self, request: web.Request) -> web.StreamResponse:
        text = await request.text()
        return await self._guarded(lambda _: web.json_response(self._graphql.answer(text)), "graphql")(request)

    def _guarded(self, answer: Callable[[web.Request], web.Response], resource: str) -> Handler:
        async def guarded(request: web.Request) -> web.StreamResponse:
            try:
                self._admit(request, resource)
                if request.path.startswith(("/orgs/", "/graphql")):
                    self.left_behind.settle()
                response = answer(request)
            except Refused as refusal:
                response = web.json_response(refusal.body, status=refusal.status, headers=refusal.headers)
            return self._dressed(request, response, resource or "core")

        return guarded

    def _admit(self, request: web.Request, resource: str) -> None:
        """In GitHub's order: a name, a token, no abuse, room within the limit."""
        if not request.headers.get("User-Agent"):
            words = "Request forbidden by administrative rules. Please make sure your request has a User-Agent header."
            raise Refused(403, {"message": words})
        self._know(request.headers.get("Authorization", ""))
        if time.time() < self.limits.slow_until:
            wait = {"Retry-After": str(max(1, round(self.limits.slow_until - time.time())))} if self.limits.hint else {}
            raise Refused(
                403, plain_error(_SECONDARY.format(_request_id(request)), f"{_LIMITS}#about-secondary-rate-limits"), wait
            )
        if resource and not self.limits.take(resource):
            words = "API rate limit exceeded for user ID 1000. If you reach out to GitHub Support for help, please include the"
            if resource == "graphql":
                raise Refused(
                    200, {"errors": [{"type": "RATE_LIMITED", "message": f"{words} request ID {_request_id(request)}."}]}
                )
            raise Refused(403, plain_error(f"{words} request ID {_request_id(request)}.", f"{_LIMITS}#about-primary-rate-limits"))

    def _know(self, header: str) -> None:
        """``Bearer`` or ``token``: https://docs.github.com/rest/authentication/authenticating-to-the-rest-api."""
        if not header:
            raise Refused(401, plain_error("Requires authentication", status="401"))
        kind, _, token = header.partition(" ")
        known = bool(self._token) and hmac.compare_digest(token.encode(), self._token.encode())
        if kind.lower() not in ("bearer", "token") or not known or self.revoked:
            raise Refused(401, plain_error("Bad credentials", status="401"))

    def _dressed(self, request: web.Request, response: web.Response, resource: str) -> web.Response:
        """The headers that every answer has; an unchanged answer is only named (RFC 9110, 13.1.2)."""
        headers = {
            "Server": "github.com",
            "X-GitHub-Media-Type": "github.v3; format=json",
            "X-GitHub-Api-Version-Selected": "2022-11-28",
            "X-GitHub-Request-Id": _request_id(request),
            "X-OAuth-Scopes": "read:org, repo",
            "Cache-Control": "private, max-age=60, s-maxage=60",
        }
        if response.status == 200 and isinstance(response.body, bytes):
            tag = f'W/"{hashlib.sha256(response.body).hexdigest()}"'
            if request.headers.get("If-None-Match") == tag:
                self.limits.budgets[resource].used -= 1  # an unchanged answer is free
                response = web.Response(status=304)
            headers["ETag"] = tag
        response.headers.update({**headers, **self.limits.headers(resource)})
        return response

    def _rate_limit(self, request: web.Request) -> web.Response:
        resources = self.limits.told()
        return web.json_response({"resources": resources, "rate": resources["core"]})


def _unknown(request: web.Request) -> web.Response:
    """No such address, or no right to do that: GitHub does not tell the two apart."""
    del request
    raise Refused(404, plain_error("Not Found", status="404"))


def _request_id(request: web.Request) -> str:
    told = json.dumps([request.path_qs, id(request)])
    return ":".join(re.findall("....", hashlib.sha256(told.encode()).hexdigest()[:20].upper()))
