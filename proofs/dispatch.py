"""Dispatch: four processes on one database with 200 runs, one of them killed at a random time."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from proofs.crowd import Crowd, life_of
from proofs.judge import Files, Verdict
from proofs.lane import Lane
from proofs.processes import Process, process

PROCESSES, CONCURRENCY = 4, 8
PIPELINE_SECONDS = 0.2


@dataclass(frozen=True)
class Drive:
    """A span of time in which a process drove a run."""

    run: str
    pid: int
    begin: float
    end: float


@dataclass
class Dispatch:
    """What came of it. ``drives`` counts per process, ``overlaps`` says which run had two drivers at once."""

    seed: int
    runs: int = 0
    effects: int = 0
    killed_after: float = 0.0
    taken_over: int = 0
    drives: list[int] = field(default_factory=list)
    overlaps: list[str] = field(default_factory=list)
    verdict: Verdict = field(default_factory=Verdict)
    seconds: float = 0.0

    @property
    def good(self) -> bool:
        return self.verdict.good and not self.overlaps


async def dispatch(directory: Path, runs: int, seed: int, advance: Callable[[str, int], None], mutation: str = "") -> Dispatch:
    """Queue the runs, let four processes share them, kill one."""
    began, found, draw = time.monotonic(), Dispatch(seed), random.Random(seed)
    lane = Lane(directory, "dispatch")
    await lane.open(PIPELINE_SECONDS)
    try:
        crowd = await Crowd.gathered(lane)
        data_dir, log = directory / "data", directory / "drives"
        hires = crowd.hires(runs)
        async with AsyncExitStack() as stack:
            four = []
            for n in range(PROCESSES):
                life = life_of(
                    lane,
                    data_dir,
                    hires=hires[n::PROCESSES],
                    eager=True,
                    log_drives=log,
                    concurrency=CONCURRENCY,
                    mutation=mutation,
                    seconds=1800.0,
                )
                four.append(await stack.enter_async_context(process(life)))
            died = await _one_dies(four, Files(data_dir), runs, draw, found)
            await _all_end(Files(data_dir), runs, advance)
        async with process(life_of(lane, data_dir, hires=crowd.everybody, stays=True, log_drives=log, seconds=300.0)) as last:
            await last.ended()  # a hire whose submission died with its process is asked for again
        found.verdict, accounts = await asyncio.to_thread(crowd.judged, data_dir)
        found.runs, found.effects = len(accounts), crowd.effects_due()
        drives = list(_drives(log.read_text().splitlines(), died))
        found.drives = sorted(Counter(drive.pid for drive in drives).values(), reverse=True)
        found.overlaps = list(overlaps(drives))
    finally:
        lane.close()
    found.seconds = time.monotonic() - began
    return found


async def _one_dies(four: list[Process], files: Files, runs: int, draw: random.Random, found: Dispatch) -> dict[int, float]:
    """Kill one once a random share of the runs has ended; when each process died, by its id."""
    began, share = time.monotonic(), draw.uniform(0.05, 0.7)
    while await asyncio.to_thread(_ended, files) < share * runs:
        await asyncio.sleep(0.05)
    victim = draw.choice(four)
    found.killed_after = time.monotonic() - began
    owner = await asyncio.to_thread(victim.owner)
    victim.send(signal.SIGKILL)
    await victim.ended()
    died = time.monotonic()
    held = await asyncio.to_thread(files.rows, "SELECT count(*) AS n FROM runs WHERE owner = ? AND status = 'running'", owner)
    found.taken_over = held[0]["n"]
    return {victim.pid: died}


async def _all_end(files: Files, runs: int, advance: Callable[[str, int], None]) -> None:
    """Until no run is left that has not ended."""
    shown = 0
    while True:
        ended, left = await asyncio.to_thread(_ended, files), await asyncio.to_thread(_left, files)
        for _ in range(ended - shown):
            advance("runs", runs)
        shown = ended
        if not left:
            return
        await asyncio.sleep(0.2)


def _ended(files: Files) -> int:
    found = files.rows("SELECT count(*) AS n FROM runs WHERE finished_at IS NOT NULL")
    return int(found[0]["n"]) if found else 0


def _left(files: Files) -> int:
    found = files.rows("SELECT count(*) AS n FROM runs WHERE finished_at IS NULL")
    return int(found[0]["n"]) if found else 1


def _drives(lines: list[str], died: dict[int, float]) -> Iterator[Drive]:
    """The spans in the log; one without an end ended with its process."""
    begun: dict[tuple[str, int], float] = {}
    for line in lines:
        what, run, pid, at = line.split()
        if what == "begin":
            begun[run, int(pid)] = float(at)
        elif (run, int(pid)) in begun:
            yield Drive(run, int(pid), begun.pop((run, int(pid))), float(at))
    for (run, process_id), since in begun.items():
        yield Drive(run, process_id, since, died.get(process_id, float("inf")))


def overlaps(drives: list[Drive]) -> Iterator[str]:
    """Runs that two processes drove at one time."""
    by_run: dict[str, list[Drive]] = {}
    for drive in sorted(drives, key=lambda drive: drive.begin):
        by_run.setdefault(drive.run, []).append(drive)
    for run, spans in by_run.items():
        for first, second in pairwise(spans):
            if second.begin < first.end and first.pid != second.pid:
                yield f"run {run}: process {second.pid} began {first.end - second.begin:.3f} s before {first.pid} ended"
