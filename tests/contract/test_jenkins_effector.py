"""The Jenkins effector where Jenkins is awkward: merged items, forgotten items, discarded builds, restarts, bad endings."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from agent_ops.domain.effects import Accepted, Completed, Failed, Presence
from agent_ops.domain.errors import AccessRefused, ServiceRefused, ServiceUnavailable
from agent_ops.effectors.jenkins import JenkinsEffector
from agent_ops.sandbox import Fault, FaultKind
from agent_ops.sandbox.jenkins import Outcome
from agent_ops.transport.jenkins_login import JenkinsAccount
from tests.contract.jenkins_bench import TOKEN, USER, Bench, served
from tests.contract.jenkins_effects import JOB, FixedLogin, accepted, effector_on, intent


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with served(tmp_path / "records.db") as bench:
        yield bench


@pytest.fixture
async def effector(bench: Bench) -> AsyncIterator[JenkinsEffector]:
    async with effector_on(bench) as made:
        yield made


async def test_a_trigger_that_jenkins_merges_is_the_item_that_waits(bench: Bench, effector: JenkinsEffector) -> None:
    bench.twin.set_quiet_period(30)
    made = intent()
    first, second = await effector.send(made), await effector.send(made)
    assert isinstance(first, Accepted)
    assert isinstance(second, Accepted)
    assert first.handle["queue_id"] == second.handle["queue_id"]
    assert len(bench.effects()) == 1


async def test_a_job_that_is_not_there_is_refused(effector: JenkinsEffector) -> None:
    with pytest.raises(ServiceRefused, match="404"):
        await effector.send(intent("provisioning/nowhere"))


async def test_a_queue_item_that_jenkins_forgot_is_found_by_its_build(bench: Bench, effector: JenkinsEffector) -> None:
    bench.twin.left_item_seconds = 0.0
    made = await accepted(effector, intent())
    done = await effector.follow(made)
    assert isinstance(done, Completed)
    assert done.result["build"] == 1


@pytest.mark.parametrize("result", ["FAILURE", "UNSTABLE", "ABORTED", "NOT_BUILT"])
async def test_a_bad_ending_is_told_with_the_consoles_tail(bench: Bench, effector: JenkinsEffector, result: str) -> None:
    bench.twin.set_outcome(Outcome(JOB, {}, result, tuple(f"line {n}" for n in range(100))))
    ended = await effector.follow(await accepted(effector, intent()))
    assert isinstance(ended, Failed)
    assert ended.reason == f"build 1 of {JOB} ended {result}"
    assert "line 99" in ended.detail
    assert "line 5\n" not in ended.detail
    assert len(ended.detail) <= 2000


async def test_a_build_that_never_ends_fails_after_its_time(bench: Bench, effector: JenkinsEffector) -> None:
    bench.twin.set_seconds(JOB, 3600)
    ended = await effector.follow(await accepted(effector, intent(timeout=0.2)))
    assert isinstance(ended, Failed)
    assert "no result after" in ended.reason


async def test_reads_that_fail_for_a_while_do_not_end_the_wait(bench: Bench, effector: JenkinsEffector) -> None:
    bench.twin.set_seconds(JOB, 0.3)
    made = await accepted(effector, intent())
    for kind in (FaultKind.STATUS, FaultKind.DROP_BEFORE, FaultKind.DROP_AFTER):
        bench.faults.add(Fault("jenkins", kind, method="GET", status=503, times=2))
    assert isinstance(await effector.follow(made), Completed)


async def test_a_restarted_controller_aborts_the_build_and_says_so(bench: Bench, effector: JenkinsEffector) -> None:
    bench.twin.set_seconds(JOB, 3600)
    waiting = asyncio.create_task(effector.follow(await accepted(effector, intent())))
    await asyncio.sleep(0.1)
    bench.twin.restart(resume=False)
    ended = await waiting
    assert isinstance(ended, Failed)
    assert "ABORTED" in ended.reason


async def test_absence_is_not_concluded_where_builds_were_discarded(bench: Bench, effector: JenkinsEffector) -> None:
    made = intent()
    await effector.follow(await accepted(effector, made))
    bench.twin.forget_builds(JOB)
    await effector.follow(await accepted(effector, intent()))
    assert (await effector.look_up(made)).presence is Presence.CANNOT_TELL


async def test_an_older_build_that_is_still_there_proves_absence(bench: Bench, effector: JenkinsEffector) -> None:
    await effector.follow(await accepted(effector, intent()))
    later = replace(intent(), opened_at=datetime.now(timezone.utc) + timedelta(hours=1))
    assert (await effector.look_up(later)).presence is Presence.ABSENT


async def test_a_marker_is_found_behind_hundreds_of_other_builds(bench: Bench, effector: JenkinsEffector) -> None:
    made = await accepted(effector, intent())
    for n in range(230):
        await bench.trigger("provisioning/job/aws", REQUEST_ID=str(n))
    finding = await effector.look_up(made)
    assert finding.presence is Presence.OURS
    assert finding.handle is not None
    assert finding.handle["build"] == 1


async def test_a_thread_that_was_held_up_triggers_nothing_late(bench: Bench) -> None:
    """A thread cannot be stopped: one whose credentials took too long must stop itself before the trigger."""

    class SlowLogin(FixedLogin):
        def _read(self) -> str:
            threading.Event().wait(0.4)
            return super()._read()

    effector = JenkinsEffector({"default": SlowLogin(JenkinsAccount(bench.base_url, USER, TOKEN))}, timeout=0.2)
    with pytest.raises(ServiceUnavailable, match="not asked in time"):
        await effector.send(intent())
    assert bench.effects() == []
    effector.close()


async def test_a_process_that_was_stopped_before_the_trigger_triggers_nothing_late(bench: Bench) -> None:
    """SIGSTOP between the ledger's last word and the trigger: another process may have done the work meanwhile."""
    effector = JenkinsEffector({"default": FixedLogin(JenkinsAccount(bench.base_url, USER, TOKEN))}, timeout=5.0)
    long_ago = datetime.now(timezone.utc) - timedelta(seconds=10)
    with pytest.raises(ServiceUnavailable, match="not asked in time"):
        await effector.send(replace(intent(), lands_by=long_ago))
    assert bench.effects() == []
    in_time = datetime.now(timezone.utc) + timedelta(seconds=effector.call_timeout)
    assert isinstance(await effector.send(replace(intent(), lands_by=in_time)), Accepted)
    effector.close()


async def test_refused_credentials_are_read_again_once(bench: Bench) -> None:
    stale, fresh = JenkinsAccount(bench.base_url, USER, "stale"), JenkinsAccount(bench.base_url, USER, TOKEN)
    login = FixedLogin(stale, fresh)
    effector = JenkinsEffector({"default": login})
    assert isinstance(await effector.send(intent()), Accepted)
    assert login.reads == 2
    effector.close()


async def test_credentials_that_stay_wrong_are_told(bench: Bench) -> None:
    effector = JenkinsEffector({"default": FixedLogin(JenkinsAccount(bench.base_url, USER, "wrong-canary"))})
    with pytest.raises(AccessRefused) as caught:
        await effector.send(intent())
    assert "401" in str(caught.value)
    assert "canary" not in str(caught.value)
    assert bench.effects() == []
    effector.close()


async def test_a_trigger_does_not_wait_for_those_that_search(bench: Bench) -> None:
    bench.faults.add(Fault("jenkins", FaultKind.LATENCY, path=".*queue/api/json", seconds=0.3))
    async with effector_on(bench, threads=2, timeout=1.0) as effector:
        searching = [asyncio.create_task(effector.look_up(intent())) for _ in range(20)]
        while not bench.records.calls("jenkins"):
            await asyncio.sleep(0.01)
        assert isinstance(await effector.send(intent()), Accepted)
        for one in searching:
            one.cancel()
        await asyncio.gather(*searching, return_exceptions=True)
