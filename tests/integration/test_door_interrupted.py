"""The door when its caller goes away: a send under way keeps the key's turn, and a late driver overwrites nothing."""

from __future__ import annotations

import asyncio

import pytest

from agent_ops.domain.effects import Action, EffectState
from agent_ops.domain.errors import LeaseLost
from tests.integration.test_door import ACCOUNT, AWS, FAR, Bench, bench

__all__ = ["bench"]


@pytest.mark.parametrize("proposal", [ACCOUNT, AWS])
async def test_a_cancelled_caller_leaves_one_send_not_two(bench: Bench, proposal) -> None:  # type: ignore[no-untyped-def]
    run, ledger = await bench.run(), bench.ledger()
    if proposal is AWS:
        await ledger.perform(run.id, ACCOUNT)
    service = bench.fakes[proposal.action]
    before, service.trouble.kinds = service.sends, ["limit"]
    first = asyncio.ensure_future(ledger.perform(run.id, proposal))
    await asyncio.sleep(0.05)
    first.cancel()
    outcome = await ledger.perform(run.id, proposal)
    assert outcome.succeeded
    assert service.sends - before == 2, "one that was told to wait, and one"
    assert len(service.done) == 1


async def test_a_send_under_way_is_recorded_before_the_ledger_closes(bench: Bench) -> None:
    run, ledger = await bench.run(), bench.ledger()
    bench.fakes[Action.CREATE_ACCOUNT].trouble.kinds = ["limit"]
    caller = asyncio.ensure_future(ledger.perform(run.id, ACCOUNT))
    await asyncio.sleep(0.05)
    caller.cancel()
    await ledger.drain(5)
    (intent,) = await bench.store.read(lambda tx: tx.effects.of_employee(run.employee_id))
    assert intent.state is EffectState.SUCCEEDED


async def test_a_driver_that_comes_late_overwrites_nothing(bench: Bench) -> None:
    run, late, heir = await bench.run(), bench.ledger("me"), bench.ledger("heir")
    bench.fakes[Action.CREATE_ACCOUNT].trouble.kinds = ["limit"]
    waiting = asyncio.ensure_future(late.perform(run.id, ACCOUNT))
    await asyncio.sleep(0.05)
    await bench.store.transaction(lambda tx: tx.runs.release(run.id, "me"))
    await bench.store.transaction(lambda tx: tx.runs.claim("heir", 1.0, FAR))
    assert (await heir.perform(run.id, ACCOUNT)).succeeded
    with pytest.raises(LeaseLost):
        await waiting
    assert len(bench.fakes[Action.CREATE_ACCOUNT].done) == 1
    (intent,) = await bench.store.read(lambda tx: tx.effects.of_employee(run.employee_id))
    assert (intent.owner, intent.state) == ("heir", EffectState.SUCCEEDED)
