"""Breakers: they trip on more than ordinary change, hold what has not begun, and go on when another person says so."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from agent_ops import AgentOps, Breaker, Caller, Profile, Run, RunStatus, Settings
from agent_ops.domain.effects import Action
from agent_ops.domain.errors import InvalidRequest, NotFound, NotPermitted
from tests.conftest import IMPATIENT
from tests.fakes import FakeServices
from tests.limited import ADMIN, ANA, ASKS, BOB, hire, limited, query, until

ANA_ADMIN = Caller(ANA.name, ASKS | {"admin"})
ENDED, HELD = {RunStatus.DONE}, {RunStatus.WAITING}


def mails(fakes: FakeServices) -> list[tuple[str, str]]:
    """Recipient and subject of the mails that tell of a breaker."""
    letters = [intent.pinned for intent in fakes[Action.SEND_MAIL].done.values() if intent.proposal.item.startswith("breaker.")]
    return sorted((letter["recipient"], letter["subject"]) for letter in letters)


async def told(fakes: FakeServices, count: int) -> None:
    while len(mails(fakes)) < count:
        await asyncio.sleep(0.02)


async def burst(ops: AgentOps, count: int, who: str = "Hire") -> list[Run]:
    return [await ops.submit(hire(number, who)) for number in range(count)]


async def the_open_one(ops: AgentOps) -> Breaker:
    (breaker,) = await ops.breakers()
    return breaker


async def close_as(settings: Settings, fakes: FakeServices, caller: Caller, breaker: Breaker) -> Breaker:
    async with AgentOps(settings, adapters=fakes.adapters(), caller=caller) as ops:
        return await ops.close_breaker(breaker.id)


async def all_held(settings: Settings, fakes: FakeServices) -> tuple[list[Run], Breaker]:
    """Ana's burst of five, of which nothing has begun: changes were paused."""
    async with AgentOps(settings, adapters=fakes.adapters(), caller=ANA_ADMIN) as ops:
        await ops.pause()
        runs = await burst(ops, 5)
        await ops.resume()
        await until(ops, runs, HELD)
        return runs, await the_open_one(ops)


async def test_a_burst_holds_its_caller_and_nobody_else(settings: Settings, fakes: FakeServices) -> None:
    calm = limited(settings, burst_requests=4)
    runs, breaker = await all_held(calm, fakes)
    assert (breaker.kind.value, breaker.holds, breaker.tripped_by) == ("burst", ANA.name, (ANA.name,))
    async with AgentOps(calm, adapters=fakes.adapters(), caller=BOB) as ops:
        assert (await ops.onboard(hire(1, "Other"))).run.status is RunStatus.DONE
        assert await until(ops, runs, HELD) == [RunStatus.WAITING] * 5
        report = (await ops.report(runs[0].id))[0]
        assert "breaker 1 holds what os:ana asked for" in report.run.summary
        assert "5 requests within 60 s, where 4 are ordinary" in report.run.summary
        assert "agent-ops breaker close 1" in report.run.summary
    assert fakes.sends()["entra.create_account"] == 1


async def test_what_has_begun_goes_on(settings: Settings, fakes: FakeServices) -> None:
    calm = limited(settings, burst_requests=3)
    fakes[Action.RUN_PIPELINE].seconds = 0.5
    async with AgentOps(calm, adapters=fakes.adapters(), caller=ANA) as ops:
        begun = await burst(ops, 3)
        while len(fakes[Action.CREATE_ACCOUNT].done) < 3:
            await asyncio.sleep(0.01)
        late = await ops.submit(hire(9))
        assert await until(ops, [*begun, late], ENDED | HELD) == [*[RunStatus.DONE] * 3, RunStatus.WAITING]


async def test_both_contacts_are_told_once(settings: Settings, fakes: FakeServices) -> None:
    calm = limited(settings, burst_requests=4)
    await all_held(calm, fakes)
    async with AgentOps(calm, adapters=fakes.adapters(), caller=ANA) as ops:
        await ops.submit(hire(7))
        await told(fakes, 2)
    async with AgentOps(calm, adapters=fakes.adapters(), caller=BOB) as ops:
        await ops.onboard(hire(1, "Other"))
    subject = "Breaker 1 tripped: new changes are held"
    assert mails(fakes) == [("first@acme.example", subject), ("second@acme.example", subject)]
    (letter, *_) = [i.pinned["body"] for i in fakes[Action.SEND_MAIL].done.values() if i.pinned["subject"] == subject]
    assert "os:ana" in letter
    assert "agent-ops breaker close 1" in " ".join(letter.split())
    assert "Hire" not in letter


async def test_it_is_audited_and_told_as_an_event(settings: Settings, fakes: FakeServices) -> None:
    calm = limited(settings, burst_requests=4)
    _, breaker = await all_held(calm, fakes)
    await close_as(calm, fakes, ADMIN, breaker)
    rows = query(calm, "SELECT kind, run_id, item FROM audit WHERE kind LIKE 'breaker%' ORDER BY id")
    assert rows == [(kind, breaker.run_id, "breaker.burst.1") for kind in ("breaker_tripped", "breaker_closed")]
    assert query(calm, "SELECT count(*) FROM events WHERE run_id = ? AND message LIKE 'breaker 1 holds%'", breaker.run_id) == [
        (1,)
    ]


async def test_a_restarted_process_holds_the_same_runs(settings: Settings, fakes: FakeServices) -> None:
    calm = limited(settings, burst_requests=4)
    runs, breaker = await all_held(calm, fakes)
    query(calm, "UPDATE runs SET wake_at = 0, status = 'queued'")
    async with AgentOps(calm, adapters=fakes.adapters(), caller=BOB) as ops:
        assert await until(ops, runs, HELD) == [RunStatus.WAITING] * 5
        assert [found.id for found in await ops.breakers()] == [breaker.id]
    assert "entra.create_account" not in fakes.sends()


async def test_every_way_in_is_held(settings: Settings, fakes: FakeServices) -> None:
    """Submitted, planned and applied, retried, undone."""
    calm = limited(settings, burst_requests=4)
    fakes[Action.RUN_PIPELINE].failing_items = {"confluence"}
    async with AgentOps(calm, adapters=fakes.adapters(), caller=ANA) as ops:
        failed, done = await ops.onboard(hire(90)), await ops.onboard(hire(91))
        plan = await ops.plan(hire(92))
        fakes[Action.RUN_PIPELINE].failing_items = set()
    query(calm, "UPDATE admissions SET at = at - 3600")
    await all_held(calm, fakes)
    before = fakes.sends()["entra.create_account"]
    async with AgentOps(calm, adapters=fakes.adapters(), caller=ANA) as ops:
        held = [await ops.retry(failed.run.id), await ops.cancel(done.run.id, undo=True), await ops.apply(plan)]
        assert await until(ops, held, HELD) == [RunStatus.WAITING] * 3
        assert fakes.sends()["entra.create_account"] == before
        assert "entra.disable_account" not in fakes.sends()


async def test_undoing_counts_as_a_request(settings: Settings, fakes: FakeServices) -> None:
    calm = limited(settings, burst_requests=3)
    async with AgentOps(calm, adapters=fakes.adapters(), caller=ANA) as ops:
        ended = [await ops.onboard(hire(number)) for number in range(3)]
        undone = await ops.cancel(ended[0].run.id, undo=True)
        assert await until(ops, [undone], HELD | ENDED) == [RunStatus.WAITING]
        assert (await the_open_one(ops)).run_id == undone.id


async def test_only_another_administrator_closes_it_and_all_goes_on(settings: Settings, fakes: FakeServices) -> None:
    calm = limited(settings, burst_requests=4)
    runs, breaker = await all_held(calm, fakes)
    with pytest.raises(NotPermitted, match=r"os:ana tripped breaker 1.*somebody else.*scope 'admin'.*\[callers\]"):
        await close_as(calm, fakes, ANA_ADMIN, breaker)
    with pytest.raises(NotPermitted, match="os:bob lacks the scope 'admin'"):
        await close_as(calm, fakes, BOB, breaker)
    async with AgentOps(calm, adapters=fakes.adapters(), caller=ADMIN) as ops:
        with pytest.raises(NotFound, match="no breaker 7"):
            await ops.close_breaker(7)
        assert await until(ops, runs, HELD) == [RunStatus.WAITING] * 5
        closed = await ops.close_breaker(breaker.id)
        assert (closed.is_open, closed.closed_by) == (False, "os:admin")
        assert await until(ops, runs, ENDED) == [RunStatus.DONE] * 5
        with pytest.raises(InvalidRequest, match="closed by os:admin"):
            await ops.close_breaker(breaker.id)
        assert await ops.breakers() == []
        assert await ops.breakers(closed=True) == [closed]


async def test_what_a_person_accepted_does_not_count_again(settings: Settings, fakes: FakeServices) -> None:
    calm = limited(settings, burst_requests=4)
    runs, breaker = await all_held(calm, fakes)
    await close_as(calm, fakes, ADMIN, breaker)
    async with AgentOps(calm, adapters=fakes.adapters(), caller=ANA) as ops:
        more = await burst(ops, 4, "More")
        assert await until(ops, [*runs, *more], ENDED) == [RunStatus.DONE] * 9
        await ops.submit(hire(5, "More"))
        assert (await the_open_one(ops)).id == 2


async def test_a_repeat_is_no_request(settings: Settings, fakes: FakeServices, ana: Profile) -> None:
    async with AgentOps(limited(settings, burst_requests=2), adapters=fakes.adapters(), caller=ANA) as ops:
        runs = [await ops.submit(ana) for _ in range(9)]
        assert len({run.id for run in runs}) == 1
        assert await ops.breakers() == []


async def test_an_unusual_share_of_the_directory_holds_everybody(settings: Settings, fakes: FakeServices) -> None:
    small = limited(settings, directory_floor=3, directory_size=10, directory_share=0.4)
    async with AgentOps(small, adapters=fakes.adapters(), caller=ANA_ADMIN) as ops:
        for number in range(4):  # two fifths of ten
            assert (await ops.onboard(hire(number))).run.status is RunStatus.DONE
    async with AgentOps(small, adapters=fakes.adapters(), caller=BOB) as ops:
        bobs = await ops.submit(hire(1, "Bob's"))
        await until(ops, [bobs], HELD)
        await told(fakes, 2)
        breaker = await the_open_one(ops)
    assert (breaker.kind.value, breaker.holds, breaker.tripped_by) == ("directory", "", (BOB.name, ANA.name))
    async with AgentOps(small, adapters=fakes.adapters(), caller=Caller("os:eve", ASKS)) as ops:
        eves = await ops.submit(hire(1, "Eve's"))
        await until(ops, [eves], HELD)
        assert "new hires of everybody" in (await ops.report(eves.id))[0].run.summary
    assert fakes.sends()["entra.create_account"] == 4
    with pytest.raises(NotPermitted, match="os:ana tripped breaker 1"):  # whose run did not, but who made most of them
        await close_as(small, fakes, ANA_ADMIN, breaker)
    async with AgentOps(small, adapters=fakes.adapters(), caller=ADMIN) as ops:
        await ops.close_breaker(breaker.id)
        assert await until(ops, [bobs, eves], ENDED) == [RunStatus.DONE] * 2
    assert len(mails(fakes)) == 2


async def test_a_small_company_can_hire_up_to_the_floor(settings: Settings, fakes: FakeServices) -> None:
    async with AgentOps(limited(settings, directory_floor=5), adapters=fakes.adapters(), caller=ANA) as ops:
        runs = await burst(ops, 5)
        assert await until(ops, runs, ENDED) == [RunStatus.DONE] * 5
        assert await ops.breakers() == []


async def test_a_mail_about_a_breaker_that_cannot_go_goes_later(settings: Settings, fakes: FakeServices) -> None:
    calm = limited(replace(settings, patience=replace(IMPATIENT, give_up=60.0, tries=2)), burst_requests=4)
    fakes[Action.SEND_MAIL].trouble.kinds = ["refuse"] * 5
    await all_held(calm, fakes)
    async with AgentOps(calm, adapters=fakes.adapters()):
        await told(fakes, 2)
    ids = {intent.pinned["message_id"] for intent in fakes[Action.SEND_MAIL].done.values()}
    assert len(ids) == 2
