"""The Jenkins twin in trouble: restarts, crashes, items that cannot start, permissions and tokens taken away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import jenkins
import pytest

from tests.contract.jenkins_bench import TOKEN, USER, Bench, served

JOB = "provisioning/aws"
LONG = 60.0


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with served(tmp_path / "records.db") as bench:
        yield bench


@pytest.fixture
def client(bench: Bench) -> jenkins.Jenkins:
    return _client(bench)


def _client(bench: Bench, token: str = TOKEN) -> jenkins.Jenkins:
    return jenkins.Jenkins(bench.base_url, username=USER, password=token, timeout=10)


def _run(client: jenkins.Jenkins, job: str, parameters: dict[str, str]) -> int:
    """Trigger and follow the queue item to the build number."""
    item = client.get_queue_item(client.build_job(job, parameters))
    return int(item["executable"]["number"])


@pytest.mark.parametrize(
    ("freestyle", "crash", "resume", "result"),
    [
        (False, False, True, None),
        (False, True, True, None),
        (False, False, False, "ABORTED"),
        (True, False, True, "ABORTED"),
        (True, True, True, "FAILURE"),
    ],
)
async def test_a_restart_lets_pipelines_go_on_and_keeps_the_queue(
    bench: Bench, client: jenkins.Jenkins, freestyle: bool, crash: bool, resume: bool, result: str | None
) -> None:
    bench.twin.set_freestyle(JOB, freestyle)
    bench.twin.unsaved_seconds = 0.0
    finished = await asyncio.to_thread(_run, client, JOB, {"REQUEST_ID": "1"})
    bench.twin.set_seconds(JOB, LONG)
    running = await asyncio.to_thread(_run, client, JOB, {"REQUEST_ID": "2"})
    bench.twin.set_quiet_period(LONG)
    waiting = await asyncio.to_thread(client.build_job, JOB, {"REQUEST_ID": "3"})
    bench.twin.restart(crash=crash, resume=resume)
    results = [(await asyncio.to_thread(client.get_build_info, JOB, n))["result"] for n in (finished, running)]
    assert results == ["SUCCESS", result]
    assert [item["id"] for item in await asyncio.to_thread(client.get_queue_info)] == [waiting]
    with pytest.raises(jenkins.JenkinsException, match="does not exist"):
        await asyncio.to_thread(client.get_queue_item, 1)


async def test_a_crash_loses_what_entered_the_queue_just_before_and_gives_its_id_out_again(
    bench: Bench, client: jenkins.Jenkins
) -> None:
    bench.twin.set_quiet_period(LONG)
    lost = await asyncio.to_thread(client.build_job, JOB, {"REQUEST_ID": "1"})
    bench.twin.restart(crash=True)
    assert await asyncio.to_thread(client.get_queue_info) == []
    assert await asyncio.to_thread(_client(bench).build_job, JOB, {"REQUEST_ID": "2"}) == lost


async def test_while_it_starts_everything_is_503_and_a_page(bench: Bench) -> None:
    before = await bench.get("/crumbIssuer/api/json")
    bench.twin.restart(LONG)
    async with bench.http.get(f"{bench.base_url}/api/json") as response:
        assert response.status == 503 and response.content_type == "text/html"
        assert "getting ready to work" in await response.text() and "Retry-After" not in response.headers
    bench.twin.restart(0.0)
    assert (await bench.get("/crumbIssuer/api/json"))["crumb"] != before["crumb"], "crumbs end with their session"


@pytest.mark.parametrize(
    ("why", "stuck", "shape"),
    [
        ("Waiting for next available executor", False, ("BuildableItem", False, True, False)),
        ("There are no nodes with the label ‘linux’", True, ("BuildableItem", False, True, True)),
        ("Build #3 is already in progress (ETA: 2 min)", False, ("BlockedItem", True, False, False)),
    ],
)
async def test_items_that_cannot_start_say_why(
    bench: Bench, client: jenkins.Jenkins, why: str, stuck: bool, shape: tuple[str, bool, bool, bool]
) -> None:
    bench.twin.hold(JOB, why, stuck=stuck)
    queue_id = await asyncio.to_thread(client.build_job, JOB, {"REQUEST_ID": "1"})
    item = await asyncio.to_thread(client.get_queue_item, queue_id)
    assert (item["_class"].rpartition("$")[2], item["blocked"], item["buildable"], item["stuck"]) == shape
    assert item["why"] == why
    bench.twin.hold(JOB, "")
    assert (await asyncio.to_thread(client.get_queue_item, queue_id))["executable"]["number"] == 1


async def test_permissions_that_are_taken_away(bench: Bench, client: jenkins.Jenkins) -> None:
    bench.twin.deny(JOB, "Job/Build")
    response = await bench.post("/job/provisioning/job/aws/buildWithParameters", params={"REQUEST_ID": "1"})
    assert response.status == 403 and "svc-agent-ops is missing the Job/Build permission" in response.text
    assert response.headers["X-Required-Permission"] == "hudson.model.Job.Build"
    bench.twin.deny(JOB, "Job/Read")
    assert await bench.status("GET", "/job/provisioning/job/aws/api/json") == 404
    bench.twin.rotate_token("another")
    assert await bench.status("GET", "/api/json") == 401
