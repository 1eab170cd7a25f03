"""500 requests in ten seconds from one caller (threat PUB-API-10), by the library: the fixed scenario of limits and breakers."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from agent_ops import AgentOps, Caller, Profile, RunReport, RunStatus, Settings
from agent_ops.domain.effects import Action, Intent
from agent_ops.domain.limits import HOUR, Limits
from tests.fakes import FakeServices
from tests.limited import BOB, limited

pytestmark = pytest.mark.slow
FLOODER = Caller("hr-key", frozenset({"onboard", "status"}))
SECONDS = 10.0
STATUSES = {RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.WAITING, RunStatus.DONE}


def flood(shared: Path) -> list[Profile]:
    """The case's own requests."""
    cases = json.loads((shared / "security" / "threats.json").read_text(encoding="utf-8"))["cases"]
    body = next(case["request"]["body"] for case in cases if case["id"] == "PUB-API-10")
    names = [body["name"].replace("{i}", str(number)) for number in range(body["$repeat"])]
    return [Profile(name, body["team"], external_id=name) for name in names]


class Clocked(FakeServices):
    """Remembers when each account was asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.created: list[float] = []
        service = self[Action.CREATE_ACCOUNT]
        send = service.send

        async def noted(intent: Intent) -> object:
            self.created.append(time.time())
            return await send(intent)

        service.send = noted  # type: ignore[method-assign,assignment]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("limits", [{}, {"burst_requests": 10_000, "directory_floor": 10_000}], ids=["as-shipped", "no-breaker"])
async def test_a_flood_is_capped_and_nothing_of_it_is_lost(
    settings: Settings, shared: Path, limits: dict[str, int], record_property: pytest.RecordProperty
) -> None:
    settings, fakes, hires = limited(settings, **limits), Clocked(), flood(shared)
    settings = replace(settings, concurrency=16)
    async with (
        AgentOps(settings, adapters=fakes.adapters(), caller=FLOODER) as ops,
        AgentOps(settings, adapters=fakes.adapters(), caller=BOB) as other,
    ):
        runs, took = [], []
        began = time.monotonic()
        theirs = asyncio.create_task(_in_the_middle(other, began))
        for number, hire in enumerate(hires):
            await asyncio.sleep(max(0.0, began + number * SECONDS / len(hires) - time.monotonic()))
            runs.append(await ops.submit(hire, ["confluence"]))
            if number % 100 == 99:
                took.append(await _status(other, number + 1))
        submitted = time.monotonic() - began
        assert (await asyncio.wait_for(theirs, 120)).run.status is RunStatus.DONE
        completed = time.monotonic() - began
        while (counts := await _counts(ops, {run.id for run in runs})).keys() - {RunStatus.DONE, RunStatus.WAITING}:
            await asyncio.sleep(0.5)
        took.append(await _status(other, len(hires) + 1))
        reasons = Counter(_reason(report) for report in await ops.employees() if report.run.status is RunStatus.WAITING)
        breakers = await ops.breakers()
    assert sum(counts.values()) == len(hires) == len({run.id for run in runs})
    assert counts[RunStatus.DONE] > 0
    assert _most_in_an_hour(fakes.created) <= Limits().accounts_per_hour
    assert set(reasons) <= {"breaker", "limit"}
    assert [breaker.kind.value for breaker in breakers] == ([] if limits else ["burst"])
    figures = f"{len(runs)} requests in {submitted:.1f} s; status answers in at most {max(took):.2f} s; another's hire done after"
    print(f"\n{figures} {completed:.1f} s; {counts[RunStatus.DONE]} done, waiting: {dict(reasons)}")  # noqa: T201 - a figure
    record_property("slowest_status_seconds", max(took))


async def _in_the_middle(other: AgentOps, began: float) -> RunReport:
    """Somebody else's request, while the flood goes on."""
    await asyncio.sleep(max(0.0, began + SECONDS / 2 - time.monotonic()))
    return await other.onboard(Profile("Another Caller", "Contractors", external_id="another"), ["confluence"])


async def _status(ops: AgentOps, at_least: int) -> float:
    """Seconds that the status of everybody takes."""
    began = time.monotonic()
    assert len(await ops.employees()) >= at_least - 1
    return time.monotonic() - began


async def _counts(ops: AgentOps, of: set[str]) -> Counter[RunStatus]:
    counts = Counter(report.run.status for report in await ops.employees() if report.run.id in of)
    assert counts.keys() <= STATUSES, "no request is refused, lost or failed"
    return counts


def _reason(report: RunReport) -> str:
    return "breaker" if "breaker 1 holds" in report.run.summary else "limit" if "the limit of" in report.run.summary else "?"


def _most_in_an_hour(moments: list[float]) -> int:
    """By the service's own clock."""
    return max(sum(end - HOUR < at <= end for at in moments) for end in moments)
