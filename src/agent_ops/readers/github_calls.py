"""Asking GitHub: one call a question, tried again while that helps, never while GitHub has asked us to wait."""

from __future__ import annotations

import asyncio
import functools
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from typing_extensions import ParamSpec

from agent_ops.domain.errors import RateLimited, ServiceAmbiguous, ServiceError, ServiceRefused, ServiceUnavailable
from agent_ops.transport.github_config import GithubConfig
from agent_ops.transport.github_question import who_is
from agent_ops.transport.threads import ClientPool
from agent_ops.transport.vendor_errors import github_answer, github_errors

P = ParamSpec("P")
T = TypeVar("T")
SERVICE = "GitHub"
_CLIENTS = 4
_PAUSES = (0.2, 0.6, 1.8)  # seconds
_NEXT = re.compile(r'<[^>]*[?&]page=(\d+)[^>]*>;\s*rel="next"')
_RESOURCES = {"/search/code": "code_search", "/search/issues": "search"}


@dataclass(frozen=True)
class Answered:
    """What GitHub answered: JSON, and the number of the next page, empty at the end."""

    data: Any
    more: str = ""


class GithubCalls:
    """GET on GitHub's REST API by PyGithub's requester, which is what its classes call, too.

    Its classes are left aside on purpose: an attribute that a list lacks costs them another call, unseen, and each has methods
    that write. There are no other methods here than ``get`` and ``who_is``, and the session refuses whatever is neither.
    """

    def __init__(self, config: GithubConfig) -> None:
        self._config = config
        self._clients = ClientPool("github", _CLIENTS, self._client)
        self._closed_until: dict[str, float] = {}

    async def close(self) -> None:
        self._clients.close()

    async def get(self, path: str, query: Mapping[str, object] | None = None, accept: str = "") -> Answered:
        """The JSON at a path below the API's root.

        Raises:
            RateLimited: GitHub asks to wait longer than the deadline; until then nothing is sent.
            ServiceUnavailable: it cannot be asked now. ServiceRefused: it does not answer this; AccessRefused among it.
        """
        given = {name: value for name, value in (query or {}).items() if value not in (None, "")}
        headers = {"Accept": accept} if accept else {}
        return await self._patiently(_RESOURCES.get(path, "core"), lambda client: _asked(client, path, given, headers))

    async def who_is(self, organisation: str, address: str) -> Answered:
        """What GitHub's GraphQL tells of the accounts that an address has signed in to. Raises as :meth:`get`."""
        return await self._patiently("graphql", lambda client: _told(client, organisation, address))

    async def _patiently(self, resource: str, work: Callable[[Any], Answered]) -> Answered:
        until = time.monotonic() + self._config.deadline
        for pause in _PAUSES:
            self._check_open(resource)
            try:
                return await self._once(work, until)
            except RateLimited as error:
                self._note(resource, error)
                wait = error.retry_after
                if time.monotonic() + wait > until:
                    raise
            except ServiceUnavailable:
                wait = pause
                if time.monotonic() + wait > until:
                    raise
            await asyncio.sleep(wait)
        return await self._once(work, until)

    def _check_open(self, resource: str) -> None:
        """Calling on while limited can get a token banned: nothing is sent until then."""
        for closed in (resource, "all"):
            wait = self._closed_until.get(closed, 0.0) - time.monotonic()
            if wait > 0:
                raise RateLimited(SERVICE, f"it asked us to wait: come again in {wait:.0f} s", wait)

    def _note(self, resource: str, error: RateLimited) -> None:
        """A secondary limit closes everything, a primary one its own kind of calls."""
        closed = "all" if "secondary" in error.what else resource
        if error.retry_after > self._config.deadline:
            self._closed_until[closed] = time.monotonic() + error.retry_after

    async def _once(self, work: Callable[[Any], Answered], until: float) -> Answered:
        try:
            left = max(0.01, until - time.monotonic())
            return await asyncio.wait_for(self._clients.call(work), left)
        except asyncio.TimeoutError:
            raise ServiceUnavailable(SERVICE, f"gave no answer within {self._config.deadline:g} s") from None
        except ServiceAmbiguous as error:  # a read leaves no doubt about an effect
            unavailable = ServiceUnavailable(SERVICE, error.what.removeprefix(f"{SERVICE}: "))
            unavailable.status = error.status
            raise unavailable from error

    def _client(self) -> Any:
        from agent_ops.transport.github_session import github_requester  # noqa: PLC0415 - PyGithub takes 0.15 s to load

        return github_requester(self._config)


def _asked(client: Any, path: str, query: dict[str, object], headers: dict[str, str]) -> Answered:
    with github_errors(SERVICE):
        told, data = client.requestJsonAndCheck("GET", path, parameters=query, headers=headers)
    following = _NEXT.search(str(told.get("link", "")))
    return Answered(data, following[1] if following else "")


def _told(client: Any, organisation: str, address: str) -> Answered:
    with github_errors(SERVICE):
        headers, body = client.requestJsonAndCheck("POST", client.graphql_url, input=who_is(organisation, address))
    return Answered(github_answer(SERVICE, body, headers))


def understood(question: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
    """For a question whose answer may be JSON, and yet none of GitHub's: a gateway's, a captive portal's."""

    @functools.wraps(question)
    async def asked(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await question(*args, **kwargs)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            what = f"answered as no GitHub does ({type(error).__name__})"
            raise ServiceUnavailable(SERVICE, what, "Check GITHUB_BASE_URL.") from error

    return asked


def explained(error: ServiceRefused, what: str, advice: str) -> ServiceError:
    """A 404 in words: what there is none of, or none that our token may see; GitHub does not tell the two apart."""
    if error.status != 404:
        return error
    better = ServiceRefused(SERVICE, f"there is no {what}, or our token may not see it", advice)
    better.status = 404
    return better
