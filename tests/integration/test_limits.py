"""Limits over all processes: never more new accounts than the cap, and whoever waits goes on by itself."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from agent_ops import AgentOps, Profile, RunStatus, Settings
from agent_ops.domain.decisions import Decision, Situation, Step
from agent_ops.domain.effects import Action, EffectState, Intent, Proposal
from agent_ops.domain.errors import NotPermitted
from agent_ops.domain.limits import HOUR, Limits
from agent_ops.domain.runs import Request
from agent_ops.ledger.limiter import Limiter
from agent_ops.storage import Store, Tx
from tests.conftest import IMPATIENT
from tests.fakes import FakeServices
from tests.limited import ADMIN, ANA, BOB, an_hour_passes, hire, limited, query, until

OVER = {RunStatus.DONE, RunStatus.WAITING}
CREATE = Proposal("entra", Action.CREATE_ACCOUNT, "account")
BEGAN = datetime(2026, 1, 1, tzinfo=timezone.utc)


async def test_a_run_beyond_the_limit_waits_and_goes_on_by_itself(settings: Settings, fakes: FakeServices) -> None:
    few = limited(settings, accounts_per_hour=3)
    async with AgentOps(few, adapters=fakes.adapters()) as ops:
        runs = [await ops.submit(hire(number)) for number in range(5)]
        statuses = await until(ops, runs, OVER)
        assert statuses.count(RunStatus.DONE) == 3
        waiting = next(run for run, status in zip(runs, statuses, strict=True) if status is RunStatus.WAITING)
        report = (await ops.report(waiting.id))[0]
        assert "the limit of 3 new accounts an hour is reached; there is room at" in report.run.summary
        assert report.run.wake_at is not None
        assert 3500 < (report.run.wake_at - datetime.now(timezone.utc)).total_seconds() < 3700
        assert fakes.sends()["entra.create_account"] == 3
        an_hour_passes(few)
        assert await until(ops, runs, {RunStatus.DONE}) == [RunStatus.DONE] * 5
    assert fakes.sends()["entra.create_account"] == 5


async def test_all_processes_on_a_database_share_the_limit(settings: Settings, fakes: FakeServices) -> None:
    few = limited(settings, accounts_per_hour=4)
    async with (
        AgentOps(few, adapters=fakes.adapters()) as one,
        AgentOps(few, adapters=fakes.adapters(), caller=BOB) as two,
    ):
        runs = [run for n in range(6) for run in (await one.submit(hire(n, "One")), await two.submit(hire(n, "Two")))]
        statuses = await until(one, runs, OVER)
    assert statuses.count(RunStatus.DONE) == len(fakes[Action.CREATE_ACCOUNT].done) == 4


async def test_a_callers_own_limit_leaves_room_for_others(settings: Settings, fakes: FakeServices) -> None:
    few = limited(settings, accounts_per_hour=4, accounts_per_hour_per_caller=3)
    async with AgentOps(few, adapters=fakes.adapters(), caller=ANA) as ops:
        greedy = [await ops.submit(hire(number)) for number in range(5)]
        assert (await until(ops, greedy, OVER)).count(RunStatus.DONE) == 3
        summaries = [(await ops.report(run.id))[0].run.summary for run in greedy]
        assert any("3 new accounts an hour for os:ana" in summary for summary in summaries)
        async with AgentOps(few, adapters=fakes.adapters(), caller=BOB) as other:
            assert (await other.onboard(hire(1, "Other"))).run.status is RunStatus.DONE


async def test_another_try_is_not_another_account(settings: Settings, fakes: FakeServices) -> None:
    few = limited(settings, accounts_per_hour=1)
    fakes[Action.CREATE_ACCOUNT].trouble.kinds = ["refuse", "drop_before", "drop_after"]
    async with AgentOps(few, adapters=fakes.adapters()) as ops:
        assert (await ops.onboard(hire(1))).run.status is RunStatus.DONE
    assert fakes[Action.CREATE_ACCOUNT].sends > 1


async def test_an_account_that_was_refused_takes_nobodys_place(settings: Settings, fakes: FakeServices) -> None:
    few = limited(settings, accounts_per_hour=1)
    fakes[Action.CREATE_ACCOUNT].trouble.kinds = ["refuse"] * IMPATIENT.tries
    async with AgentOps(few, adapters=fakes.adapters()) as ops:
        refused = await ops.onboard(hire(1))
        assert refused.run.status is RunStatus.FAILED
        assert (await ops.onboard(hire(2))).run.status is RunStatus.DONE
        again = await ops.retry(refused.run.id)
        assert await until(ops, [again], {RunStatus.WAITING}) == [RunStatus.WAITING]


async def test_what_was_opened_long_ago_is_not_sent_all_at_once(settings: Settings, fakes: FakeServices) -> None:
    """Intents that no process sent for hours: what counts is when an account can come, not when it was decided."""
    few = limited(replace(settings, patience=replace(IMPATIENT, give_up=3600.0, tries=1)), accounts_per_hour=2)
    fakes[Action.CREATE_ACCOUNT].trouble.kinds = ["refuse"] * 2
    async with AgentOps(few, adapters=fakes.adapters()) as ops:
        early = [await ops.submit(hire(number)) for number in range(2)]
        while fakes[Action.CREATE_ACCOUNT].sends < 2:
            await asyncio.sleep(0.01)
        await until(ops, early, {RunStatus.WAITING})
    query(few, "UPDATE effects SET lands_by = '2020-01-01T00:00:00.000+00:00'")
    query(few, "UPDATE runs SET wake_at = wake_at + 3600")
    async with AgentOps(few, adapters=fakes.adapters()) as ops:
        later = [await ops.onboard(hire(number, "Later")) for number in range(2)]
        assert {report.run.status for report in later} == {RunStatus.DONE}
        query(few, "UPDATE runs SET wake_at = 0")
        while any("limit of 2 new" not in words for words in [(await ops.report(run.id))[0].run.summary for run in early]):
            await asyncio.sleep(0.02)
    assert len(fakes[Action.CREATE_ACCOUNT].done) == 2


async def test_planning_counts_as_nothing_and_trips_nothing(settings: Settings, fakes: FakeServices) -> None:
    few = limited(settings, accounts_per_hour=1, burst_requests=2, directory_floor=1)
    async with AgentOps(few, adapters=fakes.adapters()) as ops:
        for number in range(4):
            plan = await ops.plan(hire(number))
            assert plan.account is not None
            assert plan.account.happens
        assert query(few, "SELECT count(*) FROM admissions") == query(few, "SELECT count(*) FROM breakers") == [(0,)]
        assert (await ops.onboard(hire(9))).run.status is RunStatus.DONE
        assert await ops.breakers(closed=True) == []
        full = await ops.plan(hire(1))
        assert full.account is not None
        assert (full.account.prospect.value, full.account.happens) == ("waiting", True)
        assert query(few, "SELECT count(*) FROM breakers") == [(0,)]


class Greedy:
    """A planner that proposes everything that any tool can do, again and again."""

    asked = 0

    async def decide(self, situation: Situation) -> Decision:
        self.asked += 1
        steps = [
            Step(f"{self.asked}-{n}", agent, "more", tool=tool, arguments=arguments)
            for n, (agent, tool, arguments) in enumerate(self._calls())
        ]
        return Decision("everything", tuple(steps))

    @staticmethod
    def _calls() -> Iterable[tuple[str, str, dict[str, str]]]:
        for tool in ("create_account", "link_account", "set_attributes", "set_manager", "enable_account", "disable_account"):
            yield "entra", tool, {}
        for item in ("aws", "github", "confluence", "m365", "vpn"):
            yield "jenkins", "run_pipeline", {"item": item}
            yield "jenkins", "run_revocation", {"item": item}
            yield "entra", "add_to_group", {"item": item}


async def test_a_run_changes_at_most_what_its_grant_lists_and_asks_its_planner_so_often(
    settings: Settings, fakes: FakeServices
) -> None:
    few, planner = limited(settings, planner_rounds=3), Greedy()
    async with AgentOps(few, adapters=fakes.adapters(), planner=planner) as ops:
        report = await ops.onboard(hire(1))
        grant = await ops._system.ledger.grants.load(report.run.id)
    done = [intent.proposal for service in fakes.services.values() for intent in service.done.values()]
    assert sorted(done) == sorted(grant.effects)  # each once: account, attributes, confluence, two mails
    assert planner.asked == 3
    assert "3 rounds" in " ".join(str(row[0]) for row in query(few, "SELECT message FROM events WHERE kind = 'thought'"))


async def test_a_caller_without_the_scope_is_told_which(settings: Settings, fakes: FakeServices, ana: Profile) -> None:
    async with AgentOps(settings, adapters=fakes.adapters(), caller=ADMIN) as ops:
        with pytest.raises(NotPermitted, match=r"os:admin lacks the scope 'onboard'.*\[callers\]"):
            await ops.submit(ana)


class Hour:
    """The limiter over a real database, with a clock that the test moves."""

    def __init__(self, store: Store, cap: int, own: int) -> None:
        self.store, self.limiter = store, Limiter(Limits(accounts_per_hour=cap, accounts_per_hour_per_caller=own))
        self.waits: dict[int, float] = {}
        self.opened: list[tuple[float, str]] = []

    async def admit(self, number: int, caller: str) -> None:
        def work(tx: Tx) -> None:
            request = Request(hire(number))
            tx.people.insert(f"e{number}", request)
            tx.runs.insert(f"r{number}", f"e{number}", request.event, None)
            tx.admissions.add(f"r{number}", caller, 0.0)

        await self.store.transaction(work)
        self.waits[number] = 0.0

    async def ask(self, number: int, caller: str, now: float) -> None:
        """Open the run's intent if there is room; it lands at once."""
        at = BEGAN + timedelta(seconds=now)

        def work(tx: Tx) -> float | None:
            waiting = self.limiter.no_room(tx, f"r{number}", caller, f"k{number}", at)
            if waiting is not None:
                return waiting.seconds
            intent = Intent(
                f"k{number}", f"r{number}", f"e{number}", CREATE, 1, {}, at, EffectState.OPEN, owner="me", lands_by=at
            )
            tx.effects.open(intent)
            return None

        seconds = await self.store.transaction(work)
        if seconds is None:
            self.opened.append((now, caller))
            del self.waits[number]
        else:
            assert seconds > 0
            self.waits[number] = now + seconds


@hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cap=st.integers(1, 4),
    own=st.integers(1, 3),
    arrivals=st.lists(st.tuples(st.integers(0, 5400), st.sampled_from(["a", "b"])), min_size=1, max_size=14),
    late=st.lists(st.integers(0, 9000), min_size=1, max_size=6),
)
@example(
    cap=1,
    own=1,
    arrivals=[(at, "b") for at in (3155, 331, 4188, 3317, 3904, 776)] + [(at, "a") for at in (4779, 4134, 2308, 4362, 2540)],
    late=[1],
)
def test_no_hour_has_more_accounts_than_the_cap_and_everybody_goes_on(
    cap: int, own: int, arrivals: list[tuple[int, str]], late: list[int]
) -> None:
    """Requests at any times of two callers; whoever waits comes back when told or (no process alive) as late as it likes."""
    asyncio.run(_an_history(cap, own, arrivals, late))


async def _an_history(cap: int, own: int, arrivals: list[tuple[int, str]], late: list[int]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        store = await Store(Path(directory) / "operations.db", b"audit").open()
        try:
            hour = Hour(store, cap, own)
            callers = dict(enumerate(caller for _, caller in arrivals))
            for number, (at, caller) in enumerate(arrivals):
                await hour.admit(number, caller)
                hour.waits[number] = float(at)
            for turn in range(len(arrivals) * 40):
                if not hour.waits:
                    break
                number, due = min(hour.waits.items(), key=lambda wait: (wait[1], wait[0]))
                now = max([due + late[turn % len(late)] * (turn % 3 == 0), *(at for at, _ in hour.opened)])
                await hour.ask(number, callers[number], now)
        finally:
            await store.close()
    assert hour.waits == {}, "somebody never came to its turn"
    assert max(at for at, _ in hour.opened) <= 5400 + len(arrivals) * (HOUR + max(late) + 1), "somebody waited for nothing"
    for bound, mine in ((cap, {"a", "b"}), (own, {"a"}), (own, {"b"})):
        moments = [at for at, caller in hour.opened if caller in mine]
        for end in moments:
            assert sum(end - HOUR < at <= end for at in moments) <= bound
