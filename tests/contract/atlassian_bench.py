"""The twins of Jira and Confluence with their seeded sites, and readers on them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from agent_ops.readers.confluence import ConfluenceConfig, ConfluenceReader
from agent_ops.readers.jira import JiraConfig
from agent_ops.readers.jira_questions import JiraQuestions
from agent_ops.sandbox.confluence import ConfluenceTwin
from agent_ops.sandbox.faults import FaultBook
from agent_ops.sandbox.jira import JiraTwin
from agent_ops.sandbox.listener import Listener
from agent_ops.sandbox.records import Call, Records
from agent_ops.sandbox.world import Credentials, ProjectSeed, SpaceSeed, World
from tests.contract.jenkins_bench import basic

TOKEN = "ATATT-canary-token"
WORLD = World(
    credentials=Credentials(**{secret.name: TOKEN for secret in fields(Credentials)}),
    domain="acme.example",
    projects=(
        ProjectSeed("ONB", "Onboarding", 60),
        ProjectSeed("OPS", "IT operations", 400),
        ProjectSeed("WEB", "Website", 1900),
    ),
    spaces=(
        SpaceSeed("ENG", "Engineering", 1200),
        SpaceSeed("HR", "People and culture", 40),
        SpaceSeed("OPS", "IT operations", 40),
    ),
)
ENG, ARCHIVE = 100_000, "300011"
"""The first page of ENG, and the page of five million characters."""


@dataclass
class Bench:
    jira: JiraTwin
    confluence: ConfluenceTwin
    records: Records
    faults: FaultBook

    @property
    def jira_config(self) -> JiraConfig:
        return JiraConfig(self.jira.base_url, WORLD.jira_user, TOKEN, timeout=5, deadline=10)

    @property
    def confluence_config(self) -> ConfluenceConfig:
        return ConfluenceConfig(self.confluence.base_url, WORLD.jira_user, TOKEN, timeout=5, deadline=10)

    @asynccontextmanager
    async def asking_jira(self, **changes: Any) -> AsyncIterator[JiraQuestions]:
        reader = JiraQuestions(replace(self.jira_config, **changes))
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(reader.close)
            yield reader

    @asynccontextmanager
    async def asking_confluence(self, **changes: Any) -> AsyncIterator[ConfluenceReader]:
        reader = ConfluenceReader(replace(self.confluence_config, **changes))
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(reader.close)
            yield reader

    def calls(self, twin: str) -> list[Call]:
        return list(self.records.calls(twin))

    async def get(self, twin: JiraTwin | ConfluenceTwin, path: str, **asked: Any) -> tuple[int, Any]:
        """A call by hand, as the account."""
        login = {"Authorization": basic(WORLD.jira_user, TOKEN)}
        async with aiohttp.ClientSession(headers=login) as http, http.get(twin.base_url + path, params=asked) as answer:
            return answer.status, await answer.json(content_type=None)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    records, faults = Records(tmp_path / "records.db"), FaultBook()
    listeners = [Listener(), Listener()]
    urls = [f"http://127.0.0.1:{listener.port}" for listener in listeners]
    found = Bench(JiraTwin(WORLD, records, faults, urls[0]), ConfluenceTwin(WORLD, records, faults, urls[1]), records, faults)
    for listener, twin in zip(listeners, (found.jira, found.confluence), strict=True):
        await listener.start(twin.app())
    yield found
    for listener in listeners:
        await listener.close()
    records.close()


@asynccontextmanager
async def answering(body: Any) -> AsyncIterator[str]:
    """A service that answers the same to everything."""

    async def odd(request: web.Request) -> web.Response:
        return web.json_response(body)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", odd)
    async with serving(app) as url:
        yield url


@asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[str]:
    listener = Listener()
    await listener.start(app)
    try:
        yield f"http://127.0.0.1:{listener.port}"
    finally:
        await listener.close()
