"""A fixed part of the matrix of models that misbehave; and with a guarantee taken out it turns red."""

from __future__ import annotations

from pathlib import Path

import pytest
from proofs.adversary.mutants import applied
from proofs.models.matrix import Matrix, matrix
from proofs.models.misbehaviours import MISBEHAVIOURS
from proofs.models.without import WITHOUT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
PART = (
    *("JSON that ends amid it", "goals that nobody can reach", "an end before anything is done"),
    *("asks for more than is due", "ends amid the answer, silently"),
)
GREEDY = ("asks for more than is due", "takes back what is due")


async def played(tmp_path: Path, names: tuple[str, ...], seeds: tuple[int, ...] = (1,)) -> Matrix:
    kinds = [kind for kind in MISBEHAVIOURS if kind.name in names]
    assert len(kinds) == len(names)
    return await matrix(tmp_path, seeds, lambda what, total: None, lanes=1, kinds=kinds)


async def test_every_run_ends_in_a_status_and_every_onboarding_is_complete(tmp_path: Path) -> None:
    found = await played(tmp_path, PART, seeds=(1, 2))
    assert len(found.results) >= 2 * 2 * len(PART)
    assert found.unauthorised == []
    assert found.without_end == [], "a reading that the model ends at once is refused, which is a status, too"
    assert [result.cell.name for result in found.onboardings if not result.completed] == []
    assert {result.by for result in found.results} == {"itself", "repair", "runbook"}
    assert found.good


async def test_it_turns_red_without_repair_and_runbook(tmp_path: Path) -> None:
    with applied(WITHOUT["net"]):
        found = await played(tmp_path, PART[:3])
    assert not found.good
    assert found.completed_share < 0.5
    assert found.without_end == [], "a run ends all the same"


async def test_it_turns_red_without_the_guard(tmp_path: Path) -> None:
    with applied(WITHOUT["guard"]):
        found = await played(tmp_path, GREEDY)
    assert not found.good
    assert any("entra.update" in words or "jenkins" in words for words in found.unauthorised)
