"""A service, or its adapter, that does not say whether the work was done."""

from __future__ import annotations

import asyncio

import pytest

from agent_ops.domain.effects import Action, Completed, Intent, OutcomeKind
from agent_ops.domain.errors import ServiceAmbiguous, ServiceSilent
from tests.conftest import IMPATIENT
from tests.integration.test_door import ACCOUNT, AWS, Bench, bench

__all__ = ["bench"]


@pytest.mark.parametrize(("error", "lands_after"), [(ServiceSilent, 0.15), (ServiceAmbiguous, 0.0)])
async def test_what_was_not_answered_in_time_may_land_until_the_bound_of_its_call(
    bench: Bench, error: type[ServiceAmbiguous], lands_after: float
) -> None:
    run, ledger = await bench.run(), bench.ledger()
    await ledger.perform(run.id, ACCOUNT)
    service = bench.fakes[Action.RUN_PIPELINE]
    assert IMPATIENT.settling < 0.15 < service.call_timeout, "it lands after a cut one could, and within the bound"
    send, landing = service.send, []

    async def silent_at_first(intent: Intent) -> object:
        if landing:
            return await send(intent)
        landing.append(asyncio.get_running_loop().call_later(lands_after, service.done.__setitem__, intent.marker, intent))
        raise error("fake", "gave no answer in time")

    service.send = silent_at_first  # type: ignore[method-assign,assignment]
    assert (await ledger.perform(run.id, AWS)).succeeded
    assert service.sends == 0, "what landed late was found, not repeated"


async def test_an_account_that_its_adapter_does_not_name_is_unknown(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    run = await bench.run()

    async def nameless(intent: object) -> Completed:
        return Completed({"id": "somebody"})

    monkeypatch.setattr(bench.fakes[Action.CREATE_ACCOUNT], "send", nameless)
    outcome = await bench.ledger().perform(run.id, ACCOUNT)
    assert outcome.kind is OutcomeKind.UNKNOWN
    assert "address" in outcome.message
