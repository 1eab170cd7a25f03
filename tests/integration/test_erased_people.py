"""What stays of an erased person keeps its promises: no second account, no address given twice, nothing written any more."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from langgraph.checkpoint.base import empty_checkpoint

from agent_ops import AgentOps, Caller, EmployeeStatus, ItemStatus, Profile, RunStatus, Settings
from agent_ops.domain.access import AccessItem
from agent_ops.domain.effects import Action, EffectState
from agent_ops.domain.errors import IdentityConflict, InvalidRequest, LeaseLost, NotFound, NotPermitted
from agent_ops.runtime.backup import back_up, restore
from agent_ops.storage import Tx
from tests.bytes import hits
from tests.fakes import FakeServices
from tests.integration.test_erasure import ERASER, chain_is_whole

ADMIN = Caller("admin")


def hire(name: str, external_id: str = "") -> Profile:
    return Profile(name, "Engineering", level="L2", location="Lisbon", external_id=external_id or name)


def opened(settings: Settings, fakes: FakeServices) -> AgentOps:
    return AgentOps(settings, caller=ERASER, adapters=fakes.adapters())


async def test_a_person_is_erased_by_name_address_run_or_id_and_only_once(settings: Settings, fakes: FakeServices) -> None:
    async with opened(settings, fakes) as ops:
        for wanted in ("name", "address", "run", "id"):
            report = await ops.onboard(hire(f"Wanted By{wanted}"))
            words = {"name": f"wanted BY{wanted}", "address": report.employee.address or "", "run": report.run.id}
            word = words.get(wanted, report.employee.id)
            first, again = await ops.erase(word), await ops.erase(word)
            assert (first.employee_id, first.already) == (report.employee.id, False)
            assert (again.employee_id, again.already) == (report.employee.id, True)
    with closing(sqlite3.connect(settings.data_dir / "operations.db")) as db:
        assert db.execute("SELECT count(*) FROM audit WHERE kind = 'erased'").fetchone() == (4,)
    assert chain_is_whole(settings.data_dir)


async def test_whom_nobody_may_erase(settings: Settings, fakes: FakeServices) -> None:
    async with AgentOps(settings, adapters=fakes.adapters()) as ops:
        report = await ops.onboard(hire("Una Untouched"))
        with pytest.raises(NotPermitted, match="'erase'"):
            await ops.erase(report.employee.id)
    async with opened(settings, fakes) as ops:
        await ops.onboard(hire("Una Untouched", "another"))
        with pytest.raises(InvalidRequest, match="2 employees are called"):
            await ops.erase("Una Untouched")
        with pytest.raises(NotFound):
            await ops.erase("Nobody Here")
        assert (await ops.report(report.employee.id))[0].employee == report.employee


async def test_a_run_that_goes_on_is_cancelled_first(settings: Settings, fakes: FakeServices) -> None:
    async with opened(settings, fakes) as ops:
        run = await ops.submit(hire("Walter Waiting"), run_after=date.today() + timedelta(days=9))
        with pytest.raises(InvalidRequest, match=f"agent-ops cancel {run.id}"):
            await ops.erase("Walter Waiting")
        await ops.cancel(run.id)
        await ops.erase("Walter Waiting")
    assert hits(settings.data_dir, ["Walter"]) == []


async def test_a_call_that_is_on_its_way_is_waited_for(settings: Settings, fakes: FakeServices) -> None:
    """Its answer would tell of the person again."""
    answered = asyncio.Event()
    create = fakes[Action.CREATE_ACCOUNT].send

    async def held_up(intent: object) -> object:
        await answered.wait()
        return await create(intent)  # type: ignore[arg-type]

    fakes[Action.CREATE_ACCOUNT].send = held_up  # type: ignore[method-assign,assignment]
    fakes[Action.CREATE_ACCOUNT].call_timeout = 5.0  # type: ignore[misc]
    async with opened(settings, fakes) as ops:
        run = await ops.submit(hire("Flora Flying"))
        while not (await ops.report(run.id))[0].account:
            await asyncio.sleep(0.01)
        await ops.cancel(run.id)
        with pytest.raises(InvalidRequest, match="on its way"):
            await ops.erase(run.id)
        answered.set()
        while (await ops.report(run.id))[0].employee.entra_id is None:
            await asyncio.sleep(0.01)
        await ops.erase(run.id)
    assert hits(settings.data_dir, ["Flora"]) == []


async def test_a_held_run_and_mails_in_the_outbox_end_with_the_person(settings: Settings, fakes: FakeServices) -> None:
    fakes[Action.SEND_MAIL].trouble.kinds = ["refuse"] * 1000
    patient = replace(settings, patience=replace(settings.patience, give_up=600.0, tries=1, mail_wait=0.2))
    async with opened(patient, fakes) as ops:
        report = await ops.onboard(hire("Olga Outbox"))
        assert [mail.delivered for mail in report.mails] == [False, False]
        while True:
            try:
                await ops.erase("Olga Outbox")
                break
            except InvalidRequest as error:  # the outbox tries at this very moment
                assert "on its way" in str(error)
                await asyncio.sleep(0.05)
        sends = fakes[Action.SEND_MAIL].sends
        due = await ops._system.store.read(lambda tx: tx.effects.mails_due(2e10))
        assert due == []
        await ops._system.ledger.deliver_mails()
        assert fakes[Action.SEND_MAIL].sends == sends
        (left,) = await ops.report(report.employee.id)
        assert [(mail.recipient, mail.delivered) for mail in left.mails] == [("", False)] * 2


async def test_the_same_person_again_is_a_conflict_and_changes_nothing(settings: Settings, fakes: FakeServices) -> None:
    asked = hire("Rita Returns", "E-1")
    async with opened(settings, fakes) as ops:
        plan = await ops.plan(hire("Paula Planned", "E-2"))
        done = await ops.submit(asked, idempotency_key="rita's key")
        await ops.wait(done.id)
        planned = await ops.wait((await ops.apply(plan)).id)
        await ops.erase("Rita Returns")
        await ops.erase("Paula Planned")
        sends = fakes.sends()
        by_name = Profile("Rita Returns", "Sales")
        for again, why in ((asked, "erased"), (replace(asked, level="L3"), "erased"), (by_name, "known already")):
            with pytest.raises(IdentityConflict, match=why):
                await ops.submit(again)
            with pytest.raises(IdentityConflict, match=why):
                await ops.plan(again)
        with pytest.raises(IdentityConflict, match="Idempotency-Key"):
            await ops.submit(hire("Rolf Reuses"), idempotency_key="rita's key")
        with pytest.raises(IdentityConflict, match="erased"):
            await ops.retry(done.id)
        with pytest.raises(IdentityConflict, match="erased"):
            await ops.cancel(done.id, undo=True)
        assert (await ops.apply(plan)).id == planned.run.id
        assert fakes.sends() == sends


@pytest.mark.parametrize(
    ("first", "second"), [("Ana Arne", "Ana Arne"), ("Carmen Barn", "Carmen Bam"), ("Carmen Bam", "Carmen Barn")]
)
async def test_nobody_is_given_an_erased_address_nor_one_that_looks_like_it(
    settings: Settings, fakes: FakeServices, first: str, second: str
) -> None:
    async with opened(settings, fakes) as ops:
        erased = await ops.onboard(hire(first, "E-1"))
        await ops.erase(erased.employee.id)
        fakes[Action.CREATE_ACCOUNT].done.clear()  # the directory has forgotten them, too
        other = await ops.onboard(hire(second, "E-2"))
    local = second.lower().replace(" ", ".")
    assert other.employee.address == f"{local}2@acme.example"


async def test_an_address_that_was_a_strangers_is_forgotten_too(settings: Settings, fakes: FakeServices) -> None:
    """It was made of the person's name."""
    fakes[Action.CREATE_ACCOUNT].foreign_addresses = {"stella.stranger@acme.example"}
    async with opened(settings, fakes) as ops:
        report = await ops.onboard(hire("Stella Stranger"))
        assert report.employee.address == "stella.stranger2@acme.example"
        await ops.erase("Stella Stranger")
        assert hits(settings.data_dir, ["stella", "stranger"]) == []
        other = await ops.onboard(hire("Stella Stranger", "another"))
        assert other.employee.address == "stella.stranger3@acme.example"


async def test_who_still_works_for_the_person_writes_into_nothing(settings: Settings, fakes: FakeServices) -> None:
    """Another process may not have noticed yet."""
    async with opened(replace(settings, keep_checkpoints=True), fakes) as ops:
        report = await ops.onboard(hire("Laura Late"))
        system, run, employee = ops._system, report.run.id, report.employee
        effect = (await system.store.read(lambda tx: tx.effects.of_employee(employee.id)))[0]
        await ops.erase(run)

        def late(tx: Tx) -> None:
            tx.logs.event(run, "thought", "Laura was here")
            tx.people.set_items(employee.id, [AccessItem("aws", ItemStatus.FAILED, "Laura"), AccessItem("new", ItemStatus.HELD)])
            tx.people.set_status(employee.id, EmployeeStatus.FAILED, "Laura")
            tx.people.set_account(employee.id, "laura.late@acme.example", "Laura's")
            tx.runs.finish(run, RunStatus.FAILED, "Laura")
            tx.runs.wake_all()

        await system.store.transaction(late)
        with pytest.raises(LeaseLost):
            await system.store.transaction(lambda tx: tx.effects.settle(effect, EffectState.SUCCEEDED, reason="Laura"))
        config = {"configurable": {"thread_id": run, "checkpoint_ns": ""}}
        saved = await system.checkpoints.aput(config, {**empty_checkpoint(), "id": "c"}, {"Laura": 1}, {})  # type: ignore[typeddict-unknown-key]
        await system.checkpoints.aput_writes(saved, [("channel", "Laura")], "task")
        (left,) = await ops.report(run)
        assert left.employee.status is EmployeeStatus.ERASED
        assert left.run.status is RunStatus.DONE
        assert {item.item for item in left.items} == {item.item for item in report.items}
        assert await system.checkpoints.aget_tuple(config) is None
    assert hits(settings.data_dir, ["Laura", "laura.late"]) == []


async def test_a_restore_erases_again_whom_the_backup_knows_and_whom_it_does_not(
    settings: Settings, fakes: FakeServices, tmp_path: Path
) -> None:
    async with opened(settings, fakes) as ops:
        known = await ops.onboard(hire("Bella Backup", "E-1"))
        going = await ops.submit(hire("Greta Goes", "E-3"), run_after=date.today() + timedelta(days=9))
        await back_up(settings.data_dir, tmp_path / "backup")
        newer = await ops.onboard(hire("Nora Newer", "E-2"))
        await ops.cancel(going.id)
        for report in (known, newer):
            await ops.erase(report.employee.id)
        await ops.erase(going.id)
    assert hits(tmp_path / "backup", ["Bella", "Greta"]) != []
    await restore(settings.data_dir, tmp_path / "backup", ADMIN)
    assert hits(settings.data_dir, ["Bella", "Nora Newer", "Greta", "nora.newer"]) == []
    assert chain_is_whole(settings.data_dir)
    fakes[Action.CREATE_ACCOUNT].done.clear()
    async with opened(settings, fakes) as ops:
        for again in (hire("Bella Backup", "E-1"), hire("Nora Newer", "E-2"), Profile("Nora Newer", "Sales")):
            with pytest.raises(IdentityConflict):
                await ops.submit(again)
        assert {report.run.status for report in await ops.employees()} == {RunStatus.DONE, RunStatus.CANCELLED}
        other = await ops.onboard(hire("Nora Newer", "another"))
        assert other.employee.address == "nora.newer2@acme.example"
        assert (await ops.erase(newer.employee.id)).already
    await restore(settings.data_dir, None, ADMIN)


async def test_databases_that_a_restore_moved_aside_are_erased_too(
    settings: Settings, fakes: FakeServices, tmp_path: Path
) -> None:
    async with opened(replace(settings, keep_checkpoints=True), fakes) as ops:
        report = await ops.onboard(hire("Astrid Aside"))
        await back_up(settings.data_dir, tmp_path / "backup")
    await restore(settings.data_dir, tmp_path / "backup", ADMIN)
    (aside,) = settings.data_dir.glob("before-restore-*")
    assert hits(aside, ["Astrid"]) != []
    async with opened(settings, fakes) as ops:
        await ops.erase(report.employee.id)
    assert hits(settings.data_dir, ["Astrid"]) == []


async def test_the_log_never_names_a_person_whatever_breaks(settings: Settings, fakes: FakeServices) -> None:
    async def broken(intent: object) -> object:
        raise RuntimeError(f"a defect: {intent!r}")

    fakes[Action.RUN_PIPELINE].send = broken  # type: ignore[method-assign,assignment]
    logged = replace(settings, log_file=settings.data_dir / "agent-ops.log", log_level="DEBUG")
    async with opened(logged, fakes) as ops:
        report = await ops.onboard(hire("Dora Defect", "HR-defect"))
        assert report.run.status is RunStatus.FAILED
    log = (settings.data_dir / "agent-ops.log").read_text(encoding="utf-8")
    assert "adapter_broke" in log
    assert "RuntimeError" in log
    assert not [word for word in ("Dora", "dora", "defect@", "HR-defect") if word in log]


async def test_the_list_of_the_erased_holds_keyed_hashes_for_its_owner(settings: Settings, fakes: FakeServices) -> None:
    async with opened(settings, fakes) as ops:
        ids = [(await ops.onboard(hire(name))).employee.id for name in ("Lia Listed", "Leo Listed")]
        for employee_id in ids:
            await ops.erase(employee_id)
    path = settings.data_dir / "erased.json"
    assert sorted(entry["employee_id"] for entry in json.loads(path.read_text(encoding="utf-8"))) == sorted(ids)
    assert path.stat().st_mode & 0o077 == 0
    assert list(settings.data_dir.glob("erased.json.*")) == []
