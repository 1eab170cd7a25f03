"""The crash matrix: every point of the code at which a process can die, crossed with every effect that comes by it.

First a survey: each scenario once, nobody killed, every pair of point and column noted. A point that no scenario reaches is
a failure of the proof, told by name. Then each pair is a cell: killed there, recovered by a process that has the files only.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from proofs.cell import Cell, Pair, Result, exactly, play
from proofs.judge import Verdict
from proofs.lane import Lane
from proofs.points import AFTER, BEFORE, await_points, commit_points, sites
from proofs.scenarios import ABOUT_TO_SEND, ELSEWHERE, NAMED, PLAIN, Scenario, frozen, late, scenarios
from proofs.watch import RUN, WRITES, Order, What

PIPELINE_SECONDS = 0.1
LATE_SECONDS, DEAD_AFTER = 1.2, 0.15
TRIES = 4


@dataclass
class Survey:
    """What the scenarios reach. ``by`` gives the scenarios of each pair, the cheapest first."""

    columns: list[str] = field(default_factory=list)
    by: dict[Pair, list[Scenario]] = field(default_factory=dict)
    results: list[Result] = field(default_factory=list)

    def note(self, result: Result) -> None:
        self.results.append(result)
        for pair in sorted(result.reached):
            self.by.setdefault(pair, []).append(result.cell.scenario)

    @property
    def unreached(self) -> list[str]:
        """Points of the code at which nobody ever was."""
        reached = {point for point, _ in self.by}
        return [point for point in enumerated() if point not in reached and not elsewhere(point)]

    def pairs_of(self, scenario: Scenario) -> list[Pair]:
        return sorted({pair for result in self.results if result.cell.scenario is scenario for pair in result.reached})


@dataclass
class Matrix:
    """Everything that was played."""

    survey: Survey
    results: list[Result]
    seconds: float = 0.0

    @property
    def missed(self) -> list[Cell]:
        """Cells of the sites at which nobody was killed although somebody was to be."""
        hit = {site(result.cell.pair[0]) for result in self.results if result.hit}
        return [result.cell for result in self.results if site(result.cell.pair[0]) not in hit]

    @property
    def not_met_again(self) -> list[Cell]:
        """Pairs that the survey met by chance (a busy machine, another order of events) and no try afterwards."""
        told = {result.cell.name for result in self.results if result.hit} | {cell.name for cell in self.missed}
        return [result.cell for result in self.results if result.cell.name not in told]

    @property
    def total(self) -> Verdict:
        total = Verdict()
        for result in [*self.survey.results, *self.results]:
            total += result.verdict
        return total

    @property
    def good(self) -> bool:
        return self.total.good and not self.missed and not self.survey.unreached


def enumerated() -> list[str]:
    """Every point that the code has: awaits, commits, writes of checkpoints (their first; the survey counts the others)."""
    checkpoints = [f"checkpoint {name} 1 | {when}" for name in WRITES for when in (BEFORE, AFTER)]
    return [*await_points(), *commit_points(), *checkpoints]


def stale() -> list[str]:
    """Points that scenarios name and the code has no more."""
    points = enumerated()
    return [named for named in NAMED if not any(re.search(named, point) for point in points)]


def elsewhere(point: str) -> str:
    """Why no scenario can reach the point; empty when one must."""
    return next((why for named, why in ELSEWHERE.items() if re.search(named, point)), "")


def site(point: str) -> str:
    """A point without its 'before' or 'after'; all writes of one kind of checkpoint are one site."""
    return re.sub(r"(checkpoint \w+) \d+", r"\1", point.rpartition(" | ")[0])


class Lanes:
    """Plays cells in several lanes at once."""

    def __init__(self, directory: Path, count: int, advance: Callable[[str, int], None]) -> None:
        self._lanes = [Lane(directory, name) for name in ("north", "east", "south", "west", "upper", "lower")[:count]]
        self._advance = advance

    async def __aenter__(self) -> Lanes:
        await asyncio.gather(*(lane.open(PIPELINE_SECONDS) for lane in self._lanes))
        return self

    async def __aexit__(self, *_: object) -> None:
        for lane in self._lanes:
            lane.close()

    async def first(self, cell: Cell) -> Result:
        return await play(self._lanes[0], cell)

    async def play(self, what: str, cells: Sequence[Cell], tries: int | None = TRIES) -> list[Result]:
        """Every cell once; one that is missed (another order of events) as often, or in all scenarios that came by."""
        todo, results = list(reversed(cells)), []

        async def work(lane: Lane) -> None:
            while todo:
                cell = todo.pop()
                for scenario in cell.scenarios[:tries]:
                    result = await play(lane, replace(cell, scenario=scenario))
                    if result.hit or not result.verdict.good:
                        break
                results.append(result)
                self._advance(what, len(cells))

        await asyncio.gather(*(work(lane) for lane in self._lanes))
        return results


async def survey(lanes: Lanes, seed: int | None) -> Survey:
    """Play every scenario once, nobody killed; with a seed those with several processes for one effect only."""
    found = Survey()
    found.note(await lanes.first(Cell(PLAIN)))
    found.columns = sorted({column for _, column in found.by})
    columns = effects_of(found)
    dear = columns if seed is None else [random.Random(seed).choice(columns)]
    rest = [Cell(scenario) for scenario in scenarios(columns, dear)[1:]]
    played = await lanes.play("survey", rest)
    for result in sorted(played, key=lambda result: rest.index(result.cell)):
        found.note(result)
    return found


def effects_of(found: Survey) -> list[str]:
    return [column for column in found.columns if column != RUN]


def kills(found: Survey) -> list[Cell]:
    """One death at every pair of point and column."""
    return [
        Cell(scenarios[0], Order(What.KILL, exactly(pair[0]), pair[1]), pair, others=tuple(scenarios[1:]))
        for pair, scenarios in sorted_by_cost(found)
    ]


def sorted_by_cost(found: Survey) -> list[tuple[Pair, list[Scenario]]]:
    """Long scenarios first, so that no lane waits for one at the end."""
    return sorted(found.by.items(), key=lambda item: (item[1][0].stop is None, item[1][0].earlier is None, item[0]))


def freezes(found: Survey) -> list[Cell]:
    """Stopped beyond the lease, taken over and continued, at every await on the way to a service and back."""
    way = sites(("ledger", "effectors", "transport"), ("Attempt.carry_out",))
    names = {name for function in way.values() for name in function.awaits}
    pairs = [pair for pair in found.pairs_of(PLAIN) if pair[0].rpartition(" | ")[0] in names and pair[1] != RUN]
    return [Cell(frozen(exactly(pair[0]), pair[1]), pair=pair) for pair in pairs]


def lates(found: Survey) -> list[Cell]:
    """The client is dead while the service works, for every effect."""
    order = Order(What.KILL_LATER, ABOUT_TO_SEND, seconds=DEAD_AFTER)
    return [
        Cell(late(column, LATE_SECONDS), replace(order, column=column), (f"{LATE_SECONDS} s late", column))
        for column in effects_of(found)
    ]


def sample(cells: Iterable[Cell], key: Callable[[Cell], str], seed: int) -> list[Cell]:
    """One cell of each key, drawn by the seed."""
    groups: dict[str, list[Cell]] = {}
    for cell in cells:
        groups.setdefault(key(cell), []).append(cell)
    draw = random.Random(seed)
    return [draw.choice(group) for group in groups.values()]


def slice_of(found: Survey, seed: int) -> list[Cell]:
    """A part that has every site of the code and every effect in it."""
    by_site = sample(kills(found), lambda cell: site(cell.pair[0]), seed)
    by_effect = sample(freezes(found), lambda cell: cell.pair[1], seed)
    return [*by_effect, *by_site, *lates(found)]


async def matrix(lanes: Lanes, seed: int | None, mutation: str = "") -> Matrix:
    """The whole matrix; with a seed a part of it; with a mutation one that must turn red."""
    if gone := stale():
        raise LookupError(f"scenarios name points that the code has no more: {gone}")
    found = await survey(lanes, seed)
    cells = [*freezes(found), *kills(found), *lates(found)] if seed is None else slice_of(found, seed)
    played = Matrix(found, await lanes.play("cells", [replace(cell, mutation=mutation) for cell in cells]))
    left = [replace(cell, mutation=mutation) for cell in at_sites(found, played.missed)]
    return replace(played, results=[*played.results, *await lanes.play("once more", left, tries=None)])


def at_sites(found: Survey, missed: Iterable[Cell]) -> list[Cell]:
    """Every way to be killed at the sites of these cells. What was drawn may be met on an idle machine only, or on a busy one."""
    wanted = {site(cell.pair[0]) for cell in missed}
    return [cell for cell in kills(found) if site(cell.pair[0]) in wanted]


async def some(lanes: Lanes, column: str, points: Sequence[str], mutation: str) -> Matrix:
    """The cells of a few points (regular expressions) in one column, with a guarantee taken out."""
    found = Survey()
    found.note(await lanes.first(Cell(PLAIN)))
    wanted = re.compile("|".join(points))
    cells = [cell for cell in kills(found) if cell.pair[1] == column and wanted.search(cell.pair[0])]
    return Matrix(found, await lanes.play("cells", [replace(cell, mutation=mutation) for cell in cells]))
