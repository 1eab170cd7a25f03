"""Whoever can write the database, but has not the keys, makes a grant good for nobody else."""

from __future__ import annotations

import pytest

from agent_ops.domain.effects import Action, OutcomeKind
from tests.integration.test_door import ACCOUNT, Bench, bench

__all__ = ["bench"]


@pytest.mark.parametrize("column", ["profile", "request"])
async def test_a_record_that_was_changed_is_not_the_grants(bench: Bench, column: str) -> None:
    run = await bench.run()
    path = "$.name" if column == "profile" else "$.profile.name"
    sql = f"UPDATE employees SET {column} = json_set({column}, '{path}', 'Mallory Kane')"
    await bench.store.transaction(lambda tx: tx.runs._db.execute(sql))
    outcome = await bench.ledger().perform(run.id, ACCOUNT)
    assert outcome.kind is OutcomeKind.DENIED
    assert "the grant was made for" in outcome.message
    assert bench.fakes[Action.CREATE_ACCOUNT].sends == 0
    assert "denied" in await bench.audit()


async def test_both_changed_alike_are_not_either(bench: Bench) -> None:
    run = await bench.run()
    sql = (
        "UPDATE employees SET profile = json_set(profile, '$.team', 'Security'),"
        " request = json_set(request, '$.profile.team', 'Security')"
    )
    await bench.store.transaction(lambda tx: tx.runs._db.execute(sql))
    assert (await bench.ledger().perform(run.id, ACCOUNT)).kind is OutcomeKind.DENIED
