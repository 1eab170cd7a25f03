"""How the REST service bears load: onboardings over 50 connections to 4 workers on one SQLite file, then 500 streams.

Services are the loopback twins, which take 50 ms for every answer; everything is on. In turns: 1,000 onboardings; 5,000 more,
over which the workers' memory must stay flat; 1,000 with one worker killed by SIGKILL in the middle; 500 readers of events, one
of whom never reads, as does one who asked for everybody. Printed are how long acceptance and `status_all` took while the runs
went on, and what the services' own records say; the exit code is 1 when anything was lost or done twice. Run it with
``make load``; ``--hires``, ``--more``, ``--killed`` and ``--streams`` make each turn smaller, 0 leaves it out.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import os
import random
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.parser import BytesHeaderParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from onboarding import unlimited

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.service.served import Service, key_for, serving

from agent_ops import Sandbox
from agent_ops.sandbox import Fault, FaultKind

CONNECTIONS, WORKERS, LATENCY = 50, 4, 0.05
ITEMS = ["aws", "github"]
MAILS_EACH = 2
ASKED_MEANWHILE = 100
LOOK_EVERY_SECONDS = 2.0


def percentile(seconds: Sequence[float], share: float) -> float:
    return sorted(seconds)[max(0, math.ceil(len(seconds) * share) - 1)]


def told(what: str, seconds: Sequence[float]) -> None:
    p50, p99 = percentile(seconds, 0.5), percentile(seconds, 0.99)
    say(f"{what}: {len(seconds)} answers, p50 {p50 * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms, max {max(seconds) * 1000:.0f} ms")


def say(words: str) -> None:
    print(words, flush=True)


@asynccontextmanager
async def connected(service: Service, key: str) -> AsyncIterator[httpx.AsyncClient]:
    limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=service.url, headers=headers, limits=limits, timeout=120, trust_env=False) as client:
        yield client


class Crowd:
    """Posts hires, each until it is accepted: a killed worker cuts connections, and whoever posted asks again.

    Args:
        victims: how many workers are killed, each at a random moment in the middle half of the acceptances.
    """

    def __init__(self, service: Service, client: httpx.AsyncClient, numbers: range, victims: int = 0) -> None:
        self._service, self._client = service, client
        self._numbers: Iterator[int] = iter(numbers)
        middle = range(len(numbers) // 4, 3 * len(numbers) // 4)
        self._kill_at = set(random.sample(middle, victims))
        self.runs: list[str] = []
        self.took: list[float] = []
        self.asked_again: Counter[str] = Counter()

    async def accepted(self) -> None:
        """Everybody is posted, as fast as so many connections take them."""
        await asyncio.gather(*(self._posting() for _ in range(CONNECTIONS)))

    async def _posting(self) -> None:
        for number in self._numbers:
            self.runs.append((await self._posted(number))["run_id"])
            if len(self.runs) in self._kill_at:
                victim = random.choice(self._service.workers())
                os.kill(victim, signal.SIGKILL)
                say(f"worker {victim} killed after {len(self.runs)} acceptances")

    async def _posted(self, number: int) -> dict[str, Any]:
        body = {"name": f"Lou Load{number}", "team": "Engineering", "external_id": f"L-{number}", "access_items": ITEMS}
        while True:
            began = time.perf_counter()
            try:
                answer = await self._client.post("/api/users/onboard_user", json=body)
            except httpx.TransportError as error:
                if not self._kill_at:
                    raise
                self.asked_again[type(error).__name__] += 1
                continue
            if answer.status_code == 202:
                self.took.append(time.perf_counter() - began)
                return dict(answer.json())
            if answer.status_code != 503 or not self._kill_at:
                sys.exit(f"{answer.status_code} {answer.text}")
            self.asked_again["503"] += 1
            await asyncio.sleep(float(answer.headers["Retry-After"]))


async def watched(client: httpx.AsyncClient, hires: int) -> list[float]:
    """`status_all` asked for again and again until every run of everybody has ended well."""
    took: list[float] = []
    while True:
        began = time.perf_counter()
        try:
            users = (await client.get("/api/users/status_all")).json()
        except httpx.TransportError:  # the worker that answered was killed
            continue
        took.append(time.perf_counter() - began)
        standing = Counter(user["run_status"] for user in users)
        if len(users) == hires and set(standing) <= {"done", "failed"}:
            say(f"everybody: {dict(standing)}")
            return took
        await asyncio.sleep(LOOK_EVERY_SECONDS)


@dataclass
class Turns:
    """The turns, one after the other, on one service; ``hires`` is how many there are by now."""

    box: Sandbox
    service: Service
    key: str
    hires: int = 0
    exact: bool = True

    async def onboard(self, what: str, hires: int, victims: int = 0) -> None:
        say(f"-- {what}")
        numbers = range(self.hires, self.hires + hires)
        self.hires += hires
        began = time.perf_counter()
        async with connected(self.service, self.key) as client, connected(self.service, self.key) as watcher:
            crowd = Crowd(self.service, client, numbers, victims)
            watching = asyncio.create_task(watched(watcher, self.hires))
            await crowd.accepted()
            took = await watching
        told("acceptance", crowd.took)
        told("status_all meanwhile", took)
        say(f"{len(set(crowd.runs))} runs, all ended; {hires / (time.perf_counter() - began):.1f} onboardings a second")
        if crowd.asked_again:
            say(f"asked again: {dict(crowd.asked_again)}")
        self.judge(len(set(crowd.runs)) == hires)
        say(memory(self.service, self.hires))

    def judge(self, all_taken_on: bool) -> None:
        """The services' own records: one account, two builds and two mails for each hire; a mail may come again, as itself."""
        accounts = [call.detail["upn"] for call in self.box.effects("entra") if call.effect == "entra.create"]
        builds = [(c.detail["job"], c.detail["parameters"]["USER_EMAIL"]) for c in self.box.effects("jenkins")]
        mails = [message_id(self.box.directory / "mailbox" / call.detail["file"]) for call in self.box.effects("mail")]
        exact = all_taken_on and len(accounts) == len(set(accounts)) == self.hires
        exact &= len(builds) == len(set(builds)) == len(ITEMS) * self.hires and len(set(mails)) == MAILS_EACH * self.hires
        self.exact &= exact
        repeated = f", {len(mails) - len(set(mails))} of them again" if len(mails) > len(set(mails)) else ""
        found = f"{len(accounts)} accounts, {len(builds)} builds, {len(mails)} mails{repeated}"
        say(f"services' records of {self.hires} hires: {found}: {'exact' if exact else 'WRONG'}")


def message_id(mail: Path) -> str:
    """A mail's Message-ID: a repeat of it has the same one."""
    return str(BytesHeaderParser().parsebytes(mail.read_bytes())["Message-ID"])


def memory(service: Service, hires: int) -> str:
    page = resource.getpagesize()
    sizes = {pid: int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * page / 2**20 for pid in service.workers()}
    return f"memory of the workers after {hires}: {', '.join(f'{pid}: {size:.1f} MB' for pid, size in sizes.items())}"


async def streamed(service: Service, key: str, streams: int) -> None:
    """As many readers of one run's events, one of whom never reads; how long until each had the end."""
    say(f"-- {streams} streams, one never reads; nor does one who asked for everybody")
    address = urlsplit(service.url)

    async def opened(path: str, limit: int = 2**16) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection(address.hostname, address.port, limit=limit)
        writer.write(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n".encode())
        return reader, writer

    async with connected(service, key) as client:
        await client.post("/api/pauses", json={"agent": "jenkins"})
        body = {"name": "Stella Stream", "team": "Engineering", "external_id": "S-1", "access_items": ITEMS}
        run = (await client.post("/api/users/onboard_user", json=body)).json()["run_id"]
        deaf = [await opened(path, limit=1) for path in (f"/api/runs/{run}/events", "/api/users/status_all")]
        hearing = [await opened(f"/api/runs/{run}/events") for _ in range(streams - 1)]
        await asyncio.gather(*(reader.readuntil(b"event: thought") for reader, _ in hearing))
        told("requests while they are open", [await timed(client, f"/api/runs/{run}") for _ in range(ASKED_MEANWHILE)])
        began = time.perf_counter()
        await client.delete("/api/pauses", params={"agent": "jenkins"})

        async def end(reader: asyncio.StreamReader) -> float:
            await reader.readuntil(b"event: end")
            return time.perf_counter() - began

        told("from the release to the end of the run, for each reader", await asyncio.gather(*(end(r) for r, _ in hearing)))
        for _, writer in (*hearing, *deaf):
            writer.close()


async def timed(client: httpx.AsyncClient, path: str) -> float:
    began = time.perf_counter()
    (await client.get(path)).raise_for_status()
    return time.perf_counter() - began


async def run(turns: Turns, chosen: argparse.Namespace) -> None:
    say(f"load of the machine before: {', '.join(f'{load:.1f}' for load in os.getloadavg())}; {os.cpu_count()} processors")
    say(memory(turns.service, 0))
    if chosen.hires:
        await turns.onboard(f"{chosen.hires} onboardings", chosen.hires)
    if chosen.more:
        await turns.onboard(f"{chosen.more} more", chosen.more)
    if chosen.killed:
        await turns.onboard(f"{chosen.killed} with {chosen.kills} kill in the middle", chosen.killed, chosen.kills)
    if chosen.streams:
        await streamed(turns.service, turns.key, chosen.streams)
        say(memory(turns.service, turns.hires + 1))
    say(f"load of the machine after: {', '.join(f'{load:.1f}' for load in os.getloadavg())}")


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hires", type=int, default=1000, help="onboardings of the first turn")
    parser.add_argument("--more", type=int, default=5000, help="onboardings over which memory is to stay flat")
    parser.add_argument("--killed", type=int, default=1000, help="onboardings of the turn with a kill")
    parser.add_argument("--kills", type=int, default=1, help="workers killed in that turn")
    parser.add_argument("--streams", type=int, default=500, help="readers of events")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        policy = unlimited(Path(directory) / "policy.toml")
        async with Sandbox(Path(directory), policy) as box:
            for twin in ("entra", "jenkins"):
                await box.fault(Fault(twin, FaultKind.LATENCY, seconds=LATENCY))
            for item in ITEMS:
                await box.pipeline_seconds(f"provisioning/{item}", 0.0)
            key = await asyncio.to_thread(key_for, Path(directory))
            with serving(Path(directory), "--workers", str(WORKERS), "--policy", str(policy)) as service:
                turns = Turns(box, service, key)
                await run(turns, chosen)
    return 0 if turns.exact else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
