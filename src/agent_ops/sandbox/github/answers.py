"""What GitHub answers to each address: https://docs.github.com/rest."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from aiohttp import web
from yarl import URL

from agent_ops.sandbox.github import history
from agent_ops.sandbox.github.contents import Contents
from agent_ops.sandbox.github.history import Commit, Pull
from agent_ops.sandbox.github.pages import Page
from agent_ops.sandbox.github.render import Renderer, plain_error
from agent_ops.sandbox.github.render_pulls import PullRenderer
from agent_ops.sandbox.github.seeds import ORGANISATION, RepositorySeed
from agent_ops.sandbox.github.site import GithubSite

_MOST_FOUND = 1000
_PART = re.compile(r'"[^"]*"|\w+:"[^"]*"|\S+')  # a phrase, a qualifier, a word
_ME = "svc-agent-ops"


class Refused(Exception):
    """An answer of 300 or more, or GraphQL's 200 that says no."""

    def __init__(self, status: int, body: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> None:
        self.status, self.body, self.headers = status, dict(body), dict(headers or {})
        super().__init__(str(status))


class Answers:
    """One method for each address. Times in queries are ISO 8601."""

    def __init__(self, site: GithubSite, api: str) -> None:
        self._site, self._api = site, api
        self._base = Renderer(site, api)
        self._pulls, self._contents = PullRenderer(self._base), Contents(self._base)

    # --- people

    def myself(self, request: web.Request) -> web.Response:
        return web.json_response(self._base.myself(_ME))

    def organisation(self, request: web.Request) -> web.Response:
        self._check_org(request)
        return web.json_response(self._base.organisation())

    def team(self, request: web.Request) -> web.Response:
        self._check_org(request)
        slug = request.match_info["team"]
        if f"{ORGANISATION}/{slug}" not in self._site.members:
            raise _missing("rest/teams/teams#get-a-team-by-name")
        return web.json_response(self._base.team(slug, len(self._site.members[f"{ORGANISATION}/{slug}"])))

    def membership(self, request: web.Request) -> web.Response:
        return self._membership(request, ORGANISATION)

    def team_membership(self, request: web.Request) -> web.Response:
        return self._membership(request, f"{ORGANISATION}/{request.match_info['team']}")

    def _membership(self, request: web.Request, place: str) -> web.Response:
        self._check_org(request)
        login = request.match_info["login"].lower()
        state = self._site.members.get(place, {}).get(login)
        if not state:
            raise _missing("rest/orgs/members#get-organization-membership-for-a-user")
        return web.json_response(self._base.membership(login, state, place.partition("/")[2]))

    def _check_org(self, request: web.Request) -> None:
        if request.match_info["org"].lower() != ORGANISATION:
            raise _missing("rest/orgs/orgs#get-an-organization")

    # --- repositories

    def repositories(self, request: web.Request) -> web.Response:
        self._check_org(request)
        seeds = self._site.repositories()
        return self._page(request, seeds, self._base.repository, f"/orgs/{ORGANISATION}/repos")

    def repository(self, request: web.Request) -> web.Response:
        return web.json_response(self._base.repository(self._seed(request), full=True))

    def _seed(self, request: web.Request) -> RepositorySeed:
        """The repository that is named; an old name is answered with where it is now, for good."""
        told = request.match_info
        if "id" in told:
            found = self._site.by_number(int(told["id"]))
        else:
            found = self._site.repository(told["repo"].lower()) if told["owner"].lower() == ORGANISATION else None
            if found is None and (moved := self._site.moved(told["repo"].lower())) is not None:
                rest = request.path.split("/", 4)[4:]
                target = URL("/".join([f"{self._api}/repositories/{moved.number}", *rest])).with_query(request.query)
                body = {**plain_error("Moved Permanently"), "url": str(target)}
                raise Refused(301, body, {"Location": str(target)})
        if found is None:
            raise _missing("rest/repos/repos#get-a-repository")
        return found

    def contents(self, request: web.Request) -> web.Response:
        seed, ref = self._seed(request), request.query.get("ref", "")
        if not seed.commits:
            raise Refused(404, plain_error("This repository is empty.", "rest/repos/contents#get-repository-content"))
        if ref and self._site.branch(seed, ref) is None:
            words = f"No commit found for the ref {ref}"
            raise Refused(404, plain_error(words, "v3/repos/contents/", status="404"))
        found = self._contents.at(seed, request.match_info.get("path", "").strip("/"), ref)
        if found is None:
            raise _missing("rest/repos/contents#get-repository-content")
        return web.json_response(found)

    # --- commits

    def commits(self, request: web.Request) -> web.Response:
        seed, query = self._seed(request), request.query
        if not seed.commits:
            raise Refused(409, plain_error("Git Repository is empty.", "rest/commits/commits#list-commits", status="409"))
        found = self._site.branch(seed, query.get("sha", ""))
        if found is None:
            raise _missing("rest/commits/commits#list-commits")
        since, until = self._moment(query.get("since")), self._moment(query.get("until"))
        author, path = query.get("author", "").lower(), query.get("path", "")
        kept = [
            commit
            for commit in found
            if (since is None or commit.at >= since)
            and (until is None or commit.at <= until)
            and author in ("", commit.author)
            and (not path or any(one == path or one.startswith(f"{path}/") for one in commit.paths))
        ]
        return self._page(request, kept, lambda one: self._base.commit(seed, one), self._own_path(request))

    def commit(self, request: web.Request) -> web.Response:
        seed = self._seed(request)
        return web.json_response(self._base.commit(seed, self._at_ref(request, seed), files=True))

    def _at_ref(self, request: web.Request, seed: RepositorySeed) -> Commit:
        ref = request.match_info["ref"]
        found = self._site.branch(seed, ref)
        if not found:
            raise Refused(422, plain_error(f"No commit found for SHA: {ref}", "rest/commits/commits#get-a-commit", status="422"))
        return found[0]

    def checks(self, request: web.Request) -> web.Response:
        seed = self._seed(request)
        commit = self._at_ref(request, seed)
        pull = self._site.pull(seed, commit.pull) if commit.pull else None
        results = pull.checks if pull else (("build", "success"), ("tests", "success"))
        return web.json_response(self._pulls.checks(seed, commit.sha, results, commit.at))

    def status(self, request: web.Request) -> web.Response:
        """The older kind of checks, of which nobody reports any here."""
        seed = self._seed(request)
        sha, url = self._at_ref(request, seed).sha, self._base.url(seed)
        told = {"state": "pending", "statuses": [], "sha": sha, "total_count": 0, "repository": self._base.repository(seed)}
        return web.json_response({**told, "commit_url": f"{url}/commits/{sha}", "url": f"{url}/commits/{sha}/status"})

    # --- pull requests

    def pulls(self, request: web.Request) -> web.Response:
        seed, query = self._seed(request), request.query
        state, head = query.get("state", "open"), query.get("head", "").rpartition(":")[2]
        if state not in ("open", "closed", "all"):
            errors = [{"resource": "PullRequest", "field": "state", "code": "invalid"}]
            raise Refused(422, plain_error("Validation Failed", "rest/pulls/pulls#list-pull-requests", errors=errors))
        kept = [pull for pull in self._site.pulls(seed) if state in ("all", pull.state) and head in ("", pull.head)]
        kept = _sorted(kept, query.get("sort", "created"), query.get("direction", "desc"))
        return self._page(request, kept, lambda one: self._pulls.simple(seed, one), self._own_path(request))

    def pull(self, request: web.Request) -> web.Response:
        seed, pull = self._one(request)
        return web.json_response(self._pulls.full(seed, pull))

    def pull_files(self, request: web.Request) -> web.Response:
        seed, pull = self._one(request)
        return self._page(request, self._pulls.files(seed, pull), lambda one: one, self._own_path(request))

    def pull_commits(self, request: web.Request) -> web.Response:
        seed, pull = self._one(request)
        commits = history.pull_commits(seed, pull)
        return self._page(request, commits, lambda one: self._base.commit(seed, one), self._own_path(request))

    def reviews(self, request: web.Request) -> web.Response:
        seed, pull = self._one(request)
        return self._page(request, self._pulls.reviews(seed, pull), lambda one: one, self._own_path(request))

    def _one(self, request: web.Request) -> tuple[RepositorySeed, Pull]:
        seed = self._seed(request)
        pull = self._site.pull(seed, int(request.match_info["number"]))
        if pull is None:
            raise _missing("rest/pulls/pulls#get-a-pull-request")
        return seed, pull

    # --- searches

    def search_issues(self, request: web.Request) -> web.Response:
        """``repo:``, ``is:``, ``author:``, ``state:`` and ``created:>=``; words in the title."""
        asked, words = _query(request)
        seed = self._searched(asked, "search-issues-and-pull-requests")[0]
        since = self._moment(asked.get("created", "").removeprefix(">=") or None)
        states = {value for name, value in asked.items() if name in ("state", "is")} & {"open", "closed"}
        author = asked.get("author", "")
        if author.startswith("app/"):  # a bot, as searches name it
            author = f"{author.removeprefix('app/')}[bot]"
        kept = [
            pull
            for pull in self._site.pulls(seed)
            if (not states or pull.state in states)
            and author in ("", pull.author)
            and (since is None or pull.created >= since)
            and all(word in pull.title.lower() for word in words.lower().split())
        ]
        kept = _sorted(kept, request.query.get("sort", "created"), request.query.get("order", "desc"))
        return self._found(request, kept, lambda one: self._pulls.found(seed, one), search_type="lexical")

    def search_code(self, request: web.Request) -> web.Response:
        asked, words = _query(request)
        seeds = self._searched(asked, "search-code")
        fragments = "text-match" in request.headers.get("Accept", "")
        hits = [hit for seed in seeds for hit in self._contents.search(seed, words, fragments=fragments)]
        return self._found(request, hits, lambda one: one)

    def _searched(self, asked: Mapping[str, str], page: str) -> Sequence[RepositorySeed]:
        """The repositories of a search; when none of them is there and may be seen, the search itself is invalid."""
        named = [name.lower().partition("/") for name in asked.get("repo", "").split()]
        found = [self._site.repository(name) for owner, _, name in named if owner == ORGANISATION]
        seeds = [seed for seed in found if seed is not None]
        if not seeds:
            words = "The listed users and repositories cannot be searched either because the resources do not exist or you do not"
            errors = [
                {"message": f"{words} have permission to view them.", "resource": "Search", "field": "q", "code": "invalid"}
            ]
            raise Refused(422, plain_error("Validation Failed", f"v3/search/#{page}", errors=errors, status="422"))
        return seeds

    def _found(self, request: web.Request, items: Sequence[Any], write: Callable[[Any], Any], **more: object) -> web.Response:
        page = Page(request, items[:_MOST_FOUND], self._api + request.path)
        if (page.number - 1) * page.size >= _MOST_FOUND:
            words = "Only the first 1000 search results are available"
            raise Refused(422, plain_error(words, "v3/search/", status="422"))
        told = {"total_count": len(items), "incomplete_results": False, "items": [write(one) for one in page.items], **more}
        return web.json_response(told, headers=page.headers)

    # --- pages and times

    def _own_path(self, request: web.Request) -> str:
        """GitHub's links name repositories by their numbers."""
        seed = self._seed(request)
        rest = request.path.split("/")[3 if "id" in request.match_info else 4 :]
        return "/".join([f"/repositories/{seed.number}", *rest])

    def _page(self, request: web.Request, items: Sequence[Any], write: Callable[[Any], Any], path: str) -> web.Response:
        page = Page(request, items, self._api + path)
        return web.json_response([write(one) for one in page.items], headers=page.headers)

    def _moment(self, text: str | None) -> float | None:
        """Seconds from the sandbox's start; what is no time is not looked at."""
        try:
            when = datetime.fromisoformat((text or "").replace("Z", "+00:00"))
        except ValueError:
            return None
        return (when if when.tzinfo else when.replace(tzinfo=timezone.utc)).timestamp() - self._site.start


def _missing(page: str) -> Refused:
    return Refused(404, plain_error("Not Found", page, status="404"))


def _sorted(pulls: list[Pull], by: str, order: str) -> list[Pull]:
    key = (lambda pull: pull.updated) if by == "updated" else (lambda pull: pull.created)
    return sorted(pulls, key=key, reverse=order != "asc")


def _query(request: web.Request) -> tuple[dict[str, str], str]:
    """The qualifiers of a search, and its words."""
    text = request.query.get("q", "")
    if not text.strip():
        errors = [{"resource": "Search", "field": "q", "code": "missing"}]
        raise Refused(422, plain_error("Validation Failed", "v3/search", errors=errors, status="422"))
    asked: dict[str, str] = {}
    words = []
    for part in _PART.findall(text):
        name, colon, value = part.partition(":")
        if part.startswith('"') or not colon:
            words.append(part.strip('"'))
        elif part != "is:pr":
            named = value.strip('"')
            asked[name] = f"{asked[name]} {named}" if name == "repo" and name in asked else named  # any of several repositories
    return asked, " ".join(words)
