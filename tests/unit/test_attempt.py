"""An attempt at one effect: how often a service is asked for what may still land."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any, cast

import pytest

from agent_ops.domain.effects import Finding, Presence
from agent_ops.domain.ports import EffectAdapter
from agent_ops.ledger import attempt
from agent_ops.ledger.attempt import Attempt, Patience
from tests.contract.jenkins_effects import intent


class Enough(Exception):
    """The service was asked as often as the test wants."""


async def test_looks_for_what_may_still_land_grow_rarer(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    async def slept(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 7:
            raise Enough

    class Nothing:
        async def look_up(self, _: Any) -> Finding:
            return Finding(Presence.ABSENT)

    monkeypatch.setattr(attempt, "asyncio", type("_", (), {"sleep": staticmethod(slept), "TimeoutError": asyncio.TimeoutError}))
    may_land = replace(intent(), lands_by=datetime.now(timezone.utc) + timedelta(seconds=40))
    trying = Attempt(cast(EffectAdapter, Nothing()), may_land, Patience(), cast(Any, None), cast(Any, None))
    with pytest.raises(Enough):
        await trying._find()
    assert pauses[:-1] == [0.5, 1, 2, 4, 8, 16]
    assert 32 >= pauses[-1] > 30, "never beyond the moment after which nothing can land"
