"""PyGithub's requester over a session of ours: our route, no writes, no redirect elsewhere, answers within a bound.

PyGithub by itself takes proxies and authorities from the environment, repeats calls for minutes, sleeps between calls, loses the
query when it follows a 301, and waits for ever on a 202; each of its classes has methods that write.
"""

from __future__ import annotations

import time
from collections.abc import ItemsView
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
from github.Auth import Token
from github.GithubException import GithubException
from github.Requester import Requester

from agent_ops.transport.calls import log_calls
from agent_ops.transport.github_config import GithubConfig
from agent_ops.transport.github_question import asks_who_is
from agent_ops.transport.routes import Route

SERVICE = "GitHub"
_READS = ("GET", "HEAD")
_API_VERSION = "2022-11-28"
_MAX_BYTES = 8 * 1024 * 1024
_CHUNK = 64 * 1024
_HOPS = 3
_MOVED = (301, 302, 307, 308)


class ReadOnlySession(requests.Session):
    """Sends GET and HEAD, and the one question of ``github_question``; anything else raises before it leaves."""

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:
        if request.method not in _READS and not asks_who_is(request.method, request.url or "", request.body):
            raise PermissionError(f"a reader sends no {request.method}")
        return super().send(request, **options)


class Answer:
    """An answer, whole and within bounds, in the form that PyGithub takes."""

    def __init__(self, response: requests.Response, until: float) -> None:
        self.status, self.headers = response.status_code, response.headers
        body = bytearray()
        for chunk in response.iter_content(_CHUNK):
            body += chunk
            if len(body) > _MAX_BYTES:
                raise GithubException(self.status, {"message": f"the answer has more than {_MAX_BYTES:,} bytes"})
            if time.monotonic() > until:
                raise requests.ReadTimeout("the answer did not end in time")
        self._text = body.decode(errors="replace")

    def getheaders(self) -> ItemsView[str, str]:
        return self.headers.items()

    def read(self) -> str:
        return self._text


class Connection:
    """What PyGithub takes for a connection: made for each call, on a session that stays. Made by :func:`github_requester`."""

    session: requests.Session
    config: GithubConfig

    def __init__(self, host: str, port: int | None = None, **ignored: Any) -> None:
        del port, ignored  # retries, pool, time-outs and authorities are the session's and the configuration's
        self.host = host
        parts = urlsplit(self.config.url)
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._asked: tuple[str, str, dict[str, str]] = ("", "", {})
        self._body: object = None

    def request(self, verb: str, url: str, body: object, headers: dict[str, str], stream: bool = False) -> None:
        del stream
        if body is not None and not asks_who_is(verb, url, body):
            raise PermissionError("a reader sends no body")
        self._asked, self._body = (verb, url, headers), body

    def getresponse(self) -> Answer:
        """The answer; of a repository that was renamed, what stands at its new address on the same host."""
        verb, path, headers = self._asked
        url, until = self._origin + path, time.monotonic() + self.config.deadline
        for _ in range(_HOPS):
            answer = self._sent(verb, url, headers, until)
            if answer.status == 202:  # "come again": PyGithub would, for ever
                raise GithubException(503, {"message": "it is still preparing the answer (202)"})
            if answer.status not in _MOVED:
                return answer
            url = urljoin(url, answer.headers.get("Location", ""))
            if self._body is not None or not url.startswith(f"{self._origin}/"):
                break
        raise GithubException(answer.status, {"message": "it leads to another address, where nothing is sent"})

    def _sent(self, verb: str, url: str, headers: dict[str, str], until: float) -> Answer:
        options = {"timeout": self.config.timeout, "allow_redirects": False, "stream": True}
        with self.session.request(verb, url, headers=headers, data=self._body, **options) as response:  # type: ignore[arg-type]
            return Answer(response, until)

    def close(self) -> None:
        """The session stays open."""


def github_requester(config: GithubConfig) -> Requester:
    """PyGithub's requester: it signs in, builds addresses, reads JSON and raises PyGithub's errors."""
    session = ReadOnlySession()
    Route(config.ca_file, config.proxies).prepare(session, config.url)
    log_calls(session, SERVICE, config.url)

    class Ours(Requester):
        """Of its own, because connections are injected into a class."""

    connection: Any = type("OurConnection", (Connection,), {"session": session, "config": config})
    Ours.injectConnectionClasses(connection, connection)
    return Ours(
        auth=Token(config.token),
        base_url=config.url,
        timeout=max(1, round(config.timeout)),
        user_agent="agent-ops",
        per_page=30,
        verify=True,
        retry=None,
        pool_size=None,
        api_version=_API_VERSION,
    )
