"""Reserving an address asks the directory, over the wire, and changes nothing there."""

from __future__ import annotations

from agent_ops import AgentOps, Sandbox, Settings
from agent_ops.domain.grants import Caller

WRITER = Caller("writer", frozenset({"task:read", "task:write"}))
TASK = "Generate and save email for user with name {}"


async def test_an_address_that_somebody_has_in_the_directory_is_not_given(box: Sandbox, sandbox_settings: Settings) -> None:
    await box.plant_user("nora.reserve@acme.example", "Somebody Else")
    before = len(box.effects())
    async with AgentOps(sandbox_settings, caller=WRITER) as ops:
        report = await ops.execute_task(TASK.format("Nora Reserve"), {"name": "Nora Reserve"}, timeout=60)
        free = await ops.execute_task(TASK.format("Olga Reserve"), {"name": "Olga Reserve"}, timeout=60)
    assert [change.detail for change in report.changes] == ["nora.reserve2@acme.example"]
    assert [change.detail for change in free.changes] == ["olga.reserve@acme.example"]
    assert len(box.effects()) == before, "nothing was made"


async def test_an_onboarding_takes_what_was_reserved(box: Sandbox, sandbox_settings: Settings) -> None:
    from agent_ops import Profile

    context = {"name": "Paula Reserve", "external_id": "R-1"}
    async with AgentOps(sandbox_settings, caller=WRITER) as ops:
        reserved = await ops.execute_task(TASK.format("Paula Reserve"), context, timeout=60)
    async with AgentOps(sandbox_settings) as ops:
        report = await ops.onboard(Profile("Paula Reserve", "Engineering", external_id="R-1"), [])
    assert report.employee.address == reserved.changes[0].detail == "paula.reserve@acme.example"
