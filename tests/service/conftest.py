"""Services for the tests: one in process over fakes for each test, one real server for the session."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from agent_ops import AgentOps, Caller, EntitlementPolicy, Sandbox, Settings
from agent_ops.api.app import SERVICE, build_app
from agent_ops.domain.grants import SCOPES
from tests.fakes import FakeServices
from tests.service.served import Service, key_for, serving

ADMIN = Caller("os:root", frozenset(SCOPES))
Enter = Callable[..., Awaitable[httpx.AsyncClient]]


@pytest.fixture
async def app(policy: EntitlementPolicy, settings: Settings, fakes: FakeServices) -> AsyncIterator[FastAPI]:
    """The service over fakes, open. A caller may ask thirty times: on no machine does the minute pass."""

    @contextlib.asynccontextmanager
    async def opening() -> AsyncIterator[AgentOps]:
        async with AgentOps(replace(settings, requests_per_minute=30), caller=SERVICE, adapters=fakes.adapters()) as ops:
            yield ops

    made = build_app(policy, opening, clock=lambda: 0.0)
    async with made.router.lifespan_context(made):
        yield made


@pytest.fixture
async def enter(app: FastAPI) -> AsyncIterator[Enter]:
    """Makes a client that comes in with a key of these scopes; without a name it has no key."""
    async with contextlib.AsyncExitStack() as stack:

        async def client(name: str = "", *scopes: str) -> httpx.AsyncClient:
            headers = {}
            if name:
                _, secret = await app.state.ops.api_keys.create(ADMIN, name, scopes or tuple(SCOPES), 1)
                headers["Authorization"] = f"Bearer {secret.take()}"
            transport = httpx.ASGITransport(app, raise_app_exceptions=False)
            return await stack.enter_async_context(
                httpx.AsyncClient(transport=transport, base_url="http://service", headers=headers)
            )

        yield client


@pytest.fixture(scope="session")
def service(sandbox: Sandbox) -> Iterator[Service]:
    """One server for the session, over the session's twins. Tests tell people apart by names of their own."""
    with serving(sandbox.data_dir) as running:
        yield running


@pytest.fixture(scope="session")
def key(service: Service) -> str:
    """A key with every scope."""
    return key_for(service.data_dir)


@pytest.fixture
def client(service: Service, key: str) -> Iterator[httpx.Client]:
    """A client with every scope."""
    with service.client(key) as found:
        yield found


@pytest.fixture(scope="session")
def snapshot() -> Path:
    """The contract as it was agreed."""
    return Path(__file__).with_name("openapi.json")
