"""How long onboardings take in the sandbox: the workload is fixed here, the limits are stated beside what was measured.

Services are the loopback twins in a process of their own, spoken to by the real client libraries; everything is on:
ledger, guard, audit, events, checkpoints with ``durability="sync"``. Each figure is the median of the stated number of
rounds. What finished runs leave on disk follows. Run it with ``make bench``.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from storage import storage_table

from agent_ops import AgentOps, Profile, RunStatus, Sandbox, Settings
from agent_ops.policies import EXAMPLE
from agent_ops.sandbox import Fault, FaultKind

ITEMS = ("aws", "github", "confluence", "database")


@dataclass(frozen=True)
class Workload:
    """What is measured. Seconds; ``limit`` is what should not be exceeded."""

    name: str
    hires: int
    account: float
    pipelines: tuple[float, float, float, float]
    rounds: int
    limit: float


WORKLOADS = (
    Workload("one hire: account 0.2 s, pipelines 1, 1, 1 and 2 s", 1, 0.2, (1.0, 1.0, 1.0, 2.0), 5, 2.7),
    Workload("one hire: services without delay", 1, 0.0, (0.0, 0.0, 0.0, 0.0), 9, 0.4),
    Workload("50 hires at once: pipelines 1 s", 50, 0.0, (1.0, 1.0, 1.0, 1.0), 3, 6.0),
)


async def prepare(box: Sandbox, work: Workload) -> None:
    await box.clear_faults()
    await box.fault(Fault("entra", FaultKind.LATENCY, method="POST", path="/v1.0/users", seconds=work.account))
    for item, seconds in zip(ITEMS, work.pipelines, strict=True):
        await box.pipeline_seconds(f"provisioning/{item}", seconds)


async def measure(ops: AgentOps, work: Workload, tag: str) -> float:
    """Seconds from the first request to the end of the last run; every run must have everything in place."""
    hires = [Profile(f"Bench {tag} {n}", "Engineering", external_id=f"{tag}-{n}") for n in range(work.hires)]
    began = time.perf_counter()
    reports = await asyncio.gather(*(ops.onboard(hire, ITEMS) for hire in hires))
    took = time.perf_counter() - began
    bad = [report.run.summary for report in reports if report.run.status is not RunStatus.DONE]
    if bad:
        sys.exit(f"{len(bad)} runs did not end well, the first: {bad[0]}")
    return took


def judge(box: Sandbox, hires: int) -> str:
    """The services' own records: exactly one account and four builds per hire."""
    accounts = [call.detail["upn"] for call in box.effects("entra") if call.effect == "entra.create"]
    builds = [(call.detail["job"], call.detail["parameters"]["USER_EMAIL"]) for call in box.effects("jenkins")]
    exact = len(accounts) == len(set(accounts)) == hires and len(builds) == len(set(builds)) == 4 * hires
    return f"services' records: {len(accounts)} accounts, {len(builds)} builds for {hires} hires: {'exact' if exact else 'WRONG'}"


def unlimited(file: Path) -> Path:
    """The example, with limits that a benchmark's crowd does not reach."""
    keys = ("accounts_per_hour", "accounts_per_hour_per_caller", "burst_requests", "directory_floor")
    limits = "".join(f"{key} = 1000000\n" for key in keys)
    file.write_text(f"{EXAMPLE.read_text(encoding='utf-8')}\n[limits]\n{limits}", encoding="utf-8")
    return file


async def main() -> None:
    console = Console()
    table = Table("workload", "median s", "min", "max", "limit", "median / limit")
    hires = 0
    with tempfile.TemporaryDirectory() as directory:
        policy = unlimited(Path(directory) / "policy.toml")
        async with Sandbox(Path(directory) / "data", policy) as box:
            began = time.perf_counter()
            async with AgentOps(Settings.for_sandbox(box.addresses, box.data_dir, policy_file=policy)) as ops:
                console.print(f"start-up of the library, sandbox running: {time.perf_counter() - began:.2f} s", highlight=False)
                await prepare(box, WORKLOADS[1])
                await measure(ops, WORKLOADS[1], "warm")
                hires += 1
                with Progress(console=console, transient=True) as progress:
                    bar = progress.add_task("measuring", total=sum(work.rounds for work in WORKLOADS))
                    for index, work in enumerate(WORKLOADS):
                        await prepare(box, work)
                        times = []
                        for number in range(work.rounds):
                            times.append(await measure(ops, work, f"{index}.{number}"))
                            hires += work.hires
                            progress.advance(bar)
                        median = statistics.median(times)
                        table.add_row(
                            work.name,
                            *(f"{seconds:.2f}" for seconds in (median, min(times), max(times), work.limit)),
                            f"{median / work.limit:.2f}",
                        )
            console.print(table)
            console.print(judge(box, hires), highlight=False)
    with console.status("measuring what finished runs leave"):
        left = await storage_table()
    console.print(left)


if __name__ == "__main__":
    asyncio.run(main())
