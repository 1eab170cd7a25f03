"""Cancelling ends a run before its next effect; undoing reverses what it created, through the same door."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from agent_ops import AgentOps, Profile, RunStatus, Settings
from agent_ops.domain.access import ItemStatus
from agent_ops.domain.effects import Action
from agent_ops.domain.employee import EmployeeStatus
from agent_ops.domain.errors import InvalidRequest
from tests.fakes import FakeServices


async def test_cancel_stops_before_the_next_effect_and_says_what_was_done(
    settings: Settings, fakes: FakeServices, ana: Profile
) -> None:
    release = asyncio.Event()
    create = fakes[Action.CREATE_ACCOUNT].send

    async def held_up(intent: object) -> object:
        answer = await create(intent)  # type: ignore[arg-type]
        await release.wait()
        return answer

    fakes[Action.CREATE_ACCOUNT].send = held_up  # type: ignore[method-assign,assignment]
    fakes[Action.CREATE_ACCOUNT].call_timeout = 5.0  # type: ignore[misc]
    async with AgentOps(settings, adapters=fakes.adapters()) as ops:
        run = await ops.submit(ana)
        while not fakes[Action.CREATE_ACCOUNT].sends:
            await asyncio.sleep(0.01)
        cancelled = await ops.cancel(run.id)
        assert cancelled.status is RunStatus.CANCELLED
        assert "cancelled by library" in cancelled.summary
        release.set()
        report = await ops.wait(run.id)
        while (await ops.report(run.id))[0].employee.entra_id is None:  # the call on its way is recorded when it answers
            await asyncio.sleep(0.01)
        with pytest.raises(InvalidRequest, match="has ended"):
            await ops.cancel(run.id)
    assert report.run.status is RunStatus.CANCELLED
    assert set(fakes.sends()) == {"entra.create_account"}
    assert {item.reason for item in report.items} == {"the run was cancelled"}


async def test_a_cancelled_run_can_be_retried(settings: Settings, fakes: FakeServices, ana: Profile) -> None:
    fakes[Action.CREATE_ACCOUNT].trouble.kinds = ["refuse"] * 50
    patient = replace(settings, patience=replace(settings.patience, give_up=60.0, tries=1))
    async with AgentOps(patient, adapters=fakes.adapters()) as ops:
        run = await ops.submit(ana)
        while (await ops.report(run.id))[0].run.status is not RunStatus.WAITING:
            await asyncio.sleep(0.02)
        await ops.cancel(run.id)
        fakes[Action.CREATE_ACCOUNT].trouble.kinds = []
        report = await ops.wait((await ops.retry(run.id)).id, timeout=60)
    assert report.run.status is RunStatus.DONE
    assert len(fakes[Action.CREATE_ACCOUNT].done) == 1


async def test_undo_disables_the_account_and_takes_back_what_the_catalogue_can(
    settings: Settings, fakes: FakeServices, ana: Profile
) -> None:
    async with AgentOps(settings, adapters=fakes.adapters()) as ops:
        done = await ops.onboard(ana)
        undone = await ops.wait((await ops.cancel(done.run.id, undo=True)).id)
        assert undone.run.status is RunStatus.DONE
        assert undone.employee.status is EmployeeStatus.WITHDRAWN
        statuses = {item.item: (item.status, item.reason) for item in undone.items}
        assert statuses["aws"] == (ItemStatus.PENDING, "taken back")
        assert statuses["github"][0] is ItemStatus.COMPLETED  # the catalogue has no pipeline that takes it back
        with pytest.raises(InvalidRequest, match="nothing"):
            await ops.cancel(undone.run.id, undo=True)
    (revoked,) = fakes[Action.REVOKE_PIPELINE].done.values()
    assert revoked.pinned["job"] == "deprovisioning/aws"
    assert set(revoked.pinned["parameters"]) == {"USER_EMAIL", "AGENT_OPS_REQUEST_ID"}
    assert fakes.sends()["entra.disable_account"] == 1


async def test_undoing_twice_takes_nothing_back_twice(settings: Settings, fakes: FakeServices, ana: Profile) -> None:
    async with AgentOps(settings, adapters=fakes.adapters()) as ops:
        done = await ops.onboard(ana)
        await ops.wait((await ops.cancel(done.run.id, undo=True)).id)
        again = await ops.cancel(done.run.id, undo=True)
        report = await ops.wait(again.id)
    assert report.run.status is RunStatus.DONE
    assert fakes.sends()["jenkins.run_revocation"] == 1
    assert fakes.sends()["entra.disable_account"] == 1


async def test_who_was_undone_is_not_given_access_to_a_disabled_account(
    settings: Settings, fakes: FakeServices, ana: Profile
) -> None:
    """A retry reported an onboarded employee, and mailed of a new account, who could not sign in."""
    async with AgentOps(settings, adapters=fakes.adapters()) as ops:
        done = await ops.onboard(ana)
        undone = await ops.wait((await ops.cancel(done.run.id, undo=True)).id)
        sent = fakes.sends()
        for ended in (done.run.id, undone.run.id):
            with pytest.raises(InvalidRequest, match="account is disabled"):
                await ops.retry(ended)
        with pytest.raises(InvalidRequest, match="account is disabled"):
            await ops.plan(ana)
        task = await ops.execute_task(f"Provision pending access for {ana.name}", timeout=60)
        assert (task.run.status, "account is disabled" in task.answer) == (RunStatus.REFUSED, True)
        assert (await ops.person(done.employee.id)).employee.status is EmployeeStatus.WITHDRAWN
    assert fakes.sends() == sent
