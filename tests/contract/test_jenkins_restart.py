"""Jenkins restarts in the middle: nothing is triggered twice, nothing that goes on is given up, what is lost is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from agent_ops.domain.effects import Completed, Failed, Presence, Waiting
from agent_ops.domain.errors import ServiceError, ServiceUnavailable
from agent_ops.effectors.jenkins import JenkinsEffector
from agent_ops.sandbox import Fault, FaultKind
from tests.contract.jenkins_bench import Bench, served
from tests.contract.jenkins_effects import JOB, FixedLogin, accepted, account_of, effector_on, ended, intent, later

LONG = 3600.0


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with served(tmp_path / "records.db") as bench:
        yield bench


@pytest.fixture
async def effector(bench: Bench) -> AsyncIterator[JenkinsEffector]:
    async with effector_on(bench, attentive=0.0, lost=0.0) as made:
        yield made


async def test_a_trigger_while_it_is_down_says_that_nothing_was_done(bench: Bench, effector: JenkinsEffector) -> None:
    await bench.restart(LONG)
    with pytest.raises(ServiceUnavailable, match="connection was refused"):
        await effector.send(intent())
    bench.twin.restart(LONG)
    await bench.listener.refuse(0.0)
    await answering(bench)
    with pytest.raises(ServiceUnavailable, match="is starting: Please wait while Jenkins is getting ready to work"):
        await effector.send(intent())
    bench.twin.restart(0.0)
    assert bench.effects() == []


async def answering(bench: Bench) -> None:
    """Until the port is open again."""
    while True:
        try:
            await bench.status("GET", "/")
            return
        except OSError:
            await asyncio.sleep(0.01)


async def test_a_restart_between_trigger_and_end_is_waited_for_in_words(bench: Bench) -> None:
    bench.twin.set_seconds(JOB, 0.5)
    async with effector_on(bench) as effector:
        made = await accepted(effector, intent())
        following = asyncio.create_task(effector.follow(made))
        await bench.restart(0.8)
        done = await asyncio.wait_for(following, 60)
    assert isinstance(done, Completed)
    assert done.result["build"] == 1
    statuses = [call.status for call in bench.records.calls("jenkins")]
    assert 503 in statuses, "it was asked while it started"
    assert len(bench.effects()) == 1


async def test_the_wait_says_that_it_is_down(bench: Bench) -> None:
    async with effector_on(bench, threads=1, attentive=0.0) as effector:
        made = await accepted(effector, intent())
        await bench.restart(LONG)
        cut = await effector.follow(made)  # the one connection that was open
        refused = await effector.follow(made)
    assert isinstance(cut, Waiting)
    assert "cannot be read now: Jenkins: the connection was cut" in cut.reason
    assert isinstance(refused, Waiting)
    assert "cannot be read now: Jenkins: cannot be reached: the connection was refused" in refused.reason


@pytest.mark.parametrize("crash", [True, False])
async def test_a_queue_that_was_saved_is_gone_on_with(bench: Bench, effector: JenkinsEffector, crash: bool) -> None:
    bench.twin.unsaved_seconds = 0.0
    bench.twin.quiet_down(True)
    made = await accepted(effector, intent())
    bench.twin.restart(crash=crash)
    done = await ended(effector, made)
    assert isinstance(done, Completed)
    assert len(bench.effects()) == 1


async def test_a_trigger_that_a_crash_lost_has_failed_in_words_and_is_proved_absent(
    bench: Bench, effector: JenkinsEffector
) -> None:
    bench.twin.quiet_down(True)
    made = await accepted(effector, intent())
    bench.twin.restart(crash=True)
    answer = await effector.follow(made)
    assert answer == Failed(
        f"Jenkins lost the trigger, perhaps when it restarted: {JOB} is neither in the queue nor among the builds"
    )
    assert (await effector.look_up(made)).presence is Presence.ABSENT


async def test_what_is_nowhere_is_lost_only_after_some_time(bench: Bench) -> None:
    bench.twin.quiet_down(True)
    async with effector_on(bench, attentive=0.0, lost=30.0) as effector:
        made = await accepted(effector, intent(timeout=LONG))
        bench.twin.restart(crash=True)
        answer = await effector.follow(made)
        assert isinstance(answer, Waiting)
        assert answer.handle is not None
        assert "neither in the queue nor among the builds" in answer.reason
        since = answer.handle["missing_since"]
        again = await effector.follow(later(made, answer))
        assert isinstance(again, Waiting)
        assert again.handle is not None
        assert again.handle["missing_since"] == since, "the time counts on over pauses"
        over = later(made, Waiting("", 0, {**again.handle, "missing_since": since - 31}))
        assert isinstance(await effector.follow(over), Failed)


@pytest.mark.parametrize("quiet_period", [0, 30])
async def test_the_id_of_a_lost_item_now_belongs_to_another_build(
    bench: Bench, effector: JenkinsEffector, quiet_period: float
) -> None:
    """After a crash Jenkins gives queue ids out again: ours must not adopt somebody else's item or build."""
    bench.twin.set_quiet_period(30)
    made = await accepted(effector, intent())
    bench.twin.restart(crash=True)
    bench.twin.set_quiet_period(quiet_period)
    again = await bench.trigger("provisioning/job/aws", REQUEST_ID="another")
    assert made.handle == {"queue_id": again}
    answer = await effector.follow(made)
    assert isinstance(answer, Failed)
    assert "lost the trigger" in answer.reason


async def test_a_number_of_a_job_that_was_made_anew_is_not_taken_for_ours(bench: Bench, effector: JenkinsEffector) -> None:
    await bench.trigger("provisioning/job/aws", REQUEST_ID="another")
    made = replace(intent(), handle={"queue_id": 77, "build": 1})
    answer = await effector.follow(made)
    assert isinstance(answer, Failed)
    assert "lost the trigger" in answer.reason


async def test_where_builds_were_discarded_the_result_is_told_as_unknown(bench: Bench, effector: JenkinsEffector) -> None:
    """Only an error makes the ledger say `unknown`: Failed would be a lie."""
    made = await accepted(effector, intent())
    bench.twin.restart()
    bench.twin.forget_builds(JOB)
    assert (await effector.look_up(made)).presence is Presence.CANNOT_TELL
    with pytest.raises(ServiceError, match="were discarded") as caught:
        await effector.follow(made)
    assert type(caught.value) is ServiceError, "no other try would help"


async def test_a_build_that_is_missing_in_the_middle_proves_nothing(bench: Bench, effector: JenkinsEffector) -> None:
    for n in range(3):
        await bench.trigger("provisioning/job/aws", REQUEST_ID=str(n))
    made = intent()
    assert (await effector.look_up(made)).presence is Presence.ABSENT
    del bench.twin._controller.jobs[JOB].builds[2]  # as somebody who deletes one build
    assert (await effector.look_up(made)).presence is Presence.CANNOT_TELL


async def test_a_build_that_is_not_listed_yet_is_not_taken_for_absent(bench: Bench) -> None:
    """Between leaving the queue and being listed a build is nowhere for a moment."""
    async with effector_on(bench, settling=0.5) as effector:
        made = intent()
        await effector.send(made)
        bench.faults.add(Fault("jenkins", FaultKind.LAG, seconds=0.3))
        assert (await effector.look_up(made)).presence is Presence.OURS


async def test_a_crumb_that_a_restart_ended_is_fetched_anew_and_ssm_is_left_alone(bench: Bench) -> None:
    login = FixedLogin(account_of(bench))
    async with effector_on(bench, login, threads=1) as effector:
        await effector.send(intent())
        bench.twin.restart()
        await effector.send(intent())
        crumbs = [call for call in bench.records.calls("jenkins") if call.path.startswith("/crumbIssuer")]
        assert len(crumbs) == 2
    assert login.reads == 1
    assert len(bench.effects()) == 2
