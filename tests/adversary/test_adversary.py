"""An attacker as the planner: with the code as it is nothing breaks; with a guarantee taken out its own invariant notices."""

from __future__ import annotations

import pytest
from proofs.adversary.more_invariants import INVARIANTS
from proofs.adversary.mutants import MUTANTS, Mutant, applied
from proofs.adversary.run import play

from agent_ops.ledger.guard import Guard

SEED = 1
pytestmark = pytest.mark.slow


@pytest.mark.timeout(900)
def test_every_invariant_holds_against_the_code_as_it_is() -> None:
    hunt = play(SEED, 24)
    assert hunt.error == ""
    assert hunt.tally.broken == {}
    assert hunt.tally.examples >= 24
    assert hunt.tally.denied > 50  # the attacker was busy
    assert {"create", "group", "build", "mail", "manager"} <= set(hunt.tally.writes)  # and honest work was done beside


def test_every_invariant_has_a_mutant_and_says_what_it_checks() -> None:
    assert {mutant.invariant for mutant in MUTANTS} == set(INVARIANTS) == {f"I{number}" for number in range(1, 18)}
    assert all((check.__doc__ or "").strip() for check in INVARIANTS.values())


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant.invariant}: {mutant.name}")
def test_a_guarantee_taken_out_is_noticed_by_its_own_invariant(mutant: Mutant) -> None:
    hunt = play(SEED, 80, mutant)
    assert hunt.caught, f"noticed by {sorted(hunt.tally.broken)}; {hunt.error}"


def test_a_mutant_leaves_nothing_behind() -> None:
    denial = Guard.denial
    with applied(next(mutant for mutant in MUTANTS if mutant.invariant == "I2")):
        assert Guard.denial is not denial
    assert Guard.denial is denial
