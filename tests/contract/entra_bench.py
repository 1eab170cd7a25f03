"""Serves an Entra twin over TLS on a free port of the loopback, for the contract tests."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import msal
import requests
from aiohttp import web

from agent_ops.sandbox.entra import EntraTwin
from agent_ops.sandbox.faults import Fault, FaultBook, FaultKind
from agent_ops.sandbox.records import Call, Records
from agent_ops.sandbox.tls import Tls, ensure_tls
from agent_ops.sandbox.world import Credentials, GroupSeed, UserSeed, World

SECRET = "s3cret~of.the-app"
PASSWORD = "Xy7!initial-Pass"
GROUP = "6f0b1d52-3c0e-4f0c-9a52-0d5a4f2f9f01"
OTHER_GROUP = "6f0b1d52-3c0e-4f0c-9a52-0d5a4f2f9f02"
ADVANCED = {"ConsistencyLevel": "eventual"}
SCOPE = "https://graph.microsoft.com/.default"
WORLD = World(
    credentials=Credentials(client_secret=SECRET, jenkins_token="unused", control_token="unused", smtp_password="unused"),
    domain="example.test",
    users=(UserSeed("ada@example.test", "Ada Lovelace", {"employeeId": "E1", "department": "Research"}),),
    groups=(GroupSeed(GROUP, "Engineering"), GroupSeed(OTHER_GROUP, "Finance & Käse")),
)


def new_user(name: str, **properties: Any) -> dict[str, Any]:
    """The body of a create call that the twin accepts."""
    return {
        "accountEnabled": True,
        "displayName": name.title(),
        "mailNickname": name,
        "userPrincipalName": f"{name}@example.test",
        "passwordProfile": {"password": PASSWORD, "forceChangePasswordNextSignIn": True},
        **properties,
    }


def member(user_id: str) -> dict[str, str]:
    """The body that adds an object to a group, or makes it a manager."""
    return {"@odata.id": f"https://graph.microsoft.com/v1.0/directoryObjects/{user_id}"}


def acquire(base_url: str, tls: Tls, *, secret: str | dict[str, str] = SECRET, **changes: str) -> dict[str, Any]:
    """A token, or the refusal, as Microsoft's own client library reports it; no environment variable can divert the session.

    ``secret`` may be what msal takes for a certificate.
    """
    with requests.Session() as session:
        session.trust_env, session.verify = False, str(tls.ca_file)
        application = msal.ConfidentialClientApplication(
            changes.get("client_id", WORLD.client_id),
            client_credential=secret,
            authority=f"{base_url}/{changes.get('tenant', WORLD.tenant_id)}",
            instance_discovery=False,
            http_client=session,
        )
        return dict(application.acquire_token_for_client([SCOPE]))


@dataclass
class Bench:
    """A served twin with what is needed to look at it from outside."""

    twin: EntraTwin
    records: Records
    faults: FaultBook
    tls: Tls
    base_url: str
    graph: httpx.AsyncClient

    async def json(self, method: str, path: str, status: int = 200, **options: Any) -> Any:
        """The JSON of a Graph call that must answer ``status``."""
        response = await self.graph.request(method, f"/v1.0{path}", **options)
        assert response.status_code == status, (response.status_code, response.text)
        assert response.headers["request-id"] and response.headers["client-request-id"]
        return response.json() if response.content else None

    async def error(self, method: str, path: str, status: int, code: str, **options: Any) -> dict[str, Any]:
        """The error object of a Graph call that must be refused so."""
        body = await self.json(method, path, status, **options)
        assert body["error"]["code"] == code, body
        inner = body["error"]["innerError"]
        assert set(inner) == {"date", "request-id", "client-request-id"}
        return dict(body["error"])

    async def create(self, name: str, **properties: Any) -> dict[str, Any]:
        return dict(await self.json("POST", "/users", 201, json=new_user(name, **properties)))

    async def names(self, path: str, **options: Any) -> list[str]:
        """The address names in a list, without the domain."""
        body = await self.json("GET", path, **options)
        return [user["userPrincipalName"].partition("@")[0] for user in body["value"]]

    async def fresh_token(self) -> dict[str, str]:
        """The header with a token that holds what is granted now."""
        token = (await asyncio.to_thread(acquire, self.base_url, self.tls))["access_token"]
        return {"Authorization": f"Bearer {token}"}

    def lag(self, seconds: float) -> None:
        self.faults.clear()
        self.faults.add(Fault("entra", FaultKind.LAG, seconds=seconds))

    def effects(self) -> list[Call]:
        return list(self.records.calls("entra", effects_only=True))


@asynccontextmanager
async def served(directory: Path, world: World = WORLD) -> AsyncIterator[Bench]:
    """A twin on ``directory``'s records; again on the same directory it is the same twin, restarted."""
    records, faults, tls = Records(directory / "records.db"), FaultBook(), ensure_tls(directory / "tls")
    async with AsyncExitStack() as stack:
        stack.callback(records.close)
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        base_url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        twin = EntraTwin(world, records, faults, base_url)
        runner = web.AppRunner(twin.app(), access_log=None)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.SockSite(runner, listener, ssl_context=tls.server_context()).start()
        token = (await asyncio.to_thread(acquire, base_url, tls))["access_token"]
        trust = ssl.create_default_context(cafile=str(tls.ca_file))
        trust.verify_flags |= ssl.VERIFY_X509_STRICT  # the default from Python 3.13 on
        headers = {"Authorization": f"Bearer {token}"}
        graph = httpx.AsyncClient(base_url=base_url, verify=trust, headers=headers, trust_env=False, timeout=20)
        yield Bench(twin, records, faults, tls, base_url, await stack.enter_async_context(graph))
