"""What GitHub says of repositories, pull requests, commits, files and members: https://docs.github.com/rest."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from agent_ops.domain.errors import ServiceRefused
from agent_ops.domain.plain import harmless
from agent_ops.domain.readings import Reading, Source
from agent_ops.readers import github_facts as facts
from agent_ops.readers.github_calls import SERVICE, Answered, GithubCalls, explained, understood
from agent_ops.transport.github_config import GithubConfig

PAGE = 25
_ENTRIES = 60
_TEXT = 6000  # characters of a file in one page
_FOUND = 20
_MOST_FOUND = 1000
_FRAGMENTS = "application/vnd.github.text-match+json"
_LIST = "List what there is with list_repositories."
_NO_SIGN_ON = "It needs SAML at the organisation, and an owner's classic token with read:org or an installation's with members."


class GithubReader:
    """Reads what one token may see. Each question is one call, but where its docstring says otherwise.

    Pages are numbered from 1. All texts come from outside and are untrusted.

    Raises, from every question:
        RateLimited: with when to come again. ServiceUnavailable: GitHub cannot be asked now.
        ServiceRefused: it does not answer this; AccessRefused: because of the token.
    """

    def __init__(self, config: GithubConfig) -> None:
        self._calls = GithubCalls(config)

    async def close(self) -> None:
        await self._calls.close()

    @understood
    async def myself(self) -> str:
        """Whose token it is."""
        return facts.login((await self._calls.get("/user")).data)

    @understood
    async def repositories(self, organisation: str, page: int = 1) -> Reading:
        """The repositories of an organisation that our token may see, the one that was pushed to last first."""
        query = {"sort": "pushed", "direction": "desc", "per_page": PAGE, "page": page}
        found = await self._got(f"/orgs/{organisation}/repos", query, f"organisation {organisation}", "Check the name.")
        sources = tuple(_source(item["full_name"], item) for item in found.data)
        return Reading({"repositories": facts.rows(facts.repository_row, found.data)}, sources, found.more)

    # --- pull requests

    @understood
    async def pull_requests(
        self, repository: str, state: str = "open", author: str = "", since: str = "", page: int = 1
    ) -> Reading:
        """Pull requests, the newest first; of one author, or opened since a day (YYYY-MM-DD).

        GitHub's list knows neither author nor day: with one of them it is a search, which has the first 1000 only.
        """
        if author or since:
            return await self._searched_pulls(repository, state, author, since, page)
        query = {"state": state, "per_page": PAGE, "page": page}
        found = await self._got(f"/repos/{repository}/pulls", query, f"repository {repository}", _LIST)
        return _pulls(repository, found.data, found.more, {"state": state})

    async def _searched_pulls(self, repository: str, state: str, author: str, since: str, page: int) -> Reading:
        parts = [f"repo:{repository}", "is:pr", *([] if state == "all" else [f"state:{state}"])]
        parts += [f"author:{_search_name(author)}"] if author else []
        parts += [f"created:>={since}"] if since else []
        query = {"q": " ".join(parts), "sort": "created", "order": "desc", "per_page": PAGE, "page": page}
        found = await self._search("/search/issues", query, repository)
        asked = {"state": state, **({"author": author} if author else {}), **({"since": since} if since else {})}
        return _pulls(repository, found.data["items"], _within(found), {**asked, "total": found.data["total_count"]})

    @understood
    async def pull_request(self, repository: str, number: int, parts: Sequence[str] = ("files", "reviews", "checks")) -> Reading:
        """One pull request: a call for itself, and one each for its files and reviews; two for its checks."""
        place, what = f"/repos/{repository}/pulls/{number}", f"pull request {repository}#{number}"
        pull = (await self._got(place, {}, what, "See list_pull_requests for those that there are.")).data
        asked = [self._part(repository, place, str(pull["head"]["sha"]), part) for part in dict.fromkeys(parts)]
        found = await asyncio.gather(*asked)
        told = {**facts.pull_whole(pull), **{name: items for name, items, _ in found}}
        return Reading(told, (_source(f"{repository}#{number}", pull),), cut=any(cut for _, _, cut in found))

    async def _part(self, repository: str, place: str, sha: str, part: str) -> tuple[str, list[facts.Facts], bool]:
        """A part's name, its rows, and whether there are more of them."""
        query = {"per_page": PAGE}
        if part == "checks":
            commit = f"/repos/{repository}/commits/{sha}"
            runs, older = await asyncio.gather(
                self._calls.get(f"{commit}/check-runs", query), self._calls.get(f"{commit}/status", query)
            )
            items = [*runs.data["check_runs"], *older.data["statuses"]]
            return part, facts.rows(facts.check_row, items), bool(runs.more or older.more)
        found = await self._calls.get(f"{place}/{part}", query)
        write = facts.review_row if part == "reviews" else facts.file_row
        return part, facts.rows(write, found.data), bool(found.more)

    # --- commits

    @understood
    async def commits(
        self, repository: str, branch: str = "", author: str = "", since: str = "", path: str = "", page: int = 1
    ) -> Reading:
        """Commits, the newest first; of a branch (else the default one), an author, since a day, on a path."""
        since = f"{since}T00:00:00Z" if since else ""
        query = {"sha": branch, "author": author, "since": since, "path": path, "per_page": PAGE, "page": page}
        what = f"repository {repository}" + (f" with a branch {branch}" if branch else "")
        found = await self._got(f"/repos/{repository}/commits", query, what, _LIST)
        sources = tuple(_source(f"{repository}@{str(one['sha'])[:12]}", one) for one in found.data)
        told = {"repository": repository, "commits": facts.rows(facts.commit_row, found.data)}
        return Reading(told, sources or (Source(SERVICE, repository),), found.more)

    @understood
    async def commit(self, repository: str, ref: str) -> Reading:
        """One commit with its changes: of a sha, a branch or a tag."""
        what = f"commit {ref} in a repository {repository}"
        advice = "See list_commits for those that there are."
        data = (await self._got(f"/repos/{repository}/commits/{quote(ref, safe='')}", {}, what, advice)).data
        changes, cut = facts.patches(data.get("files") or [])
        row = facts.commit_row(data, 200)
        message = facts.text_of(str(data["commit"]["message"]), 600)
        told = {**row, "message": message, "stats": data.get("stats"), "files": changes}
        return Reading(told, (_source(f"{repository}@{row['sha']}", data),), cut=cut)

    # --- files

    @understood
    async def files(self, repository: str, path: str = "", ref: str = "", page: int = 1) -> Reading:
        """What is directly in a directory, at a branch, tag or sha (else the default branch)."""
        data = await self._contents(repository, path, ref)
        if not isinstance(data, list):
            raise ServiceRefused(SERVICE, f"{path} in {repository} is no directory", "Read it with read_file.")
        begin = (page - 1) * _ENTRIES
        shown = facts.rows(facts.entry_row, data[begin : begin + _ENTRIES])
        more = str(page + 1) if begin + _ENTRIES < len(data) else ""
        place = _place(repository, path, ref)
        return Reading({"directory": place, "entries": shown}, (Source(SERVICE, place),), more)

    @understood
    async def file(self, repository: str, path: str, ref: str = "", page: int = 1) -> Reading:
        """A text file's content, 6000 characters a page. Of one that is binary, or larger than the 1 MB that GitHub gives, type
        and size are told instead."""
        data = await self._contents(repository, path, ref)
        if isinstance(data, list):
            raise ServiceRefused(SERVICE, f"{path or 'this'} in {repository} is a directory", "List it with list_files.")
        size, place = int(data["size"]), _place(repository, path, ref)
        told: facts.Facts = {"file": place, "bytes": size}
        source = (_source(place, data),)
        if why := _unread(data, path, size):
            return Reading({**told, "note": why}, source, cut=True)
        text = facts.decoded(facts.content_of(data))
        if text is None:
            return Reading({**told, "note": f"not shown: it is binary ({facts.kind_of(path)}, {facts.size_of(size)})"}, source)
        begin = (page - 1) * _TEXT
        more = str(page + 1) if begin + _TEXT < len(text) else ""
        return Reading({**told, "text": harmless(text[begin : begin + _TEXT])}, source, more, bool(more))

    async def _contents(self, repository: str, path: str, ref: str) -> Any:
        where, what = quote(path.strip("/")), f"{path or 'content'} in a repository {repository}" + (f" at {ref}" if ref else "")
        advice = f"Look with list_files one directory up. {_LIST}"
        return (await self._got(f"/repos/{repository}/contents/{where}", {"ref": ref}, what, advice)).data

    @understood
    async def search(self, repository: str, phrase: str, page: int = 1) -> Reading:
        """The default branch's files in which a phrase stands."""
        words = " ".join(phrase.replace('"', " ").replace("\\", " ").split())
        query = {"q": f'"{words}" repo:{repository}', "per_page": _FOUND, "page": page}
        found = await self._search("/search/code", query, repository, _FRAGMENTS)
        hits = found.data["items"]
        sources = tuple(_source(f"{repository}/{hit['path']}", hit) for hit in hits)
        shown = facts.rows(facts.hit_row, hits)
        told = {"repository": repository, "phrase": words, "total": found.data["total_count"], "files": shown}
        incomplete = bool(found.data.get("incomplete_results"))
        return Reading(told, sources or (Source(SERVICE, repository),), _within(found, _FOUND), incomplete)

    # --- members

    @understood
    async def membership(self, organisation: str, login: str, team: str = "") -> Reading:
        """Whether somebody is in an organisation, or in a team of it: ``membership`` is active, pending or none.

        One call; a second one when there is none, because an organisation that there is not is answered alike.
        """
        place = f"/orgs/{organisation}" + (f"/teams/{team}" if team else "")
        source = (Source(SERVICE, f"{organisation}{f'/{team}' if team else ''}: {login}"),)
        told = {"organisation": organisation, **({"team": team} if team else {}), "login": login}
        try:
            found = (await self._calls.get(f"{place}/memberships/{quote(login, safe='')}")).data
        except ServiceRefused as error:
            if error.status != 404:
                raise
            what = f"team {team} in an organisation {organisation}" if team else f"organisation {organisation}"
            await self._got(place, {}, what, "Check the name.")
            return Reading({**told, "membership": "none"}, source)
        return Reading({**told, "membership": str(found["state"]), "role": str(found.get("role", ""))}, source)

    @understood
    async def login_of(self, organisation: str, address: str) -> str:
        """With which login somebody with this address signs in to the organisation; empty when nobody does. One call.

        The organisation's single sign-on knows it: https://docs.github.com/en/graphql/reference/objects#externalidentity.

        Raises also:
            ServiceRefused: the organisation shows us no single sign-on of its own, or knows the address twice.
        """
        try:
            found: Any = (await self._calls.who_is(organisation, address)).data
        except ServiceRefused as error:
            raise explained(error, f"organisation {organisation}", "Check the name.") from error
        provider = found["organization"]["samlIdentityProvider"]
        if provider is None:
            raise ServiceRefused(SERVICE, f"{organisation} shows us no single sign-on of its own", _NO_SIGN_ON)
        logins = facts.logins_of(provider["externalIdentities"]["nodes"], address)
        if len(logins) > 1:
            raise ServiceRefused(SERVICE, f"{organisation} has several accounts for one address", "Unlink all but one of them.")
        return next(iter(logins), "")

    # --- calls

    async def _got(self, path: str, query: dict[str, Any], what: str, advice: str) -> Answered:
        try:
            return await self._calls.get(path, query)
        except ServiceRefused as error:
            raise explained(error, what, advice) from error

    async def _search(self, path: str, query: dict[str, Any], repository: str, accept: str = "") -> Answered:
        """A search in a repository that cannot be searched is refused with 422, as it stands in its query."""
        try:
            return await self._calls.get(path, query, accept)
        except ServiceRefused as error:
            if error.status == 422 and "cannot be searched" in error.what:
                error.status = 404
                raise explained(error, f"repository {repository}", _LIST) from error
            raise


def _unread(entry: Any, path: str, size: int) -> str:
    """Why GitHub gave no content; empty when it did."""
    if entry["type"] != "file":
        return f"{path} is a {entry['type']}, and has no content of its own"
    return f"not read: {facts.size_of(size)} is more than the 1 MB that GitHub gives" if entry.get("encoding") == "none" else ""


def _pulls(repository: str, items: Sequence[Any], more: str, asked: facts.Facts) -> Reading:
    sources = tuple(_source(f"{repository}#{item['number']}", item) for item in items)
    told = {"repository": repository, **asked, "pull_requests": facts.rows(facts.pull_row, items)}
    return Reading(told, sources or (Source(SERVICE, repository),), more)


def _within(found: Answered, size: int = PAGE) -> str:
    """The next page of a search, unless it lies beyond what searches have."""
    return found.more if found.more and int(found.more) * size <= _MOST_FOUND else ""


def _search_name(login: str) -> str:
    """A bot's name in searches: app/dependabot."""
    return f"app/{login.removesuffix('[bot]')}" if login.endswith("[bot]") else login


def _place(repository: str, path: str, ref: str) -> str:
    return f"{repository}/{path.strip('/')}".rstrip("/") + (f"@{ref}" if ref else "")


def _source(reference: str, item: Any) -> Source:
    return Source(SERVICE, reference, str(item.get("html_url") or ""))
