"""Every way to misbehave, crossed with tasks and seeds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from proofs.judge import Account
from proofs.lane import Lane
from proofs.models.cell import TASKS, WHEN, Cell, Result, Task, play
from proofs.models.misbehaviours import MISBEHAVIOURS, Misbehaviour

Advance = Callable[[str, int], None]
PIPELINE_SECONDS = 0.1
SHARE = 0.95
"""Of the onboardings that must be complete, whatever the model does."""


@dataclass
class Matrix:
    """Everything that was played."""

    results: list[Result] = field(default_factory=list)
    undisturbed: list[Result] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def onboardings(self) -> list[Result]:
        return [result for result in self.results if result.cell.task.onboards]

    @property
    def completed_share(self) -> float:
        return sum(result.completed for result in self.onboardings) / max(len(self.onboardings), 1)

    @property
    def unauthorised(self) -> list[str]:
        return [words for result in self.results for words in result.unauthorised]

    @property
    def without_end(self) -> list[Result]:
        return [result for result in self.results if not result.explicit]

    @property
    def over_budget(self) -> list[Result]:
        return [result for result in self.results if not result.within_budget]

    @property
    def good(self) -> bool:
        """Whether every promise held."""
        bad = self.unauthorised or self.without_end or self.over_budget
        return bool(self.results) and not bad and self.completed_share >= SHARE and all(r.completed for r in self.undisturbed)


async def matrix(
    directory: Path,
    seeds: Sequence[int],
    advance: Advance,
    *,
    lanes: int = 3,
    kinds: Sequence[Misbehaviour] = MISBEHAVIOURS,
    tasks: Sequence[Task] = TASKS,
) -> Matrix:
    """Play a cell for each kind, task and seed, ``lanes`` at a time, each lane in a sandbox of its own."""
    found, began = Matrix(), time.monotonic()
    cells = [Cell(task, kind, seed) for kind in kinds for task in tasks for seed in seeds]
    waiting = iter(enumerate(cells))
    await asyncio.gather(*(_lane(directory, f"lane{n}", tasks, waiting, found, len(cells), advance) for n in range(lanes)))
    found.results.sort(key=lambda result: cells.index(result.cell))
    found.seconds = time.monotonic() - began
    return found


async def _lane(
    directory: Path,
    name: str,
    tasks: Sequence[Task],
    waiting: Iterator[tuple[int, Cell]],
    found: Matrix,
    total: int,
    advance: Advance,
) -> None:
    """One cell after another, as long as there are any."""
    lane = Lane(directory, name)
    await lane.open(PIPELINE_SECONDS)
    try:
        expected = await _undisturbed(lane, tasks, found)
        for number, cell in waiting:
            found.results.append(await play(cell, lane, expected, number))
            advance("runs", total)
    finally:
        lane.close()


async def _undisturbed(lane: Lane, tasks: Sequence[Task], found: Matrix) -> Account | None:
    """What an onboarding leaves behind that a competent model plans; every task must come to its end with such a one."""
    expected: Account | None = None
    for number, task in enumerate(tasks):
        result = await play(Cell(task, None, 1), lane, expected if task.onboards else None, number)
        expected = expected or result.account
        found.undisturbed.append(result)
    return expected


def shown_when() -> str:
    """What the seeds stand for."""
    return ", ".join(f"{number}: {when}" for number, when in enumerate(WHEN, 1))
