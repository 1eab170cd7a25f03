"""The route of settings is the one that each client library takes, over real sockets; the environment's never is."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from agent_ops.domain.errors import AccessRefused, ServiceError
from agent_ops.domain.policy import DEFAULT_INSTANCE
from agent_ops.effectors.graph import GraphSession
from agent_ops.sandbox.tls import ensure_tls
from agent_ops.transport.aws_session import AwsConfig
from agent_ops.transport.graph import GraphError
from agent_ops.transport.graph_token import EntraConfig
from agent_ops.transport.jenkins_login import JenkinsAccount, JenkinsLogin
from agent_ops.transport.jenkins_server import JenkinsServer
from agent_ops.transport.routes import Proxies

ELSEWHERE = "https://service.invalid"  # RFC 2606: no such host, so only a proxy can be asked for it


class Seen(ThreadingHTTPServer):
    """A server on loopback that remembers what it was asked for and refuses it."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        super().__init__(("127.0.0.1", 0), _Handler)
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Seen

    def _refuse(self) -> None:
        self.server.asked.append(f"{self.command} {self.path}")
        self.send_response(403)
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_CONNECT = do_GET = do_POST = _refuse  # noqa: N815 - http.server's names

    def log_message(self, *args: Any) -> None:
        """Nothing."""


@pytest.fixture
def servers() -> Iterator[Callable[[], Seen]]:
    made: list[Seen] = []

    def make() -> Seen:
        made.append(Seen())
        return made[-1]

    yield make
    for server in made:
        server.shutdown()
        server.server_close()


@pytest.fixture
def trap(servers: Callable[[], Seen], monkeypatch: pytest.MonkeyPatch) -> Seen:
    """What the environment would have us use."""
    found = servers()
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, found.url)
        monkeypatch.setenv(name.lower(), found.url)
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, "/nowhere/ca.pem")
    monkeypatch.setenv("MSAL_FORCE_REGION", "nowhere")
    return found


async def _graph(url: str, proxies: Proxies) -> None:
    session = GraphSession(EntraConfig("tenant.invalid", "id", "secret", graph_url=url, proxies=proxies))
    session.token._token, session.token._token_until = "a token", float("inf")
    try:
        await session.call("GET", "/users")
    finally:
        await session.close()


async def _login(url: str, proxies: Proxies) -> None:
    session = GraphSession(EntraConfig("tenant.invalid", "id", "secret", authority=url, proxies=proxies))
    try:
        await session.call("GET", "/users")
    finally:
        await session.close()


async def _aws(url: str, proxies: Proxies) -> None:
    JenkinsLogin(AwsConfig("eu-central-1", "/jenkins", "AKIA", "key", endpoint_url=url, proxies=proxies)).account()


async def _jenkins(url: str, proxies: Proxies) -> None:
    login = JenkinsLogin(AwsConfig("eu-central-1", "/jenkins", proxies=proxies))
    login._account = JenkinsAccount(url, "user", "token")
    server = JenkinsServer(DEFAULT_INSTANCE, login, 1, 5.0)
    try:
        await server.call(lambda client: client.get_whoami())
    finally:
        server.close()


WAYS = {"graph": _graph, "login": _login, "aws": _aws, "jenkins": _jenkins}
CONNECT = {"login": "CONNECT service.invalid:443"}


@pytest.mark.parametrize("client", WAYS)
async def test_each_client_takes_the_proxy_of_the_settings(client: str, trap: Seen, servers: Callable[[], Seen]) -> None:
    proxy = servers()
    with pytest.raises(Exception):  # noqa: B017 - each library has its own words for a proxy's refusal
        await WAYS[client](ELSEWHERE, Proxies(https=proxy.url))
    assert set(proxy.asked) == {"CONNECT service.invalid:443"}
    assert trap.asked == []


@pytest.mark.parametrize("client", [*WAYS])
async def test_no_client_takes_the_environments_proxy(client: str, trap: Seen, servers: Callable[[], Seen]) -> None:
    service = servers()
    url = service.url.replace("127.0.0.1", "localhost") if client != "login" else "https://127.0.0.1:9"
    with pytest.raises(Exception):  # noqa: B017 - refused, or for msal, which takes https only, unreachable
        await WAYS[client](url, Proxies())
    assert trap.asked == []
    assert service.asked or client == "login"


@pytest.fixture
def over_tls(servers: Callable[[], Seen], tmp_path: Path) -> tuple[Seen, str]:
    """A server with a certificate of a private authority, and that authority's file."""
    tls = ensure_tls(tmp_path / "tls")
    server = servers()
    server.socket = tls.server_context().wrap_socket(server.socket, server_side=True)
    return server, str(tls.ca_file)


async def test_every_client_trusts_the_settings_authority_and_no_other(
    over_tls: tuple[Seen, str], trap: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, ca_file = over_tls
    url = f"https://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("PYTHONHTTPSVERIFY", "0")  # python-jenkins would verify nothing then
    aws = AwsConfig("eu-central-1", "/jenkins", "AKIA", "key", endpoint_url=url)
    entra = EntraConfig("tenant.invalid", "id", "secret", authority=url, graph_url=url)

    async def refused(config: AwsConfig | EntraConfig) -> list[str]:
        """What each client that is built from the config says."""
        if isinstance(config, EntraConfig):
            session = GraphSession(config)
            said = [await _words(session.call("GET", "/users"))]
            session.token._token, session.token._token_until = "a token", float("inf")
            said.append(await _words(session.call("GET", "/users")))
            await session.close()
            return said
        login = JenkinsLogin(config)
        said = [await _words(_called(login.account))]
        login._account = JenkinsAccount(url, "user", "token")
        jenkins = JenkinsServer(DEFAULT_INSTANCE, login, 1, 5.0)
        said.append(await _words(jenkins.call(lambda client: client.get_whoami())))
        jenkins.close()
        return said

    untrusted = await refused(aws) + await refused(entra)
    assert len(untrusted) == 4
    assert all("certificate verify failed" in words.lower() for words in untrusted), untrusted
    assert server.asked == []
    trusted = await refused(replace(aws, ca_file=ca_file)) + await refused(replace(entra, ca_file=ca_file))
    assert not any("certificate" in words.lower() for words in trusted), trusted
    assert len(server.asked) >= 4
    assert trap.asked == []


async def _called(work: Callable[[], Any]) -> Any:
    return work()


async def _words(call: Any) -> str:
    try:
        await call
    except (ServiceError, AccessRefused, GraphError, ssl.SSLError) as error:
        return str(error)
    return "no error"
