"""One cell: a hire, a disturbance, one death (or none), a new process that finds files only, and the judge."""

from __future__ import annotations

import asyncio
import re
import shutil
import signal
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from proofs.judge import Account, Files, Verdict, whatever_attempt
from proofs.lane import Lane
from proofs.lives import Life
from proofs.processes import process
from proofs.scenarios import PLAIN, Scenario, Stage
from proofs.watch import Order, Orders

Pair = tuple[str, str]
"""A point and the column in which it is reached."""


@dataclass(frozen=True)
class Cell:
    """What is done to one hire. Without an order nobody is killed beyond what the scenario says. ``pair`` is where.

    ``others`` are scenarios that came to the same pair.
    """

    scenario: Scenario
    order: Order | None = None
    pair: Pair = ("", "")
    mutation: str = ""
    others: tuple[Scenario, ...] = ()

    @property
    def scenarios(self) -> tuple[Scenario, ...]:
        """Those in which it is tried, one after another: its own twice."""
        return (self.scenario, self.scenario, *self.others)

    @property
    def name(self) -> str:
        what = self.order.what.value if self.order else "play"
        return f"{what} {self.scenario.name!r} at {self.pair[0]} in {self.pair[1]}"


@dataclass
class Result:
    """How a cell ended. ``hit`` tells whether what was ordered happened, ``reached`` what the process went through."""

    cell: Cell
    verdict: Verdict
    hit: bool
    kills: int
    reached: set[Pair] = field(default_factory=set)


async def play(lane: Lane, cell: Cell) -> Result:
    """Play a cell in a lane, judged by what undisturbed onboardings left behind there. Whatever goes wrong is its result.

    A rival that is stopped may have stopped within a transaction, against which nobody can do anything (README): once more.
    """
    for again in (cell.scenario.stop is not None, False):
        try:
            return await _played(lane, cell)
        except Exception as error:  # noqa: BLE001 - one broken cell must not end the others
            if not again:
                return Result(cell, Verdict(wrong=[f"could not be played: {error!r}"]), False, 0)
    raise AssertionError("the last try has a result")


async def _played(lane: Lane, cell: Cell) -> Result:
    expected = await _expected(lane, cell)
    life = replace(await lane.fresh(), mutation=cell.mutation)
    if cell.scenario.prepare is not None:
        life = await cell.scenario.prepare(lane, life)
    life.data_dir.mkdir(parents=True)
    kills = await _disturb(lane, cell, life)
    code = await _recover(replace(life, pauses=False, plans=False, stays=True))
    await asyncio.sleep(cell.scenario.settle)
    verdict = await _judged(lane, cell, life, expected)
    if code != 0:
        verdict.wrong.append(f"the process that recovered ended with {code}")
    done, reached = _traced(life)
    if verdict.good:
        shutil.rmtree(life.data_dir)
    hit = all(order.what.value in done for order in (cell.order, cell.scenario.stop) if order is not None)
    return Result(cell, verdict, hit, kills, reached)


async def _expected(lane: Lane, cell: Cell) -> Account | None:
    """What an undisturbed hire left behind in this lane; None when this very cell is to tell."""
    known = cell.scenario if cell.order is not None and cell.scenario.as_surveyed else PLAIN
    if known is cell.scenario and cell.order is None:
        return None
    for scenario in (PLAIN, known):
        if scenario.name not in lane.expected:
            result = await _played(lane, Cell(scenario))
            if not result.verdict.good:
                raise RuntimeError(f"{scenario.name}, undisturbed, left behind what it should not: {result.verdict}")
    return lane.expected[known.name]


async def _judged(lane: Lane, cell: Cell, life: Life, expected: Account | None) -> Verdict:
    if cell.order is None and cell.scenario.as_surveyed:
        expected = None
    verdict, account = await asyncio.to_thread(lane.judged, life, expected)
    if cell.scenario.or_plain and cell.order is not None:
        for possible in (expected, lane.expected[PLAIN.name]):
            if not verdict.good:
                verdict, _ = await asyncio.to_thread(lane.judged, life, possible, whatever_attempt)
    if cell.order is None and account is not None:
        lane.expected.setdefault(cell.scenario.name, account)
        if cell.scenario is PLAIN and not lane.writes:
            lane.note_writes(lane.recorded())
    return verdict


async def _disturb(lane: Lane, cell: Cell, life: Life) -> int:
    """Everything until the process under proof is over; the number of processes that were killed on the way."""
    scenario = cell.scenario
    await lane.faults(scenario.faults(lane))
    kills = 0
    if scenario.earlier is not None:
        told = Orders(life.data_dir / "earlier", (scenario.earlier,))
        async with process(replace(life, orders=told)) as earlier:
            kills += await earlier.ended() == -signal.SIGKILL
    if scenario.between is not None:
        await asyncio.to_thread(scenario.between, Files(life.data_dir))
    orders = tuple(order for order in (scenario.stop, cell.order) if order is not None)
    told = Orders(life.data_dir / "trace", orders)
    async with AsyncExitStack() as others, process(replace(life, orders=told)) as under_proof:
        if scenario.meanwhile is not None and await under_proof.stopped():
            await scenario.meanwhile(Stage(lane, life, others), under_proof)
            under_proof.send(signal.SIGCONT)
        code = await under_proof.ended()
        kills += code == -signal.SIGKILL
    if cell.order is None and code != 0:
        raise RuntimeError(f"the process, killed by nobody, ended with {code}; its stderr lies in {life.data_dir}")
    if cell.order is not None and not scenario.as_surveyed:
        await lane.box.clear_faults()
    return kills


async def _recover(life: Life) -> int:
    """A new process that knows nothing and is not instrumented."""
    async with process(life) as recovering:
        return await recovering.ended()


def _traced(life: Life) -> tuple[set[str], set[Pair]]:
    """What was ordered and done, and every point that was reached in which column."""
    done: set[str] = set()
    reached: set[Pair] = set()
    for line in _lines(life.data_dir / "trace"):
        first, *rest = line.split("\t")
        if first.startswith("!"):
            done.add(first[1:])
        else:
            reached.add((first, rest[0]))
    return done, reached


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def exactly(point: str) -> str:
    """A regular expression for one point."""
    return f"^{re.escape(point)}$"
