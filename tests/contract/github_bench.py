"""What tests of GitHub share: a twin on the loopback, and readers of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from pathlib import Path

from agent_ops.readers.github import GithubReader
from agent_ops.sandbox.faults import FaultBook
from agent_ops.sandbox.github import GithubTwin
from agent_ops.sandbox.listener import Listener
from agent_ops.sandbox.records import Call, Records
from agent_ops.sandbox.world import Credentials, World
from agent_ops.transport.github_config import GithubConfig

TOKEN = "github_pat_canary"
WORLD = World(credentials=Credentials(**{secret.name: TOKEN for secret in fields(Credentials)}), domain="acme.example")


@dataclass
class Bench:
    twin: GithubTwin
    records: Records
    faults: FaultBook
    config: GithubConfig

    def calls(self) -> list[Call]:
        return list(self.records.calls("github"))

    def paths(self) -> list[str]:
        return [call.path for call in self.calls()]


@asynccontextmanager
async def served(records_file: Path) -> AsyncIterator[Bench]:
    records, faults, listener = Records(records_file), FaultBook(), Listener()
    url = f"http://127.0.0.1:{listener.port}"
    twin = GithubTwin(WORLD, records, faults, url)
    await listener.start(twin.app())
    try:
        yield Bench(twin, records, faults, GithubConfig(TOKEN, url, timeout=5, deadline=10))
    finally:
        await listener.close()
        records.close()


@asynccontextmanager
async def reading(config: GithubConfig) -> AsyncIterator[GithubReader]:
    reader = GithubReader(config)
    try:
        yield reader
    finally:
        await reader.close()
