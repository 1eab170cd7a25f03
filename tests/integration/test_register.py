"""The register: lists by page, and statuses that somebody asserts by hand, which nothing heeds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from agent_ops import AgentOps, Caller, EmployeeStatus, ItemStatus, Profile, RunStatus, Settings
from agent_ops.domain.effects import Action
from agent_ops.domain.errors import Ambiguous, InvalidRequest, NotFound, NotPermitted
from agent_ops.domain.grants import SCOPES
from agent_ops.domain.standing import Said, Wanted
from tests.bytes import hits
from tests.fakes import FakeServices

CLERK = Caller("clerk", frozenset(SCOPES))


def people(number: int) -> list[Profile]:
    return [
        Profile(f"Ana {name}", "Engineering", external_id=f"E-{name}")
        for name in ["Alba", "Bento", "Costa", "Dias", "Esteves"][:number]
    ]


async def test_pages_come_to_the_whole_list(ops: AgentOps) -> None:
    runs = [await ops.onboard(profile, ["github"]) for profile in people(5)]
    whole = await ops.people()
    assert [s.employee.profile.name for s in whole] == [p.name for p in people(5)]
    assert [s.run.id for s in whole if s.run] == [r.run.id for r in runs]
    assert whole[0].item_statuses == {"github": ItemStatus.COMPLETED}
    paged, cursor = [], None
    while page := await ops.people(Wanted(cursor=cursor, limit=2)):
        assert len(page) <= 2
        paged += page
        cursor = page[-1].employee.id
    assert paged == whole
    newest = await ops.runs(Wanted(limit=2))
    assert [run.id for run in newest] == [runs[4].run.id, runs[3].run.id]
    assert [run.id for run in await ops.runs(Wanted(cursor=newest[-1].id))] == [r.run.id for r in runs[2::-1]]


async def test_lists_are_filtered(ops: AgentOps) -> None:
    await ops.onboard(Profile("Ana Silva", "Engineering", external_id="E-1"), ["github"])
    data = await ops.onboard(Profile("Bo Berg", "Data", external_id="E-2"), ["database"])
    assert [s.employee.id for s in await ops.people(Wanted(team="data"))] == [data.employee.id]
    assert len(await ops.people(Wanted(status="onboarded"))) == 2
    assert await ops.people(Wanted(status="failed")) == []
    assert [r.id for r in await ops.runs(Wanted(employee=data.employee.id))] == [data.run.id]
    assert await ops.runs(Wanted(status="queued")) == []


@pytest.mark.parametrize("cursor", ["nobody", "%", "' OR 1=1 --", ""])
async def test_a_cursor_that_names_nobody_is_no_page(ops: AgentOps, cursor: str) -> None:
    with pytest.raises(NotFound):
        await ops.people(Wanted(cursor=cursor))
    with pytest.raises(NotFound):
        await ops.runs(Wanted(cursor=cursor))


async def test_an_assertion_is_shown_and_heeded_by_nothing(ops: AgentOps, fakes: FakeServices) -> None:
    clerk = ops.on_behalf_of(CLERK)
    fakes[Action.RUN_PIPELINE].failing_items = {"github"}
    report = await ops.onboard(Profile("Ana Silva", "Engineering", external_id="E-1"), ["github", "aws"])
    assert report.run.status is RunStatus.FAILED
    said = Said(EmployeeStatus.ONBOARDED, {"github": ItemStatus.COMPLETED}, "seen on Ana's screen")
    standing = await clerk.assert_status("ana silva", said)
    assert (standing.status, standing.item_statuses["github"]) == (EmployeeStatus.ONBOARDED, ItemStatus.COMPLETED)
    assert {(one.item, one.by, one.reason) for one in standing.assertions} == {
        ("", "clerk", "seen on Ana's screen"),
        ("github", "clerk", "seen on Ana's screen"),
    }
    (known,) = await ops.report(report.employee.id)
    assert (known.employee.status, known.items) == (report.employee.status, report.items)
    fakes[Action.RUN_PIPELINE].failing_items = set()
    again = await ops.wait((await ops.retry(report.run.id)).id, timeout=60)
    assert "github" in {item.item for item in again.items if item.status is ItemStatus.COMPLETED}, "it was given all the same"
    standing = await ops.person(report.employee.id)
    assert standing.assertions == (), "the ledger has news since"


async def test_who_may_say_what(ops: AgentOps) -> None:
    report = await ops.onboard(Profile("Ana Silva", "Engineering", external_id="E-1"), ["github"])
    await ops.onboard(Profile("Ana Silva", "Data", external_id="E-2"), ["database"])
    said, clerk = Said(EmployeeStatus.FAILED), ops.on_behalf_of(CLERK)
    with pytest.raises(NotPermitted):
        await ops.assert_status(report.employee.id, said)
    with pytest.raises(Ambiguous) as refused:
        await clerk.assert_status("Ana Silva", said)
    assert report.employee.id in refused.value.candidates
    for nothing in (
        Said(),
        Said(EmployeeStatus.ERASED),
        Said(items={"moon": ItemStatus.COMPLETED}),
        replace(said, reason="x" * 501),
    ):
        with pytest.raises(InvalidRequest):
            await clerk.assert_status(report.employee.id, nothing)
    with pytest.raises(NotFound):
        await clerk.assert_status("%", said)
    assert [s.status for s in await ops.people()] == [EmployeeStatus.ONBOARDED] * 2


async def test_nothing_that_was_said_of_an_erased_person_stays(ops: AgentOps, settings: Settings) -> None:
    clerk = ops.on_behalf_of(CLERK)
    report = await ops.onboard(Profile("Ana Silva", "Engineering", external_id="E-1"), ["github"])
    await clerk.assert_status(report.employee.id, Said(EmployeeStatus.FAILED, reason="Ana wrote a canary-note"))
    assert hits(settings.data_dir, ["canary-note"])
    await clerk.erase(report.employee.id)
    assert hits(settings.data_dir, ["canary-note"]) == []
    assert await ops.people() == []
    with pytest.raises(NotFound):
        await clerk.assert_status(report.employee.id, Said(EmployeeStatus.FAILED))


async def test_each_caller_has_their_own_hands(ops: AgentOps) -> None:
    reader = ops.on_behalf_of(Caller("reader", frozenset({"status"})))
    with pytest.raises(NotPermitted):
        await reader.submit(Profile("Ana Silva", "Engineering", external_id="E-1"))
    await ops.submit(Profile("Ana Silva", "Engineering", external_id="E-1"))
