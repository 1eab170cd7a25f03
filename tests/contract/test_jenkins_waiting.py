"""How the Jenkins effector waits: for what, in words; for how long; without holding anything; and until when."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from agent_ops.domain.effects import Completed, Failed, Waiting
from agent_ops.domain.errors import ServiceError
from agent_ops.effectors.jenkins import JenkinsEffector
from agent_ops.sandbox import Fault, FaultKind
from agent_ops.sandbox.jenkins import Outcome
from agent_ops.transport.pacing import Pace
from tests.contract.jenkins_bench import Bench, served
from tests.contract.jenkins_effects import JOB, accepted, effector_on, ended, intent, later

HOURS = 6 * 3600.0


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with served(tmp_path / "records.db") as bench:
        yield bench


@pytest.fixture
async def effector(bench: Bench) -> AsyncIterator[JenkinsEffector]:
    """One that looks once and then lets go."""
    async with effector_on(bench, attentive=0.0, lost=0.0) as made:
        yield made


async def waiting(effector: JenkinsEffector, timeout: float = HOURS) -> Waiting:
    answer = await effector.follow(await accepted(effector, intent(timeout=timeout)))
    assert isinstance(answer, Waiting)
    return answer


@pytest.mark.parametrize(
    ("why", "stuck", "verb"),
    [
        ("Waiting for next available executor", False, "waits"),
        ("There are no nodes with the label ‘linux’", True, "is stuck"),
        ("Build #3 is already in progress (ETA: 2 min)", False, "waits"),
    ],
)
async def test_an_item_that_cannot_start_is_told_in_the_queues_words(
    bench: Bench, effector: JenkinsEffector, why: str, stuck: bool, verb: str
) -> None:
    bench.twin.hold(JOB, why, stuck=stuck)
    assert (await waiting(effector)).reason == f"{JOB} {verb} in the queue (item 1): {why}"


async def test_the_quiet_period_and_quieting_down_are_told(bench: Bench, effector: JenkinsEffector) -> None:
    bench.twin.set_quiet_period(30)
    assert "in the queue (item 1): In the quiet period. Expires in" in (await waiting(effector)).reason
    bench.twin.set_quiet_period(0)
    bench.twin.quiet_down(True)
    assert "in the queue (item 2): Jenkins is about to shut down" in (await waiting(effector)).reason
    assert len(bench.effects()) == 2


async def test_an_item_that_is_cancelled_has_failed(bench: Bench, effector: JenkinsEffector) -> None:
    bench.twin.set_quiet_period(30)
    made = await accepted(effector, intent())
    await bench.post("/queue/cancelItem?id=1")
    assert await effector.follow(made) == Failed(f"{JOB} was cancelled in the queue (item 1)")


async def test_a_build_that_is_paused_for_input_is_told_and_goes_on_when_somebody_proceeds(
    bench: Bench, effector: JenkinsEffector
) -> None:
    bench.twin.set_outcome(Outcome(JOB, paused_for_input=True))
    made = await accepted(effector, intent(timeout=HOURS))
    answer = await effector.follow(made)
    assert isinstance(answer, Waiting)
    assert answer.reason == f"build 1 of {JOB} is paused for input"
    await bench.post("/job/provisioning/job/aws/1/input/Proceed/proceedEmpty")
    assert isinstance(await effector.follow(later(made, answer)), Completed)


async def test_a_pause_that_outlasts_the_time_out_has_failed_and_says_so(bench: Bench, effector: JenkinsEffector) -> None:
    bench.twin.set_outcome(Outcome(JOB, paused_for_input=True))
    made = await accepted(effector, intent(timeout=HOURS))
    answer = await effector.follow(replace(made, opened_at=intent(age=HOURS + 1).opened_at))
    assert answer == Failed(f"no result after {HOURS:.0f} s: build 1 of {JOB} is paused for input")


async def test_without_the_stage_view_plugin_a_paused_build_is_one_that_runs(bench: Bench, effector: JenkinsEffector) -> None:
    bench.twin.stage_view = False
    bench.twin.set_outcome(Outcome(JOB, paused_for_input=True))
    assert (await waiting(effector)).reason == f"build 1 of {JOB} runs"


async def test_a_long_build_is_followed_for_a_while_and_then_let_go(bench: Bench) -> None:
    bench.twin.set_seconds(JOB, 3600)
    async with effector_on(bench, attentive=2.0) as effector:
        made = await accepted(effector, intent(timeout=HOURS))
        answer = await asyncio.wait_for(effector.follow(made), 60)
        assert isinstance(answer, Waiting)
        looks = [call for call in bench.records.calls("jenkins") if "/1/api/json" in call.path]
        assert len(looks) >= 3, "it looked at pace before"
        again = await effector.follow(later(made, answer, seconds=100))
        assert isinstance(again, Waiting)
        assert len([call for call in bench.records.calls("jenkins") if "/1/api/json" in call.path]) == len(looks) + 1


@pytest.mark.parametrize(("age", "least", "most"), [(60, 4.7, 4.9), (600, 47, 49), (HOURS / 2, 299, 301), (HOURS - 100, 99, 100)])
async def test_the_pause_grows_with_the_time_waited_and_ends_with_the_time_out(
    bench: Bench, effector: JenkinsEffector, age: float, least: float, most: float
) -> None:
    bench.twin.set_seconds(JOB, 2 * HOURS)
    made = await accepted(effector, intent(timeout=HOURS))
    answer = await effector.follow(replace(made, opened_at=intent(age=age).opened_at))
    assert isinstance(answer, Waiting)
    assert least <= answer.seconds <= most


async def test_the_time_out_counts_from_the_intents_opening(bench: Bench, effector: JenkinsEffector) -> None:
    bench.twin.set_seconds(JOB, 3600)
    made = await accepted(effector, intent(timeout=HOURS))
    answer = await effector.follow(replace(made, opened_at=intent(age=HOURS).opened_at))
    assert answer == Failed(f"no result after {HOURS:.0f} s: build 1 of {JOB} runs")


async def test_the_build_number_is_kept_so_that_the_queue_item_may_be_forgotten(bench: Bench, effector: JenkinsEffector) -> None:
    bench.twin.set_seconds(JOB, 3600)
    made = await accepted(effector, intent(timeout=HOURS))
    answer = await effector.follow(made)
    assert isinstance(answer, Waiting)
    assert answer.handle == {"queue_id": 1, "build": 1}
    assert made.handle == {"queue_id": 1}, "the intent is the ledger's, and not changed here"
    before = len(list(bench.records.calls("jenkins")))
    await effector.follow(later(made, answer))
    asked = [call.path for call in list(bench.records.calls("jenkins"))[before:]]
    assert [path for path in asked if "/queue/" in path or "allBuilds" in path] == []


async def test_a_jenkins_that_cannot_be_read_is_waited_for_until_the_time_out(bench: Bench, effector: JenkinsEffector) -> None:
    bench.twin.set_seconds(JOB, 0.0)
    made = await accepted(effector, intent(timeout=HOURS))
    bench.faults.add(Fault("jenkins", FaultKind.STATUS, method="GET", status=502))
    answer = await effector.follow(made)
    assert isinstance(answer, Waiting)
    assert answer.reason.startswith("the result cannot be read now: Jenkins: answered 502")
    with pytest.raises(ServiceError, match="502"):  # it may be done: the ledger must not call it failed
        await effector.follow(replace(made, opened_at=intent(age=HOURS).opened_at))
    bench.faults.clear()
    assert isinstance(await effector.follow(later(made, answer)), Completed)


@pytest.mark.parametrize("counts", [True, False])
async def test_unstable_is_success_only_where_the_catalogue_says_so(
    bench: Bench, effector: JenkinsEffector, counts: bool
) -> None:
    bench.twin.set_outcome(Outcome(JOB, {}, "UNSTABLE", ("2 of 90 checks failed",)))
    answer = await ended(effector, await accepted(effector, intent(unstable_is_success=counts)))
    if counts:
        assert isinstance(answer, Completed)
        assert answer.result["result"] == "UNSTABLE"
    else:
        assert isinstance(answer, Failed)
        assert answer.reason == f"build 1 of {JOB} ended UNSTABLE"
        assert "2 of 90 checks failed" in answer.detail


async def test_other_bad_endings_never_count_as_success(bench: Bench, effector: JenkinsEffector) -> None:
    for result in ("FAILURE", "ABORTED", "NOT_BUILT"):
        bench.twin.set_outcome(Outcome(JOB, {}, result))
        assert isinstance(await ended(effector, await accepted(effector, intent(unstable_is_success=True))), Failed)


async def test_many_waiters_hold_no_thread(bench: Bench) -> None:
    """More builds than threads: each look takes one for a moment only."""
    bench.twin.set_seconds(JOB, 3600)
    async with effector_on(bench, threads=2, attentive=0.0, pace=Pace(longest=0.05)) as effector:
        made = [await accepted(effector, intent(timeout=HOURS)) for _ in range(12)]
        answers = await asyncio.wait_for(asyncio.gather(*map(effector.follow, made)), 60)
    assert all(isinstance(answer, Waiting) for answer in answers)
