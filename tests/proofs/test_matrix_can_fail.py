"""The crash matrix is worth something only if it turns red: with a guarantee taken out it does, with all of them it does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from proofs.crash import Lanes, some
from proofs.dispatch import dispatch

COLUMN = "jenkins.run_pipeline"
POINTS = (r"Ledger\._open: commit", r"Attempt\._send: ")
WHERE_IT_SHOWS = {"no-look-up": (r"_adapter\.send.* \| after",), "intent-after-call": (r"Ledger\._open: commit",)}
TRIES = 8


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_with_every_guarantee_in_place_these_cells_are_good(tmp_path: Path) -> None:
    async with Lanes(tmp_path, 2, lambda what, total: None) as lanes:
        found = await some(lanes, COLUMN, POINTS, "")
    assert len(found.results) >= 6
    assert all(result.kills == 1 for result in found.results)
    assert found.missed == []
    assert found.total.good, str(found.total)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("mutation", ["no-look-up", "intent-after-call"])
async def test_the_matrix_turns_red_without(mutation: str, tmp_path: Path) -> None:
    """One try may show nothing: on a busy machine the first call fails by its short time-out, and nothing can be repeated."""
    async with Lanes(tmp_path, 1, lambda what, total: None) as lanes:
        for _ in range(TRIES):
            found = await some(lanes, COLUMN, WHERE_IT_SHOWS[mutation], mutation)
            if any("jenkins.build" in words for words in found.total.duplicates):
                return
    raise AssertionError(f"{mutation}: in {TRIES} tries the judge saw nothing")


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("mutation", "good"), [("", True), ("no-lease", False)])
async def test_dispatch_sees_two_drivers_where_leases_are_not_heeded(mutation: str, good: bool, tmp_path: Path) -> None:
    found = await dispatch(tmp_path, 24, 1, lambda what, total: None, mutation)
    assert (found.overlaps == []) is good, found.overlaps
    assert found.good is good, str(found.verdict)
    assert found.runs == 24
