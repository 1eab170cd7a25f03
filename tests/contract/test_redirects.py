"""No client follows a redirect to another host, and none sends its credentials there: over real sockets."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Awaitable, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from agent_ops.domain.errors import AgentOpsError, ServiceUnavailable
from agent_ops.domain.policy import DEFAULT_INSTANCE
from agent_ops.effectors.graph import GraphSession
from agent_ops.readers.jenkins import JenkinsReader
from agent_ops.readers.jira import JiraConfig, JiraReader
from agent_ops.sandbox.tls import ensure_tls
from agent_ops.transport.aws_session import AwsConfig
from agent_ops.transport.graph import GraphError
from agent_ops.transport.graph_token import EntraConfig, EntraToken
from agent_ops.transport.jenkins_login import JenkinsAccount, JenkinsLogin
from agent_ops.transport.jenkins_server import JenkinsServer

SECRETS = ("canary-secret", "canary-token", "Y2FuYXJ5")  # the last: Base64 of what begins with canary
STATUSES = (301, 302, 303, 307, 308)


class Server(ThreadingHTTPServer):
    """Remembers every byte that it was sent; answers with a redirect to ``elsewhere``, or with ``{}``."""

    def __init__(self, status: int = 200, elsewhere: str = "", body: str = "{}") -> None:
        self.status, self.elsewhere, self.body, self.asked = status, elsewhere, body.encode(), list[str]()
        super().__init__(("127.0.0.1", 0), _Handler)
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode(errors="replace")
        self.server.asked.append(f"{self.command} {self.path}\n{self.headers}\n{body}")
        self.send_response(self.server.status)
        if self.server.elsewhere:
            self.send_header("Location", f"{self.server.elsewhere}{self.path}")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    do_GET = do_POST = do_PATCH = _answer  # noqa: N815 - http.server's names

    def log_message(self, *args: Any) -> None:
        """Nothing."""


async def _graph_read(url: str) -> None:
    await _graph(url, "GET")


async def _graph_write(url: str) -> None:
    await _graph(url, "POST")


async def _graph(url: str, method: str) -> None:
    session = GraphSession(EntraConfig("tenant", "id", "canary-secret", graph_url=f"{url}/v1.0"))
    session.token._token, session.token._token_until = "canary-token", float("inf")
    try:
        await (session.get("/users") if method == "GET" else session.call(method, "/users", {"displayName": "canary-secret"}))
    finally:
        await session.close()


async def _aws(url: str) -> None:
    JenkinsLogin(AwsConfig("eu-central-1", "/jenkins", "canary-token", "canary-secret", endpoint_url=url)).account()


async def _jenkins_read(url: str) -> None:
    await _jenkins(url, lambda client: client.get_whoami())


async def _jenkins_write(url: str) -> None:
    await _jenkins(url, lambda client: client.build_job("job", {"who": "canary-secret"}))


async def _jenkins(url: str, work: Callable[[Any], Any]) -> None:
    login = JenkinsLogin(AwsConfig("eu-central-1", "/jenkins"))
    login._account = JenkinsAccount(url, "canary", "canary-token")
    server = JenkinsServer(DEFAULT_INSTANCE, login, 1, 5.0)
    try:
        await server.call(work)
    finally:
        server.close()


async def _jenkins_reader(url: str) -> None:
    reader = JenkinsReader(JenkinsAccount(url, "canary", "canary-token"))
    try:
        await reader.controller()
    finally:
        await reader.close()


async def _jira(url: str) -> None:
    reader = JiraReader(JiraConfig(url, "canary", "canary-token"))
    try:
        await reader.find("SEC-1")
    finally:
        await reader.close()


CLIENTS: dict[str, Callable[[str], Awaitable[None]]] = {
    "graph reads": _graph_read,
    "graph writes": _graph_write,
    "aws": _aws,
    "jenkins reads": _jenkins_read,
    "jenkins writes": _jenkins_write,
    "jenkins reader": _jenkins_reader,
    "jira": _jira,
}


@pytest.fixture
def servers() -> Iterator[Callable[..., Server]]:
    made: list[Server] = []

    def make(*arguments: Any) -> Server:
        made.append(Server(*arguments))
        return made[-1]

    yield make
    for server in made:
        server.shutdown()
        server.server_close()


# seen with boto3 now and then: the socket of a redirect that was not followed is left to the garbage collector
@pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("status", STATUSES)
@pytest.mark.parametrize("client", CLIENTS)
async def test_a_redirect_to_another_host_is_refused(client: str, status: int, servers: Callable[..., Server]) -> None:
    elsewhere = servers()
    first = servers(status, elsewhere.url)
    with pytest.raises((AgentOpsError, GraphError)):
        await CLIENTS[client](first.url)
    assert first.asked, "the client asked nobody"
    assert elsewhere.asked == []


@pytest.mark.parametrize("client", CLIENTS)
async def test_the_credentials_do_go_to_the_configured_host(client: str, servers: Callable[..., Server]) -> None:
    """The test above can fail: there is something to send."""
    first = servers()
    with contextlib.suppress(AgentOpsError, GraphError):
        await CLIENTS[client](first.url)
    assert any(secret in asked for asked in first.asked for secret in SECRETS)


@pytest.fixture
def over_tls(servers: Callable[..., Server], tmp_path: Path) -> Callable[..., tuple[str, Server]]:
    """Servers whose certificate the client trusts: msal takes https only."""
    tls = ensure_tls(tmp_path / "tls")

    def make(*arguments: Any) -> tuple[str, Server]:
        server = servers(*arguments)
        server.socket = tls.server_context().wrap_socket(server.socket, server_side=True)
        return f"https://127.0.0.1:{server.server_port}", server

    return make


@pytest.mark.parametrize("status", [*STATUSES, 200])
async def test_the_login_goes_to_the_configured_host_only(
    status: int, over_tls: Callable[..., tuple[str, Server]], tmp_path: Path
) -> None:
    """Neither a redirect nor a description of the authority that names another host's token endpoint sends the secret there."""
    url, elsewhere = over_tls()
    endpoints = {name: f"{url}/tenant/{name}" for name in ("authorization_endpoint", "token_endpoint")}
    described = json.dumps({**endpoints, "issuer": f"{url}/tenant/v2.0"})
    authority, first = over_tls(status, url if status != 200 else "", described)
    ca_file = str(tmp_path / "tls" / "ca.pem")
    token = EntraToken(EntraConfig("tenant", "id", "canary-secret", authority=authority, ca_file=ca_file))
    try:
        with pytest.raises(AgentOpsError):
            await token.value()
    finally:
        token.close()
    assert first.asked, "the client asked nobody"
    assert elsewhere.asked == []


async def test_a_login_host_that_describes_nothing_is_waited_for(
    over_tls: Callable[..., tuple[str, Server]], tmp_path: Path
) -> None:
    url, _ = over_tls()
    token = EntraToken(EntraConfig("tenant", "id", "secret", authority=url, ca_file=str(tmp_path / "tls" / "ca.pem")))
    try:
        with pytest.raises(ServiceUnavailable, match="lacks"):
            await token.value()
    finally:
        token.close()
