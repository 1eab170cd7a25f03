"""What the GitHub reader cannot do: write, follow to another host, heed the environment, be led on by odd answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from agent_ops.domain.errors import ServiceError, ServiceRefused, ServiceUnavailable
from agent_ops.readers.github import GithubReader
from agent_ops.readers.github_calls import GithubCalls
from agent_ops.sandbox.listener import Listener
from agent_ops.transport.github_session import ReadOnlySession, github_requester
from tests.contract.github_bench import Bench, reading, served


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with served(tmp_path / "records.db") as bench:
        yield bench


async def test_no_way_leads_to_a_write(bench: Bench) -> None:
    client = github_requester(bench.config)
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        with pytest.raises(PermissionError):
            client.requestJsonAndCheck(method, "/repos/acme/web")
        with pytest.raises(PermissionError):
            client.requestJsonAndCheck(method, "/repos/acme/web", input={"name": "x"})
        with pytest.raises(PermissionError):
            ReadOnlySession().request(method, f"{bench.config.url}/repos/acme/web")
    assert bench.calls() == []


async def test_nothing_is_taken_from_the_environment(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login mallory password x\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("GITHUB_TOKEN", "another")
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    async with reading(bench.config) as reader:
        assert await reader.myself() == "svc-agent-ops"


async def _oddly(handler: Any) -> tuple[Listener, str]:
    app, listener = web.Application(), Listener()
    app.router.add_route("*", "/{path:.*}", handler)
    await listener.start(app)
    return listener, f"http://127.0.0.1:{listener.port}"


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_no_redirect_to_another_host_is_followed(bench: Bench, status: int) -> None:
    async def away(request: web.Request) -> web.Response:
        return web.Response(
            status=status, headers={"Location": bench.config.url.replace("127.0.0.1", "localhost") + request.path}
        )

    listener, url = await _oddly(away)
    async with reading(replace(bench.config, url=url)) as reader:
        with pytest.raises(ServiceRefused, match="leads to another address"):
            await reader.files("acme/web")
    await listener.close()
    assert bench.calls() == []


@pytest.mark.parametrize(
    "answer",
    [
        {"text": "<html>Sign in to the network</html>", "content_type": "text/html"},
        {"text": '{"cut": ', "content_type": "application/json"},
        {"text": "[1, 2]", "content_type": "application/json"},
        {"body": b"[" + b" " * 9_000_000 + b"]", "content_type": "application/json"},
    ],
    ids=["page", "cut", "other", "endless"],
)
async def test_an_answer_that_is_none_of_githubs_is_an_error_of_ours(bench: Bench, answer: dict[str, Any]) -> None:
    async def odd(request: web.Request) -> web.Response:
        return web.Response(**answer)

    listener, url = await _oddly(odd)
    async with reading(replace(bench.config, url=url, deadline=2)) as reader:
        with pytest.raises(ServiceError):
            await reader.pull_requests("acme/web")
    await listener.close()


async def test_what_github_is_still_preparing_is_not_asked_for_without_end(bench: Bench) -> None:
    asked: list[str] = []

    async def later(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(status=202)

    listener, url = await _oddly(later)
    async with reading(replace(bench.config, url=url, deadline=2)) as reader:
        with pytest.raises(ServiceUnavailable, match="still preparing the answer"):
            await reader.files("acme/web")
    await listener.close()
    assert len(asked) <= 4


async def test_the_enterprise_root_is_kept(bench: Bench) -> None:
    asked: list[str] = []

    async def me(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.json_response({"login": "octo"})

    listener, url = await _oddly(me)
    async with reading(replace(bench.config, url=f"{url}/api/v3")) as reader:
        assert await reader.myself() == "octo"
    await listener.close()
    assert asked == ["/api/v3/user"]


async def test_a_reader_has_questions_only() -> None:
    public = {name for name in vars(GithubReader) if not name.startswith("_")}
    assert public == {
        *("close", "myself", "repositories", "pull_requests", "pull_request"),
        *("commits", "commit", "files", "file", "search", "membership", "login_of"),
    }
    assert {name for name in vars(GithubCalls) if not name.startswith("_")} == {"close", "get", "who_is"}
