"""Runs that wait: parked while a service is down or at work, held back by the kill switch, begun on their day."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from agent_ops import AgentOps, Caller, Profile, RunStatus, Settings
from agent_ops.domain.access import ItemStatus
from agent_ops.domain.effects import Action, Completed, Held, Waiting
from agent_ops.domain.errors import IdentityConflict, InvalidRequest, NotPermitted
from agent_ops.domain.runs import Run
from agent_ops.ledger.journal import RunJournal
from tests.conftest import IMPATIENT
from tests.fakes import FakeServices

ADMIN = Caller("admin", frozenset({"onboard", "link", "admin"}))
PATIENT = replace(IMPATIENT, give_up=60.0, stay=0.2, tries=2)


async def status(ops: AgentOps, run: Run) -> RunStatus:
    return (await ops.report(run.id))[0].run.status


async def test_a_resume_between_the_look_at_the_pause_and_the_parking_is_not_lost(
    settings: Settings, fakes: FakeServices, ana: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with AgentOps(settings, adapters=fakes.adapters(), caller=ADMIN) as ops:
        park = RunJournal.park

        async def resumed_meanwhile(journal: RunJournal, run_id: str, reason: str, seconds: float) -> None:
            await ops.resume()
            await park(journal, run_id, reason, seconds)

        monkeypatch.setattr(RunJournal, "park", resumed_meanwhile)
        await ops.pause()
        run = await ops.submit(ana)
        assert (await ops.wait(run.id, timeout=60)).run.status is RunStatus.DONE


async def until(ops: AgentOps, run: Run, wanted: RunStatus) -> None:
    while await status(ops, run) is not wanted:
        await asyncio.sleep(0.02)


async def test_a_service_that_is_down_for_long_parks_the_run_which_goes_on_by_itself(
    settings: Settings, fakes: FakeServices, ana: Profile
) -> None:
    fakes[Action.RUN_PIPELINE].trouble.kinds = ["refuse"] * 8
    async with AgentOps(replace(settings, patience=PATIENT), adapters=fakes.adapters()) as ops:
        run = await ops.submit(ana)
        await until(ops, run, RunStatus.WAITING)
        report = (await ops.report(run.id))[0]
        assert "fake: is down" in report.run.summary
        assert report.run.wake_at is not None
        assert {item.status for item in report.items} == {ItemStatus.IN_PROGRESS}
        report = await ops.wait(run.id, timeout=60)
    assert report.run.status is RunStatus.DONE
    assert len(fakes[Action.RUN_PIPELINE].done) == 4


async def test_work_that_takes_long_parks_the_run_and_is_never_sent_twice(
    settings: Settings, fakes: FakeServices, ana: Profile
) -> None:
    looks = 0

    async def follow(intent: object) -> Completed | Waiting:
        nonlocal looks
        looks += 1
        return Completed({"build": 1}) if looks > 12 else Waiting("the build is paused for input", 0.15)

    fakes[Action.RUN_PIPELINE].follow = follow  # type: ignore[method-assign,assignment]
    async with AgentOps(replace(settings, patience=PATIENT), adapters=fakes.adapters()) as ops:
        run = await ops.submit(ana)
        await until(ops, run, RunStatus.WAITING)
        assert "paused for input" in (await ops.report(run.id))[0].items[0].reason
        assert (await ops.wait(run.id, timeout=60)).run.status is RunStatus.DONE
        events = [event.message async for event in ops.events(run.id)]
    assert fakes[Action.RUN_PIPELINE].sends == 4
    assert sum("github: the build is paused" in message for message in events) == 1


async def test_another_process_takes_up_a_run_that_waits(settings: Settings, fakes: FakeServices, ana: Profile) -> None:
    fakes[Action.SET_ATTRIBUTES].trouble.kinds = ["refuse"] * 4
    patient = replace(settings, patience=PATIENT)
    async with AgentOps(patient, adapters=fakes.adapters()) as ops:
        run = await ops.submit(ana)
        await until(ops, run, RunStatus.WAITING)
    async with AgentOps(patient, adapters=fakes.adapters()) as ops:
        assert (await ops.wait(run.id, timeout=60)).run.status is RunStatus.DONE
    assert fakes.sends()["entra.create_account"] == 1


async def test_paused_changes_wait_durably_and_go_on(settings: Settings, fakes: FakeServices, ana: Profile) -> None:
    async with AgentOps(settings, adapters=fakes.adapters(), caller=ADMIN) as ops:
        await ops.pause(item="aws", reason="change freeze")
        run = await ops.submit(ana)
        await until(ops, run, RunStatus.WAITING)
        report = (await ops.report(run.id))[0]
        assert "item aws is paused by admin" in report.run.summary
        assert "change freeze" in report.run.summary
        assert {i.item for i in report.items if i.status is ItemStatus.COMPLETED} == {"github", "confluence", "database"}
    async with AgentOps(settings, adapters=fakes.adapters(), caller=ADMIN) as ops:
        assert [pause.scope for pause in await ops.pauses()] == ["item:aws"]
        assert await ops.resume(item="aws")
        assert (await ops.wait(run.id, timeout=60)).run.status is RunStatus.DONE
        assert not await ops.resume(item="aws")


async def test_a_pause_of_everything_lets_nothing_leave(settings: Settings, fakes: FakeServices, ana: Profile) -> None:
    async with AgentOps(settings, adapters=fakes.adapters(), caller=ADMIN) as ops:
        await ops.pause()
        run = await ops.submit(ana)
        await until(ops, run, RunStatus.WAITING)
        assert fakes.sends() == {}
        await ops.resume()
        assert (await ops.wait(run.id, timeout=60)).run.status is RunStatus.DONE


async def test_only_an_administrator_pauses_and_only_what_there_is(settings: Settings, fakes: FakeServices) -> None:
    async with AgentOps(settings, adapters=fakes.adapters()) as ops:
        with pytest.raises(NotPermitted):
            await ops.pause()
    async with AgentOps(settings, adapters=fakes.adapters(), caller=ADMIN) as ops:
        with pytest.raises(InvalidRequest, match="nothing"):
            await ops.pause(item="nothing")


async def test_a_mail_server_that_is_down_holds_no_run_and_gets_the_mail_later(
    settings: Settings, fakes: FakeServices, ana: Profile
) -> None:
    fakes[Action.SEND_MAIL].trouble.kinds = ["refuse"] * 6
    patient = replace(settings, patience=PATIENT)
    async with AgentOps(patient, adapters=fakes.adapters()) as ops:
        report = await ops.onboard(ana)
        assert report.run.status is RunStatus.DONE
        assert [mail.delivered for mail in report.mails] == [False, False]
        assert "is down" in report.mails[0].reason
    async with AgentOps(patient, adapters=fakes.adapters()) as ops:
        while not all(mail.delivered for mail in (await ops.report(report.run.id))[0].mails):
            await asyncio.sleep(0.05)
    ids = [intent.pinned["message_id"] for intent in fakes[Action.SEND_MAIL].done.values()]
    assert len(ids) == len(set(ids)) == 2


async def test_a_mail_server_that_hangs_holds_no_run(settings: Settings, fakes: FakeServices, ana: Profile) -> None:
    fakes[Action.SEND_MAIL].trouble.kinds = ["hang"] * 2
    fakes[Action.SEND_MAIL].call_timeout = 100.0  # type: ignore[misc]
    quick = replace(settings, lease=200.0, patience=replace(PATIENT, mail_wait=0.1))
    async with AgentOps(quick, adapters=fakes.adapters()) as ops:
        report = await asyncio.wait_for(ops.onboard(ana), 60)
    assert report.run.status is RunStatus.DONE


async def test_a_mail_that_another_process_began_to_send_is_left_to_it(
    settings: Settings, fakes: FakeServices, ana: Profile
) -> None:
    """Both saw it in the outbox; the second one comes to it when the first is sending. Under load mails went up to four times."""
    fakes[Action.SEND_MAIL].trouble.kinds = ["hang"] * 2
    fakes[Action.SEND_MAIL].call_timeout = 60.0  # type: ignore[misc]
    quick = replace(settings, lease=100.0, patience=replace(PATIENT, mail_wait=0.1))
    sql = "SELECT key FROM effects WHERE action = 'mail.send' AND state = 'open'"
    async with AgentOps(quick, adapters=fakes.adapters()) as ops:
        await ops.onboard(ana)
        async with AgentOps(quick, adapters=fakes.adapters()) as other:
            keys = await other._system.store.read(lambda tx: [row[0] for row in tx.effects._db.execute(sql)])
            for key in keys:
                await other._system.ledger._to_the_outbox(key)
    assert (len(keys), fakes[Action.SEND_MAIL].sends) == (2, 2)


async def test_a_run_begins_on_its_day(settings: Settings, fakes: FakeServices, ana: Profile) -> None:
    async with AgentOps(settings, adapters=fakes.adapters()) as ops:
        later = await ops.submit(ana, run_after=date.today() + timedelta(days=2))
        past = await ops.onboard(replace(ana, name="Bo Li", external_id="E-2"), run_after=date.today() - timedelta(days=2))
        assert past.run.status is RunStatus.DONE
        assert await status(ops, later) is RunStatus.QUEUED
        wake_at = (await ops.report(later.id))[0].run.wake_at
    assert wake_at is not None
    assert wake_at.hour in (22, 23, 0, 1)  # midnight in Lisbon


async def test_what_is_held_goes_on_with_a_persons_decision(settings: Settings, fakes: FakeServices, ana: Profile) -> None:
    service = fakes[Action.CREATE_ACCOUNT]
    create = service.send

    async def send(intent: object) -> object:
        return await create(intent) if intent.pinned["newPerson"] else Held("a deleted account of the same name exists")  # type: ignore[attr-defined,arg-type]

    service.send = send  # type: ignore[method-assign,assignment]
    async with AgentOps(settings, adapters=fakes.adapters(), caller=ADMIN) as ops:
        held = await ops.onboard(ana)
        assert held.run.status is RunStatus.HELD
        assert {item.status for item in held.items} == {ItemStatus.HELD}
        assert all("deleted account" in item.reason for item in held.items)
        assert (await ops.submit(ana)).id == held.run.id  # the same again decides nothing
        done = await ops.onboard(ana, new_person=True)
        assert done.run.status is RunStatus.DONE
        assert done.run.id != held.run.id
        assert done.employee.id == held.employee.id
        with pytest.raises(IdentityConflict):
            await ops.submit(ana, link_existing="7c1d5a0e-52a7-4f63-9a3c-0d6f3f7b1a01")


async def test_linking_needs_its_own_scope(settings: Settings, fakes: FakeServices, ana: Profile) -> None:
    link = "7c1d5a0e-52a7-4f63-9a3c-0d6f3f7b1a01"
    async with AgentOps(settings, adapters=fakes.adapters()) as ops:
        with pytest.raises(NotPermitted, match="link"):
            await ops.submit(ana, link_existing=link)
    async with AgentOps(settings, adapters=fakes.adapters(), caller=ADMIN) as ops:
        with pytest.raises(InvalidRequest, match="object id"):
            await ops.submit(ana, link_existing="ana.silva@acme.example")
        report = await ops.onboard(ana, link_existing=link)
    assert report.employee.entra_id == link
    assert "entra.create_account" not in fakes.sends()


async def test_retry_does_again_only_what_failed(settings: Settings, fakes: FakeServices, ana: Profile) -> None:
    fakes[Action.RUN_PIPELINE].failing_items = {"aws"}
    async with AgentOps(settings, adapters=fakes.adapters()) as ops:
        first = await ops.onboard(ana)
        assert first.run.status is RunStatus.FAILED
        fakes[Action.RUN_PIPELINE].failing_items = set()
        again = await ops.retry(first.run.id)
        report = await ops.wait(again.id)
        assert report.run.status is RunStatus.DONE
        with pytest.raises(InvalidRequest, match="in place"):
            await ops.retry(again.id)
    assert fakes.sends()["jenkins.run_pipeline"] == 5
    assert fakes.sends()["entra.create_account"] == 1
    markers = sorted(i.marker for i in fakes[Action.RUN_PIPELINE].done.values() if i.proposal.item == "aws")
    assert [marker.rpartition(".")[2] for marker in markers] == ["1", "2"]
    assert len({marker.partition(".")[0] for marker in markers}) == 1
    assert {mail.notice for mail in report.mails} == {"account", "access", "account.2", "access.2"}


async def test_an_unknown_that_can_be_proved_by_now_is_settled_not_repeated(
    settings: Settings, fakes: FakeServices, ana: Profile
) -> None:
    service = fakes[Action.RUN_PIPELINE]
    service.trouble.kinds, service.forgetful = ["drop_after"], True
    async with AgentOps(settings, adapters=fakes.adapters()) as ops:
        first = await ops.onboard(ana, ["aws"])
        assert first.items[0].status is ItemStatus.UNKNOWN
        service.forgetful = False
        report = await ops.wait((await ops.retry(first.run.id)).id)
    assert report.items[0].status is ItemStatus.COMPLETED
    assert service.sends == 1


async def test_disabled_until_the_first_day(tmp_path: Path, settings: Settings, fakes: FakeServices, ana: Profile) -> None:
    policy = tmp_path / "policy.toml"
    text = settings.policy_file.read_text(encoding="utf-8")
    policy.write_text(text.replace("[account]", "[account]\ndisabled_until_start = true"), encoding="utf-8")
    hire = replace(ana, joining_date=date.today() + timedelta(days=10))
    async with AgentOps(replace(settings, policy_file=policy), adapters=fakes.adapters()) as ops:
        run = await ops.submit(hire)
        await until(ops, run, RunStatus.WAITING)
        report = (await ops.report(run.id))[0]
    (created,) = fakes[Action.CREATE_ACCOUNT].done.values()
    assert created.pinned["accountEnabled"] is False
    assert {item.status for item in report.items} == {ItemStatus.COMPLETED}
    assert "until the first working day" in report.run.summary
    assert "entra.enable_account" not in fakes.sends()
