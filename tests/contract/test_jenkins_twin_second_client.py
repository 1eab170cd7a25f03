"""The Jenkins twin as jenkinsapi sees it: a client that follows addresses inside answers and asks in the Python flavour."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agent_ops.sandbox.jenkins import Outcome
from tests.contract.jenkins_bench import TOKEN, USER, Bench, served

Jenkins = pytest.importorskip("jenkinsapi.jenkins").Jenkins
exceptions = pytest.importorskip("jenkinsapi.custom_exceptions")

JOB = "provisioning/aws"


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with served(tmp_path / "records.db") as bench:
        yield bench


def _connect(bench: Bench) -> Any:
    return Jenkins(bench.base_url, username=USER, password=TOKEN, max_retries=0)


async def test_connecting_and_listing(bench: Bench) -> None:
    def walk() -> None:
        client = _connect(bench)
        assert client.version.startswith("2.")
        assert sorted(client.keys()) == ["nightly", "provisioning/aws", "provisioning/deep/er/vpn"]
        assert JOB in client and "provisioning/nope" not in client
        assert list(client[JOB].get_params_list()) == ["REQUEST_ID", "USER", "ROLE"]
        assert client.get_nodes().keys() == ["Built-In Node"]
        assert client.has_plugin("cloudbees-folder")
        assert client[JOB].is_enabled()

    await asyncio.to_thread(walk)


async def test_invoking_and_waiting(bench: Bench) -> None:
    bench.twin.set_quiet_period(0.15)
    bench.twin.set_outcome(Outcome(JOB, {}, "SUCCESS", ("role granted", "done"), seconds=0.2))

    def walk() -> None:
        job = _connect(bench)[JOB]
        item = job.invoke(build_params={"REQUEST_ID": "r-1", "USER": "ann", "NOT_DECLARED": "x"})
        assert item.is_queued() and item.why.startswith("In the quiet period")
        assert item.get_parameters() == {"REQUEST_ID": "r-1", "USER": "ann", "ROLE": ""}
        item.block_until_complete(delay=0.02)
        item.poll()
        build = item.get_build()
        assert build.is_good() and build.get_number() == 1
        assert build.get_params() == {"REQUEST_ID": "r-1", "USER": "ann", "ROLE": ""}
        assert "role granted\ndone\n" in build.get_console()
        assert "".join(build.stream_logs()) == build.get_console()
        assert build.get_causes()[0]["userId"] == USER
        assert job.get_last_good_build().get_number() == 1
        assert job.get_build_dict() == {1: f"{bench.base_url}/job/provisioning/job/aws/1/"}

    await asyncio.to_thread(walk)
    assert [call.effect for call in bench.effects()] == ["jenkins.build"]


async def test_the_queue_and_merging(bench: Bench) -> None:
    bench.twin.set_quiet_period(60)

    def walk() -> None:
        client = _connect(bench)
        first = client[JOB].invoke(build_params={"REQUEST_ID": "r-1"})
        assert client[JOB].invoke(build_params={"REQUEST_ID": "r-1"}).queue_id == first.queue_id
        queue = client.get_queue()
        assert list(queue.keys()) == [first.queue_id]
        assert client[JOB].is_queued() and client[JOB].get_queue_item().queue_id == first.queue_id
        queue.delete_item(first)
        assert len(client.get_queue()) == 0

    await asyncio.to_thread(walk)
    assert [call.effect for call in bench.effects()] == ["jenkins.build", "jenkins.cancel"]


async def test_stopping_and_a_freestyle_job(bench: Bench) -> None:
    bench.twin.set_freestyle(JOB, True)
    bench.twin.set_seconds(JOB, 60)

    def walk() -> None:
        job = _connect(bench)[JOB]
        with pytest.raises(exceptions.NotConfiguredSCM):
            job.get_scm_type()  # reads config.xml
        build = job.invoke(build_params={"REQUEST_ID": "r-1"}).get_build()
        assert build.is_running() and build.get_slave() == ""
        build.stop()
        assert not build.is_running()
        build.poll()
        assert build.get_status() == "ABORTED" and job.get_last_build().get_status() == "ABORTED"

    await asyncio.to_thread(walk)


async def test_a_build_that_waits_for_input(bench: Bench) -> None:
    bench.twin.set_outcome(Outcome(JOB, {}, "SUCCESS", ("plan ready",), paused_for_input=True))

    def walk() -> None:
        build = _connect(bench)[JOB].invoke(build_params={"REQUEST_ID": "r-1"}).get_build()
        assert build.is_running() and "Input requested" in build.get_console()
        (pending,) = build.get_pending_input_actions()
        build.proceed_input(pending["id"])
        assert build.is_good() and build.get_pending_input_actions() == []

    await asyncio.to_thread(walk)


async def test_a_job_without_parameters_and_one_that_is_disabled(bench: Bench) -> None:
    bench.twin.set_disabled(JOB, True)

    def walk() -> None:
        client = _connect(bench)
        assert client["nightly"].invoke(block=True, delay=0.02) is not None
        assert not client[JOB].is_enabled()
        with pytest.raises(exceptions.JenkinsAPIException, match="status=409"):
            client[JOB].invoke(build_params={"REQUEST_ID": "r-1"})

    await asyncio.to_thread(walk)
