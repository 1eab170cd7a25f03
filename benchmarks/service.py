"""How the REST service bears load: 1,000 onboardings over 50 connections to 4 workers on one SQLite file, then 500 streams.

Services are the loopback twins, which take 50 ms for every answer; everything is on. Printed are how long acceptance and
`status_all` took while the runs went on, the services' own records, and what 500 readers of events waited for, one of whom
never reads. Run it with ``make load``; ``--hires`` and ``--streams`` make it smaller.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from onboarding import unlimited

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.service.served import Service, key_for, serving

from agent_ops import Sandbox
from agent_ops.sandbox import Fault, FaultKind

CONNECTIONS, WORKERS, LATENCY = 50, 4, 0.05
ITEMS = ["aws", "github"]


def percentile(seconds: Sequence[float], share: float) -> float:
    return sorted(seconds)[max(0, math.ceil(len(seconds) * share) - 1)]


def told(what: str, seconds: Sequence[float]) -> None:
    p50, p99 = percentile(seconds, 0.5), percentile(seconds, 0.99)
    print(f"{what}: {len(seconds)} answers, p50 {p50 * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms, max {max(seconds) * 1000:.0f} ms")


@asynccontextmanager
async def connected(service: Service, key: str) -> AsyncIterator[httpx.AsyncClient]:
    limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=service.url, headers=headers, limits=limits, timeout=120, trust_env=False) as client:
        yield client


async def accepted(client: httpx.AsyncClient, hires: int) -> tuple[list[str], list[float]]:
    """Every onboarding posted, as fast as so many connections take them."""
    numbers: Iterator[int] = iter(range(hires))
    runs: list[str] = []
    took: list[float] = []

    async def posting() -> None:
        for number in numbers:
            body = {"name": f"Lou Load{number}", "team": "Engineering", "external_id": f"L-{number}", "access_items": ITEMS}
            began = time.perf_counter()
            answer = await client.post("/api/users/onboard_user", json=body)
            took.append(time.perf_counter() - began)
            if answer.status_code != 202:
                sys.exit(f"{answer.status_code} {answer.text}")
            runs.append(answer.json()["run_id"])

    await asyncio.gather(*(posting() for _ in range(CONNECTIONS)))
    return runs, took


async def watched(client: httpx.AsyncClient, hires: int) -> list[float]:
    """`status_all` asked for again and again until every run has ended."""
    took: list[float] = []
    while True:
        began = time.perf_counter()
        users = (await client.get("/api/users/status_all")).json()
        took.append(time.perf_counter() - began)
        if len(users) == hires and all(user["run_status"] in ("done", "failed") for user in users):
            return took
        await asyncio.sleep(0.5)


def judge(box: Sandbox, hires: int) -> str:
    """The services' own records: exactly one account and two builds for each hire."""
    accounts = [call.detail["upn"] for call in box.effects("entra") if call.effect == "entra.create"]
    builds = [(c.detail["job"], c.detail["parameters"]["USER_EMAIL"]) for c in box.effects("jenkins")]
    exact = len(accounts) == len(set(accounts)) == hires and len(builds) == len(set(builds)) == 2 * hires
    return f"services' records: {len(accounts)} accounts, {len(builds)} builds: {'exact' if exact else 'WRONG'}"


def memory(service: Service) -> str:
    sizes = [int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4 // 1024 for pid in service.workers()]
    return f"memory of the workers: {', '.join(map(str, sizes))} MB"


async def streamed(service: Service, key: str, streams: int) -> None:
    """As many readers of one run's events, one of whom never reads; how long until each had the end."""
    address = urlsplit(service.url)
    async with connected(service, key) as client:
        await client.post("/api/pauses", json={"agent": "jenkins"})
        body = {"name": "Stella Stream", "team": "Engineering", "external_id": "S-1", "access_items": ITEMS}
        run = (await client.post("/api/users/onboard_user", json=body)).json()["run_id"]
        request = f"GET /api/runs/{run}/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n\r\n".encode()
        readers = [await asyncio.open_connection(address.hostname, address.port) for _ in range(streams)]
        for _, writer in readers:
            writer.write(request)
        _, *hearing = readers
        await asyncio.gather(*(reader.readuntil(b"event: thought") for reader, _ in hearing))
        health = time.perf_counter()
        await client.get("/api/runs")
        print(f"with {streams} streams open a request took {(time.perf_counter() - health) * 1000:.0f} ms")
        began = time.perf_counter()
        await client.delete("/api/pauses", params={"agent": "jenkins"})

        async def end(reader: asyncio.StreamReader) -> float:
            await reader.readuntil(b"event: end")
            return time.perf_counter() - began

        told("from the release to the end of the run, for each reader", await asyncio.gather(*(end(r) for r, _ in hearing)))
        for _, writer in readers:
            writer.close()


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hires", type=int, default=1000)
    parser.add_argument("--streams", type=int, default=500)
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
                async with connected(service, key) as client, connected(service, key) as watcher:
                    began = time.perf_counter()
                    watching = asyncio.create_task(watched(watcher, chosen.hires))
                    runs, took = await accepted(client, chosen.hires)
                    told("acceptance", took)
                    told("status_all meanwhile", await watching)
                    rate = chosen.hires / (time.perf_counter() - began)
                print(f"{len(set(runs))} runs, all ended; {rate:.1f} onboardings a second")
                print(judge(box, chosen.hires))
                print(memory(service))
                await streamed(service, key, chosen.streams)
                print(memory(service))


if __name__ == "__main__":
    asyncio.run(main())
