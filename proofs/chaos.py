"""Random kills: several processes on one database, parallel runs, services that fail, a death at a random time, a restart."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from agent_ops.sandbox import Fault, FaultKind
from proofs.crowd import Crowd, life_of
from proofs.judge import Files, Verdict
from proofs.lane import Lane
from proofs.processes import Process, process

PROCESSES = 3
HIRES_A_START = 2
PIPELINE_SECONDS = 0.3
_TWINS = {"entra": 503, "jenkins": 503, "mail": 451}


@dataclass
class Chaos:
    """What came of it."""

    seed: int
    rounds: int = 0
    kills: int = 0
    kills_with_open_intent: int = 0
    runs: int = 0
    effects: int = 0
    verdict: Verdict = field(default_factory=Verdict)
    seconds: float = 0.0

    @property
    def good(self) -> bool:
        return self.verdict.good


def faults() -> list[Fault]:
    """Each service fails in every way, some 15 % of its calls."""
    found: list[Fault] = []
    for twin, unavailable in _TWINS.items():
        ways = (
            Fault(twin, FaultKind.DROP_BEFORE, probability=0.03),
            Fault(twin, FaultKind.DROP_AFTER, probability=0.03),
            Fault(twin, FaultKind.STATUS, status=429, retry_after=1, probability=0.03),
            Fault(twin, FaultKind.STATUS, status=unavailable, probability=0.03),
            Fault(twin, FaultKind.LATENCY, seconds=0.2, probability=0.05),
        )
        found += ways
    return found


async def chaos(directory: Path, rounds: int, seed: int, advance: Callable[[str, int], None]) -> Chaos:
    """So many rounds, then one process that ends what is left."""
    began, found = time.monotonic(), Chaos(seed)
    lane = Lane(directory, "chaos")
    await lane.open(PIPELINE_SECONDS)
    try:
        crowd = await Crowd.gathered(lane)
        data_dir = directory / "data"
        await lane.faults(faults())
        await _kill_about(crowd, data_dir, rounds, found, advance)
        await lane.box.clear_faults()
        async with process(life_of(lane, data_dir, hires=crowd.everybody, stays=True, seconds=300.0 + 2 * rounds)) as last:
            code = await last.ended()
        found.verdict, accounts = await asyncio.to_thread(crowd.judged, data_dir)
        found.runs, found.effects = len(accounts), crowd.effects_due()
        if code != 0:
            found.verdict.wrong.append(f"the last process ended with {code}")
    finally:
        lane.close()
    found.seconds = time.monotonic() - began
    return found


async def _kill_about(crowd: Crowd, data_dir: Path, rounds: int, found: Chaos, advance: Callable[[str, int], None]) -> None:
    draw = random.Random(found.seed)
    life = life_of(crowd.lane, data_dir, eager=True, seconds=3600.0)

    def started() -> Process:
        return Process(replace(life, hires=crowd.hires(HIRES_A_START)))

    running = [started() for _ in range(PROCESSES)]
    try:
        for _ in range(rounds):
            await asyncio.sleep(draw.uniform(0.1, 1.5))
            victim = draw.randrange(PROCESSES)
            await _kill(running[victim], found, Files(data_dir))
            running[victim] = started()
            found.rounds += 1
            advance("rounds", rounds)
    finally:
        for alive in running:
            await _kill(alive, found, Files(data_dir))


async def _kill(victim: Process, found: Chaos, files: Files) -> None:
    owner = await asyncio.to_thread(victim.owner)
    victim.send(signal.SIGKILL)
    if await victim.ended() != -signal.SIGKILL:
        found.verdict.wrong.append(f"a process ended by itself with {victim.code}")
        return
    found.kills += 1
    found.kills_with_open_intent += bool(owner and await asyncio.to_thread(files.open_intents, owner))
