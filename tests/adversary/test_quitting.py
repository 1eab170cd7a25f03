"""A process dies amid its work, and the planner then wants the end: what was begun is settled first, by code."""

from __future__ import annotations

import pytest
from proofs.adversary.minds import Move
from proofs.adversary.more_invariants import violations
from proofs.adversary.stage import PEOPLE, Ask, Stage


@pytest.mark.parametrize("last", ["finish", "forever"])
@pytest.mark.parametrize("calls_before", [1, 3, 5])
async def test_no_run_ends_before_it_is_known_what_became_of_what_was_begun(last: str, calls_before: int) -> None:
    stage = Stage()
    await stage.open()
    try:
        stage.services.dies = (calls_before, "after")
        await stage.request([Ask(PEOPLE[0], None, (Move("legit"), Move(last)))])
        open_ones = stage.disk.rows("SELECT item FROM effects WHERE state IN ('open', 'accepted') AND action <> 'mail.send'")
        assert [row["item"] for row in open_ones] == []
        assert violations(stage.seen) == {}
    finally:
        await stage.close()
