"""The crash matrix is worth something only if it turns red: with a guarantee taken out it does, with all of them it does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from proofs.crash import Lanes, Matrix, some
from proofs.dispatch import dispatch

COLUMN = "jenkins.run_pipeline"
POINTS = (r"Ledger\._open: commit", r"Attempt\._send: ")


async def played(tmp_path: Path, mutation: str) -> Matrix:
    async with Lanes(tmp_path, 2, lambda what, total: None) as lanes:
        return await some(lanes, COLUMN, POINTS, mutation)


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_with_every_guarantee_in_place_these_cells_are_good(tmp_path: Path) -> None:
    found = await played(tmp_path, "")
    assert len(found.results) >= 6
    assert all(result.kills == 1 for result in found.results)
    assert found.missed == []
    assert found.total.good, str(found.total)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("mutation", ["no-look-up", "intent-after-call"])
async def test_the_matrix_turns_red_without(mutation: str, tmp_path: Path) -> None:
    """A second build of the same parameters vanishes while the first one still waits in Jenkins's queue: then once more."""
    for number in range(3):
        found = await played(tmp_path / str(number), mutation)
        if any("jenkins.build" in words for words in found.total.duplicates):
            break
    assert found.missed == []
    assert any("jenkins.build" in words for words in found.total.duplicates)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("mutation", "good"), [("", True), ("no-lease", False)])
async def test_dispatch_sees_two_drivers_where_leases_are_not_heeded(mutation: str, good: bool, tmp_path: Path) -> None:
    found = await dispatch(tmp_path, 24, 1, lambda what, total: None, mutation)
    assert (found.overlaps == []) is good, found.overlaps
    assert found.good is good, str(found.verdict)
    assert found.runs == 24
