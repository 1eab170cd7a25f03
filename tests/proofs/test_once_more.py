"""A pair that was drawn may be met on an idle machine only, or on a busy one: a site at which nobody was is tried in all ways."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from proofs.cell import Cell, Pair, Result
from proofs.crash import TRIES, Lanes, Matrix, matrix
from proofs.judge import Verdict
from proofs.watch import RUN

SITE, OTHER = (
    "effectors/jenkins.py:110 JenkinsEffector.follow: await asyncio.sleep(interval)",
    "ledger/door.py:1 Ledger._open: commit",
)
REACHED: set[Pair] = {
    (f"{SITE} | after", "jenkins.run_pipeline"),
    (f"{SITE} | before", "jenkins.run_pipeline"),
    (f"{OTHER} | before", RUN),
}


class NobodyWaits(Lanes):
    """Lanes in which the site is not met in the scenarios that are tried first; ``hit_at_last``: in one of the others."""

    def __init__(self, hit_at_last: bool) -> None:
        self.hit_at_last, self.tried = hit_at_last, list[tuple[str, int | None, list[Pair]]]()

    async def first(self, cell: Cell) -> Result:
        return Result(cell, Verdict(), True, 0, set(REACHED))

    async def play(self, what: str, cells: Sequence[Cell], tries: int | None = TRIES) -> list[Result]:
        self.tried.append((what, tries, [cell.pair for cell in cells]))
        return [Result(cell, Verdict(), self._hit(cell, what), 0) for cell in cells]

    def _hit(self, cell: Cell, what: str) -> bool:
        return not cell.pair[0].startswith(SITE) or (what == "once more" and self.hit_at_last)


async def played(hit_at_last: bool) -> tuple[Matrix, NobodyWaits]:
    lanes = NobodyWaits(hit_at_last)
    return await matrix(lanes, seed=1), lanes


async def test_a_site_that_nobody_met_is_tried_at_all_its_points_in_all_scenarios() -> None:
    found, lanes = await played(hit_at_last=True)
    what, tries, pairs = lanes.tried[-1]
    assert (what, tries) == ("once more", None)
    assert sorted(pairs) == sorted(pair for pair in REACHED if pair[0].startswith(SITE))
    assert found.missed == []
    drawn = {result.cell.pair for result in found.results[: -len(pairs)] if not result.hit}
    assert len(drawn) == 1, "one of the site's points was drawn, and missed"
    assert found.not_met_again == []


async def test_it_counts_as_missed_when_that_is_no_use_either() -> None:
    found, _ = await played(hit_at_last=False)
    assert {cell.pair[0].rpartition(" | ")[0] for cell in found.missed} == {SITE}
    assert not found.good


async def test_what_was_met_is_not_played_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(NobodyWaits, "_hit", lambda self, cell, what: True)
    _, lanes = await played(hit_at_last=True)
    assert lanes.tried[-1] == ("once more", None, [])
