"""The whole flow over fake services: planner graph, agents, ledger, notices, dispatcher."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from agent_ops import (
    AgentOps,
    AgentOpsError,
    Caller,
    EmployeeStatus,
    ItemStatus,
    Profile,
    RunReport,
    RunStatus,
    Settings,
)
from agent_ops.domain.effects import Action, Completed, Intent
from agent_ops.domain.errors import (
    ConfigurationError,
    IdentityConflict,
    InvalidRequest,
    NotFound,
    NotPermitted,
    RunFailed,
    StorageError,
)
from tests.fakes import FakeServices

FOUR = {"aws", "github", "confluence", "database"}


def statuses(report: RunReport) -> dict[str, ItemStatus]:
    return {item.item: item.status for item in report.items}


async def test_a_hire_gets_account_access_and_two_mails(ops: AgentOps, fakes: FakeServices, ana: Profile) -> None:
    report = await ops.onboard(ana)
    assert report.run.status is RunStatus.DONE
    assert report.employee.status is EmployeeStatus.ONBOARDED
    assert report.employee.address == "ana.silva@acme.example"
    assert statuses(report) == dict.fromkeys(FOUR, ItemStatus.COMPLETED)
    assert {(m.notice, m.recipient) for m in report.mails} == {
        ("account", "first@acme.example"),
        ("access", "second@acme.example"),
    }
    assert fakes.sends() == {
        "entra.create_account": 1,
        "entra.set_attributes": 1,
        "jenkins.run_pipeline": 4,
        "mail.send": 2,
    }


async def test_stages_are_ordered_by_commits(ops: AgentOps, ana: Profile) -> None:
    run = await ops.submit(ana)
    events = [event async for event in ops.events(run.id)]
    whats = [(event.kind, event.item, event.status) for event in events]
    account = whats.index(("status", "account", "completed"))
    assert all(whats.index(("action", item, "in_progress")) > account for item in FOUR)
    first_mail = whats.index(("mail", "account", "completed"))
    last_mail = whats.index(("mail", "access", "completed"))
    assert account < first_mail
    assert all(whats.index(("status", item, "completed")) < last_mail for item in FOUR)
    assert [event.at for event in events] == sorted(event.at for event in events)
    assert all(event.at.utcoffset().total_seconds() == 0 and "\n" not in event.message for event in events)  # type: ignore[union-attr]
    assert sum(event.kind == "thought" for event in events) == 2


async def test_a_stage_delay_pauses_before_each_stage(settings: Settings, fakes: FakeServices, ana: Profile) -> None:
    async with AgentOps(replace(settings, stage_delay=0.15), adapters=fakes.adapters()) as ops:
        report = await ops.onboard(ana)
    assert report.run.finished_at is not None
    took = (report.run.finished_at - report.run.created_at).total_seconds()
    assert took >= 3 * 0.15, "account, access and the last mail each wait"


async def test_pipelines_run_side_by_side(
    ops: AgentOps, fakes: FakeServices, ana: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No build ends before all four have begun: one after the other they would never end."""
    begun: set[str] = set()
    all_begun = asyncio.Event()

    async def follow(intent: Intent) -> Completed:
        begun.add(intent.proposal.item)
        if begun == set(FOUR):
            all_begun.set()
        await all_begun.wait()
        return Completed({"build": 1})

    monkeypatch.setattr(fakes[Action.RUN_PIPELINE], "follow", follow)
    report = await asyncio.wait_for(ops.onboard(ana), 60)
    assert report.run.status is RunStatus.DONE


async def test_the_first_contact_hears_of_the_account_before_the_access_is_there(
    ops: AgentOps, fakes: FakeServices, ana: Profile
) -> None:
    fakes[Action.RUN_PIPELINE].seconds = 0.2
    run = await ops.submit(ana)
    whats = [(event.kind, event.item, event.status) async for event in ops.events(run.id)]
    assert whats.index(("mail", "account", "completed")) < whats.index(("status", "aws", "completed"))


async def test_a_failed_pipeline_stops_nobody_else(ops: AgentOps, fakes: FakeServices, ana: Profile) -> None:
    fakes[Action.RUN_PIPELINE].failing_items = {"aws"}
    report = await ops.onboard(ana)
    assert report.run.status is RunStatus.FAILED
    assert report.employee.status is EmployeeStatus.PARTIAL
    assert statuses(report) == {**dict.fromkeys(FOUR, ItemStatus.COMPLETED), "aws": ItemStatus.FAILED}
    aws = next(item for item in report.items if item.item == "aws")
    assert (aws.reason, aws.detail) == ("build 1 ended FAILURE", "the console's tail")
    mail = next(i for i in fakes[Action.SEND_MAIL].done.values() if i.proposal.item == "access")
    assert "3 of 4" in mail.pinned["subject"]
    assert "FAILURE" in mail.pinned["body"]
    assert "the console's tail" in mail.pinned["body"]


async def test_a_failed_account_is_accounted_for(ops: AgentOps, fakes: FakeServices, ana: Profile) -> None:
    fakes[Action.CREATE_ACCOUNT].trouble.kinds = ["refuse"] * 50
    report = await ops.onboard(ana)
    assert report.run.status is RunStatus.FAILED
    assert report.employee.status is EmployeeStatus.FAILED
    assert "is down" in report.employee.reason
    assert statuses(report) == dict.fromkeys(FOUR, ItemStatus.PENDING)
    assert all("no account" in item.reason for item in report.items)
    assert fakes[Action.RUN_PIPELINE].sends == 0
    assert {m.notice for m in report.mails} == {"account", "access"}


async def test_what_is_not_allowed_is_denied_and_the_rest_goes_on(ops: AgentOps, fakes: FakeServices) -> None:
    report = await ops.onboard(Profile("Bo Lee", "Contractors", external_id="E-2"), ["confluence", "aws"])
    assert report.run.status is RunStatus.DONE
    assert statuses(report) == {"confluence": ItemStatus.COMPLETED, "aws": ItemStatus.DENIED}
    assert fakes[Action.RUN_PIPELINE].sends == 1


async def test_groups_come_after_the_account_too(ops: AgentOps, fakes: FakeServices) -> None:
    report = await ops.onboard(Profile("Cy Young", "Data", external_id="E-3"), ["m365", "github"])
    assert report.run.status is RunStatus.DONE
    (added,) = fakes[Action.ADD_TO_GROUP].done.values()
    assert added.pinned["member"] == report.employee.entra_id


async def test_the_same_request_again_is_the_same_run(ops: AgentOps, fakes: FakeServices, ana: Profile) -> None:
    first, second = await ops.onboard(ana), await ops.onboard(ana)
    assert first.run.id == second.run.id
    assert fakes[Action.CREATE_ACCOUNT].sends == 1


async def test_the_same_person_with_other_contents_is_a_conflict(ops: AgentOps, ana: Profile) -> None:
    await ops.submit(ana)
    with pytest.raises(IdentityConflict):
        await ops.submit(replace(ana, team="Data"))
    with pytest.raises(IdentityConflict):
        await ops.submit(ana, ["aws"])
    assert len(await ops.employees()) == 1


async def test_a_name_alone_identifies_nobody_twice(ops: AgentOps) -> None:
    nameless = Profile("Dee Dee", "Sales")
    first = await ops.submit(nameless, idempotency_key="k-1")
    assert (await ops.submit(nameless, idempotency_key="k-1")).id == first.id
    with pytest.raises(IdentityConflict):
        await ops.submit(nameless)
    with pytest.raises(IdentityConflict):
        await ops.submit(nameless, idempotency_key="k-2")
    with pytest.raises(IdentityConflict):
        await ops.submit(Profile("Somebody Else", "Sales", external_id="E-9"), idempotency_key="k-1")


async def test_two_people_of_one_name_are_two_people(ops: AgentOps) -> None:
    reports = [await ops.onboard(Profile("Ana Silva", "Sales", external_id=f"E-{n}")) for n in range(2)]
    assert {report.employee.address for report in reports} == {"ana.silva@acme.example", "ana.silva2@acme.example"}


async def test_a_refused_request_leaves_nothing_behind(ops: AgentOps, ana: Profile) -> None:
    for profile, items in [(replace(ana, team="Astrology"), None), (ana, ["root-shell"]), (ana, "aws")]:
        with pytest.raises(InvalidRequest):
            await ops.submit(profile, items)
    assert await ops.employees() == []


async def test_a_caller_without_the_scope_gets_nothing(settings: Settings, fakes: FakeServices, ana: Profile) -> None:
    async with AgentOps(settings, adapters=fakes.adapters(), caller=Caller("viewer", frozenset({"status"}))) as ops:
        with pytest.raises(NotPermitted):
            await ops.submit(ana)
        assert await ops.employees() == []


async def test_waiting_is_bounded_and_the_unknown_is_told(ops: AgentOps, fakes: FakeServices, ana: Profile) -> None:
    fakes[Action.RUN_PIPELINE].seconds = 0.5
    run = await ops.submit(ana)
    with pytest.raises(RunFailed, match="has not ended"):
        await ops.wait(run.id, timeout=0.05)
    assert (await ops.wait(run.id)).run.status is RunStatus.DONE
    with pytest.raises(NotFound):
        await ops.wait("nowhere")
    with pytest.raises(NotFound):
        await ops.report("Nobody Atall")


async def test_an_unfinished_run_is_taken_up_by_the_next_process(settings: Settings, fakes: FakeServices, ana: Profile) -> None:
    fakes[Action.RUN_PIPELINE].seconds = 30
    async with AgentOps(settings, adapters=fakes.adapters()) as ops:
        run = await ops.submit(ana)
        async for event in ops.events(run.id):
            if event.kind == "action" and event.agent == "jenkins":
                break
    fakes[Action.RUN_PIPELINE].seconds = 0
    async with AgentOps(settings, adapters=fakes.adapters()) as ops:
        report = await ops.wait(run.id, timeout=60)
    assert report.run.status is RunStatus.DONE
    assert len(fakes[Action.RUN_PIPELINE].done) == 4
    assert fakes[Action.CREATE_ACCOUNT].sends == 1


async def test_fifty_at_once_with_few_drivers_queue_and_all_end(settings: Settings, fakes: FakeServices) -> None:
    async with AgentOps(replace(settings, concurrency=5), adapters=fakes.adapters()) as ops:
        hires = [Profile(f"Hire {n}", "Engineering", external_id=f"E-{n}") for n in range(50)]
        reports = await asyncio.gather(*(ops.onboard(hire) for hire in hires))
    assert {report.run.status for report in reports} == {RunStatus.DONE}
    assert fakes.sends() == {
        "entra.create_account": 50,
        "entra.set_attributes": 50,
        "jenkins.run_pipeline": 200,
        "mail.send": 100,
    }


async def test_a_mail_that_cannot_be_delivered_is_told_and_holds_nothing(
    ops: AgentOps, fakes: FakeServices, ana: Profile
) -> None:
    fakes[Action.SEND_MAIL].trouble.kinds = ["refuse"] * 50
    report = await ops.onboard(ana)
    assert report.run.status is RunStatus.DONE
    assert [mail.delivered for mail in report.mails] == [False, False]
    assert "the access mail was not delivered" in report.run.summary
    assert "is down" in report.run.summary


async def test_leaving_at_once_strands_no_run(settings: Settings, fakes: FakeServices) -> None:
    runs = []
    for n in range(12):
        async with AgentOps(settings, adapters=fakes.adapters()) as ops:
            runs.append(await ops.submit(Profile(f"Hire {n}", "Sales", external_id=f"Q-{n}")))
    async with AgentOps(settings, adapters=fakes.adapters()) as ops:
        reports = [await ops.wait(run.id, timeout=60) for run in runs]
    assert {report.run.status for report in reports} == {RunStatus.DONE}
    assert fakes[Action.CREATE_ACCOUNT].sends == 12


async def test_a_lease_that_no_call_can_fit_into_is_refused(settings: Settings, fakes: FakeServices) -> None:
    with pytest.raises(ConfigurationError, match="too short"):
        async with AgentOps(replace(settings, lease=0.3), adapters=fakes.adapters()):
            pass


async def test_misuse_is_told_in_words(settings: Settings, fakes: FakeServices, ana: Profile) -> None:
    ops = AgentOps(settings, adapters=fakes.adapters())
    with pytest.raises(AgentOpsError, match="not open"):
        await ops.submit(ana)
    async with ops:
        with pytest.raises(InvalidRequest, match="must be a Profile"):
            await ops.submit("Ana Silva")  # type: ignore[arg-type]
        with pytest.raises(InvalidRequest, match="idempotency_key"):
            await ops.submit(ana, idempotency_key="")
    for late in (ops.submit(ana), ops.wait("x"), ops.__aenter__()):
        with pytest.raises(AgentOpsError):
            await late


async def test_a_finished_run_leaves_no_checkpoints(ops: AgentOps, ana: Profile) -> None:
    report = await ops.onboard(ana)
    saver = ops._system.checkpoints
    assert [c async for c in saver.alist({"configurable": {"thread_id": report.run.id}})] == []


async def test_the_log_says_what_happened_and_no_name(settings: Settings, fakes: FakeServices, ana: Profile) -> None:
    log = settings.data_dir / "agent-ops.log"
    async with AgentOps(replace(settings, log_file=log), adapters=fakes.adapters()) as ops:
        await ops.onboard(ana)
    written = log.read_text(encoding="utf-8")
    assert '"event": "run_driven"' in written
    assert "Silva" not in written


async def test_a_database_that_fails_in_the_middle_is_told_to_whoever_waits(
    settings: Settings, fakes: FakeServices, ana: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with AgentOps(settings, adapters=fakes.adapters()) as ops:
        store, transaction = ops._system.store, ops._system.store.transaction

        async def full(work):  # type: ignore[no-untyped-def]
            if fakes[Action.CREATE_ACCOUNT].done:
                raise StorageError("the disk is full")
            return await transaction(work)

        monkeypatch.setattr(store, "transaction", full)
        with pytest.raises(StorageError, match="the disk is full"):
            await asyncio.wait_for(ops.onboard(ana), 60)
        monkeypatch.undo()
    async with AgentOps(settings, adapters=fakes.adapters()) as ops:
        report = await ops.wait((await ops.submit(ana)).id, timeout=60)
    assert report.run.status is RunStatus.DONE
    assert [fakes[action].sends for action in (Action.CREATE_ACCOUNT, Action.RUN_PIPELINE)] == [1, 4]


async def test_clearing_a_stored_address_keeps_the_link_to_the_account(
    settings: Settings, fakes: FakeServices, ana: Profile
) -> None:
    fakes[Action.RUN_PIPELINE].failing_items = {"aws"}
    caller = Caller("admin", frozenset({"onboard", "delete"}))
    async with AgentOps(settings, adapters=fakes.adapters(), caller=caller) as ops:
        first = await ops.onboard(ana)
        cleared = await ops.clear_address("Ana Silva")
        assert (cleared.address, cleared.entra_id) == ("", first.employee.entra_id)
        assert (await ops.submit(ana)).id == first.run.id
        again = await ops.wait((await ops.retry(first.run.id)).id)
        namesake = await ops.onboard(replace(ana, external_id="E-another"))
    assert again.employee.entra_id == first.employee.entra_id
    assert "address, which was cleared" in next(i.reason for i in again.items if i.item == "aws")
    assert fakes[Action.CREATE_ACCOUNT].sends == 2  # Ana's, and her namesake's
    assert namesake.employee.address == "ana.silva2@acme.example"
    async with AgentOps(settings, adapters=fakes.adapters()) as ops:
        with pytest.raises(NotPermitted):
            await ops.clear_address("Ana Silva")
