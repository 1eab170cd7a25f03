"""Serves a Jenkins twin on a free port of the loopback, for the contract tests."""

from __future__ import annotations

import asyncio
import base64
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import aiohttp

from agent_ops.sandbox.faults import FaultBook
from agent_ops.sandbox.jenkins import JenkinsTwin
from agent_ops.sandbox.listener import Listener
from agent_ops.sandbox.records import Call, Records
from agent_ops.sandbox.world import Credentials, JobSeed, World

TOKEN = "11" + secrets.token_hex(16)  # as Jenkins makes them
ODD_NAMES = (
    "My Folder/a job, with (spaces)",
    "Über/Zürich/东京",
    "100 %25/C++ build",
    "team/app/feature%2Fx",
    'a\'b/"quoted"=~',
)
WORLD = World(
    credentials=Credentials(**{secret.name: TOKEN for secret in fields(Credentials)}),
    domain="example.test",
    jobs=(
        JobSeed("provisioning/aws", ("REQUEST_ID", "USER", "ROLE")),
        JobSeed("provisioning/deep/er/vpn", ("REQUEST_ID",)),
        JobSeed("nightly", ()),
        *(JobSeed(path, ("REQUEST_ID",), instance="odd") for path in ODD_NAMES),
    ),
)
USER = WORLD.jenkins_user


@dataclass(frozen=True)
class Reply:
    """An answer that has been read."""

    status: int
    headers: Mapping[str, str]
    text: str


@dataclass
class Bench:
    """A served twin with what is needed to look at it from outside."""

    twin: JenkinsTwin
    records: Records
    faults: FaultBook
    base_url: str
    http: aiohttp.ClientSession
    listener: Listener
    crumb: dict[str, str] = field(default_factory=dict)

    async def restart(self, seconds: float, **how: bool) -> None:
        """Restart the twin: half of the time connections are refused, then everything is 503."""
        self.twin.restart(seconds, refusing=seconds / 2, **how)
        await self.listener.refuse(seconds / 2)

    async def get(self, path: str, **options: Any) -> Any:
        """The JSON of an address that must answer 200."""
        async with self.http.get(self.base_url + path, **options) as response:
            assert response.status == 200, await response.text()
            return await response.json()

    async def status(self, method: str, path: str, **options: Any) -> int:
        async with self.http.request(method, self.base_url + path, **options) as response:
            return response.status

    async def post(self, path: str, **options: Any) -> Reply:
        """POST with a crumb, without following redirects."""
        if not self.crumb:
            issued = await self.get("/crumbIssuer/api/json")
            self.crumb = {issued["crumbRequestField"]: issued["crumb"]}
        async with self.http.post(self.base_url + path, headers=self.crumb, allow_redirects=False, **options) as response:
            return Reply(response.status, response.headers, await response.text())

    async def trigger(self, job: str, **parameters: str) -> int:
        """Start a build; the id of the queue item, also when it was merged."""
        response = await self.post(f"/job/{job}/buildWithParameters", params=parameters)
        assert response.status in (201, 303)
        return int(response.headers["Location"].rstrip("/").rpartition("/")[2])

    def effects(self) -> list[Call]:
        return list(self.records.calls("jenkins", effects_only=True))


@asynccontextmanager
async def served(records_path: Path, world: World = WORLD, instance: str = "default") -> AsyncIterator[Bench]:
    """A twin on these records; leave and enter again to see it after a new start."""
    records, faults = Records(records_path), FaultBook()
    listener = Listener()
    base_url = f"http://127.0.0.1:{listener.port}"
    twin = JenkinsTwin(world, records, faults, base_url, instance)
    await listener.start(twin.app())
    try:
        async with aiohttp.ClientSession(headers={"Authorization": basic(USER, world.jenkins_token(instance))}) as http:
            yield Bench(twin, records, faults, base_url, http, listener)
    finally:
        await listener.close()
        records.close()


def basic(user: str, password: str) -> str:
    """The Authorization header of HTTP basic authentication."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


async def until(reached: Callable[[], Any], timeout: float = 60.0) -> Any:
    """Call a blocking function in a thread, again and again, until it gives something true."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        value = await asyncio.to_thread(reached)
        if value:
            return value
        await asyncio.sleep(0.01)
    raise AssertionError("not reached in time")
