"""The Jenkins twin as python-jenkins sees it."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path

import jenkins
import pytest
import requests

from agent_ops.sandbox.faults import Fault, FaultKind
from agent_ops.sandbox.jenkins import Outcome
from tests.contract.jenkins_bench import TOKEN, USER, Bench, served, until

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


async def test_a_build_from_trigger_to_console(bench: Bench, client: jenkins.Jenkins) -> None:
    def walk() -> None:
        queue_id = client.build_job(JOB, {"REQUEST_ID": "r-1", "USER": "Zoë", "NOT_DECLARED": "x"})
        item = client.get_queue_item(queue_id)
        assert item["_class"] == "hudson.model.Queue$LeftItem"
        assert item["cancelled"] is False and item["why"] is None
        number = item["executable"]["number"]
        assert item["executable"]["url"] == f"{bench.base_url}/job/provisioning/job/aws/{number}/"
        build = client.get_build_info(JOB, number)
        assert (build["building"], build["result"], build["queueId"]) == (False, "SUCCESS", queue_id)
        parameters = {p["name"]: p["value"] for a in build["actions"] for p in a.get("parameters", [])}
        assert parameters == {"REQUEST_ID": "r-1", "USER": "Zoë", "ROLE": ""}
        console = client.get_build_console_output(JOB, number)
        assert console.startswith(f"Started by user {USER}\n") and console.endswith("Finished: SUCCESS\n")

    await asyncio.to_thread(walk)
    (effect,) = bench.effects()
    assert effect.effect == "jenkins.build"
    assert effect.detail == {"job": JOB, "queue_id": 1, "parameters": {"REQUEST_ID": "r-1", "USER": "Zoë", "ROLE": ""}}


async def test_equal_queued_items_merge_and_the_client_takes_it_for_a_missing_job(bench: Bench, client: jenkins.Jenkins) -> None:
    bench.twin.set_quiet_period(LONG)
    first = await asyncio.to_thread(client.build_job, JOB, {"REQUEST_ID": "same"})
    with pytest.raises(jenkins.NotFoundException):
        await asyncio.to_thread(client.build_job, JOB, {"REQUEST_ID": "same"})
    second = await asyncio.to_thread(client.build_job, JOB, {"REQUEST_ID": "other"})
    queue = await asyncio.to_thread(client.get_queue_info)
    assert [item["id"] for item in queue] == [second, first]
    assert [cause["userId"] for a in queue[1]["actions"] for cause in a.get("causes", [])] == [USER, USER]
    effects = [(call.effect, call.detail["queue_id"]) for call in bench.effects()]
    assert effects == [("jenkins.build", first), ("jenkins.build", second)]
    merged = [call for call in bench.records.calls("jenkins") if call.status == 303]
    assert len(merged) == 1 and merged[0].effect == ""


async def test_an_item_waits_in_the_quiet_period_and_then_leaves(bench: Bench, client: jenkins.Jenkins) -> None:
    bench.twin.set_quiet_period(1.5)
    queue_id = await asyncio.to_thread(client.build_job, JOB, {"REQUEST_ID": "r-1"})
    item = await asyncio.to_thread(client.get_queue_item, queue_id)
    assert item["_class"] == "hudson.model.Queue$WaitingItem" and item["why"].startswith("In the quiet period. Expires in ")
    assert item["params"] == "\nREQUEST_ID=r-1\nUSER=\nROLE=" and "executable" not in item
    assert item["task"]["name"] == "aws" and item["inQueueSince"] > 1_600_000_000_000
    assert (await asyncio.to_thread(client.get_job_info, JOB))["inQueue"] is True
    left = await until(lambda: client.get_queue_item(queue_id).get("executable"))
    assert left["number"] == 1
    assert (await asyncio.to_thread(client.get_queue_info)) == []


async def test_quiet_down_keeps_items_but_accepts_triggers(bench: Bench, client: jenkins.Jenkins) -> None:
    bench.twin.quiet_down(True)
    queue_id = await asyncio.to_thread(client.build_job, JOB, {"REQUEST_ID": "r-1"})
    item = await asyncio.to_thread(client.get_queue_item, queue_id)
    assert item["why"] == "Jenkins is about to shut down" and item["buildable"] is True
    assert (await asyncio.to_thread(client.get_info))["quietingDown"] is True
    bench.twin.quiet_down(False)
    item = await asyncio.to_thread(client.get_queue_item, queue_id)
    assert item["executable"]["number"] == 1


async def test_a_left_item_is_forgotten_but_its_build_still_names_it(bench: Bench, client: jenkins.Jenkins) -> None:
    bench.twin.left_item_seconds = 0.05
    queue_id = await asyncio.to_thread(client.build_job, JOB, {"REQUEST_ID": "r-1"})

    def gone() -> bool:
        try:
            client.get_queue_item(queue_id)
        except jenkins.JenkinsException as error:
            return "does not exist" in str(error)
        return False

    await until(gone)
    assert (await asyncio.to_thread(client.get_build_info, JOB, 1))["queueId"] == queue_id
    assert bench.records.all("jenkins", "item") == {}


async def test_a_failing_build_and_the_newest_matching_rule(bench: Bench, client: jenkins.Jenkins) -> None:
    bench.twin.set_outcome(Outcome(JOB, {"ROLE": "admin"}, "FAILURE", ("AccessDenied: no such role", "exit 1")))
    bench.twin.set_outcome(Outcome(JOB, {"ROLE": "admin", "USER": "eve"}, "UNSTABLE"))
    failed = await asyncio.to_thread(_run, client, JOB, {"REQUEST_ID": "1", "ROLE": "admin", "USER": "ann"})
    unstable = await asyncio.to_thread(_run, client, JOB, {"REQUEST_ID": "2", "ROLE": "admin", "USER": "eve"})
    good = await asyncio.to_thread(_run, client, JOB, {"REQUEST_ID": "3", "ROLE": "reader"})
    builds = [await asyncio.to_thread(client.get_build_info, JOB, number) for number in (failed, unstable, good)]
    assert [build["result"] for build in builds] == ["FAILURE", "UNSTABLE", "SUCCESS"]
    console = await asyncio.to_thread(client.get_build_console_output, JOB, failed)
    assert "AccessDenied: no such role\nexit 1\n" in console and console.endswith("Finished: FAILURE\n")
    job = await asyncio.to_thread(client.get_job_info, JOB)
    assert {name: job[name]["number"] for name in job if name.startswith("last")} == {
        "lastBuild": good,
        "lastCompletedBuild": good,
        "lastFailedBuild": failed,
        "lastStableBuild": good,
        "lastSuccessfulBuild": good,
        "lastUnstableBuild": unstable,
        "lastUnsuccessfulBuild": unstable,
    }
    assert (job["color"], job["nextBuildNumber"]) == ("blue", 4)
    assert [build["number"] for build in job["builds"]] == [3, 2, 1]


async def test_a_running_build_can_be_seen_and_stopped(bench: Bench, client: jenkins.Jenkins) -> None:
    bench.twin.set_seconds(JOB, LONG)
    bench.twin.set_freestyle("provisioning/deep/er/vpn", True)
    bench.twin.set_seconds("provisioning/deep/er/vpn", LONG)
    number = await asyncio.to_thread(_run, client, JOB, {"REQUEST_ID": "r-1"})
    await asyncio.to_thread(_run, client, "provisioning/deep/er/vpn", {"REQUEST_ID": "r-2"})
    build = await asyncio.to_thread(client.get_build_info, JOB, number)
    assert (build["building"], build["inProgress"], build["result"], build["duration"]) == (True, True, None, 0)
    running = await asyncio.to_thread(client.get_running_builds)
    assert [(b["number"], b["url"]) for b in running] == [
        (1, f"{bench.base_url}/job/provisioning/job/aws/1/"),
        (1, f"{bench.base_url}/job/provisioning/job/deep/job/er/job/vpn/1/"),
    ]
    node = await bench.get("/computer/(built-in)/api/json?tree=executors[currentExecutable[number]]")
    classes = [executor["currentExecutable"]["_class"].rpartition("$")[2] for executor in node["executors"]]
    assert classes == ["PlaceholderExecutable", "hudson.model.FreeStyleBuild"]
    assert "Finished" not in await asyncio.to_thread(client.get_build_console_output, JOB, number)
    await asyncio.to_thread(client.stop_build, JOB, number)
    await asyncio.to_thread(client.stop_build, JOB, number)
    build = await asyncio.to_thread(client.get_build_info, JOB, number)
    assert (build["building"], build["result"]) == (False, "ABORTED")
    assert "Aborted by svc-agent-ops" in await asyncio.to_thread(client.get_build_console_output, JOB, number)
    assert [call.effect for call in bench.effects()].count("jenkins.stop") == 1


async def test_cancelling_a_queued_item(bench: Bench, client: jenkins.Jenkins) -> None:
    bench.twin.set_quiet_period(LONG)
    queue_id = await asyncio.to_thread(client.build_job, JOB, {"REQUEST_ID": "r-1"})
    await asyncio.to_thread(client.cancel_queue, queue_id)
    assert await asyncio.to_thread(client.get_queue_info) == []
    item = await asyncio.to_thread(client.get_queue_item, queue_id)
    assert item["cancelled"] is True and item["executable"] is None
    assert [call.effect for call in bench.effects()] == ["jenkins.build", "jenkins.cancel"]
    bench.twin.set_quiet_period(0)
    assert await asyncio.to_thread(_run, client, JOB, {"REQUEST_ID": "r-1"}) == 1, "a cancelled item uses no build number"


async def test_the_job_tree(bench: Bench, client: jenkins.Jenkins) -> None:
    def walk() -> None:
        assert [job["name"] for job in client.get_jobs()] == ["provisioning", "nightly"]
        everything = {job["fullname"]: job["_class"].rpartition(".")[2] for job in client.get_all_jobs()}
        assert everything == {
            "provisioning": "Folder",
            "provisioning/aws": "WorkflowJob",
            "provisioning/deep": "Folder",
            "provisioning/deep/er": "Folder",
            "provisioning/deep/er/vpn": "WorkflowJob",
            "nightly": "WorkflowJob",
        }
        assert {j["fullname"] for j in client.get_all_jobs(folder_depth_per_request=1)} == set(everything)
        assert client.jobs_count() == 6
        assert client.job_exists("provisioning/deep/er/vpn") and not client.job_exists("provisioning/nope")
        client.assert_job_exists(JOB)
        assert [job["name"] for job in client.get_jobs(view_name="all")] == ["provisioning", "nightly"]
        (declared,) = client.get_job_info(JOB)["property"]
        assert [p["name"] for p in declared["parameterDefinitions"]] == ["REQUEST_ID", "USER", "ROLE"]
        assert re.findall("<name>(.*?)</name>", client.get_job_config(JOB)) == ["REQUEST_ID", "USER", "ROLE"]

    await asyncio.to_thread(walk)


async def test_the_surroundings(client: jenkins.Jenkins) -> None:
    def walk() -> None:
        assert client.get_whoami()["id"] == USER
        assert client.get_version().startswith("2.")
        assert client.get_nodes() == [{"name": "Built-In Node", "offline": False}]
        assert "cloudbees-folder" in client.get_plugins()
        assert client.get_running_builds() == []

    await asyncio.to_thread(walk)


async def test_a_job_without_parameters(client: jenkins.Jenkins) -> None:
    assert await asyncio.to_thread(client.build_job, "nightly") == 1
    assert (await asyncio.to_thread(client.get_build_info, "nightly", 1))["result"] == "SUCCESS"
    with pytest.raises(jenkins.JenkinsException, match=r"(?s)Possibly authentication failed \[500\].*not parameterized"):
        await asyncio.to_thread(client.build_job, "nightly", {"A": "1"})


async def test_refusals(bench: Bench, client: jenkins.Jenkins) -> None:
    with pytest.raises(jenkins.JenkinsException, match=r"Possibly authentication failed \[401\]"):
        await asyncio.to_thread(_client(bench, "wrong").build_job, JOB, {"REQUEST_ID": "r-1"})
    with pytest.raises(jenkins.NotFoundException):
        await asyncio.to_thread(client.build_job, "provisioning/nope", {"REQUEST_ID": "r-1"})
    bench.twin.set_disabled(JOB, True)
    with pytest.raises(requests.HTTPError, match="409"):
        await asyncio.to_thread(client.build_job, JOB, {"REQUEST_ID": "r-1"})
    with pytest.raises(jenkins.JenkinsException, match=r"\[403\]"):
        await asyncio.to_thread(client.delete_job, JOB)
    with pytest.raises(jenkins.JenkinsException, match="does not exist"):
        await asyncio.to_thread(client.get_build_info, JOB, 99)
    assert bench.effects() == []
    assert not any(TOKEN in str(call) for call in bench.records.calls())


async def test_a_new_twin_on_the_same_records_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "records.db"
    async with served(path) as bench:
        bench.twin.set_outcome(Outcome(JOB, {"ROLE": "bad"}, "FAILURE", ("boom",)))
        bench.twin.set_seconds("provisioning/deep/er/vpn", LONG)
        client = _client(bench)
        assert await asyncio.to_thread(_run, client, JOB, {"REQUEST_ID": "1"}) == 1
        assert await asyncio.to_thread(_run, client, "provisioning/deep/er/vpn", {"REQUEST_ID": "2"}) == 1
        bench.twin.set_quiet_period(0.05)
        waiting = await asyncio.to_thread(client.build_job, JOB, {"REQUEST_ID": "3", "ROLE": "bad"})
    await asyncio.sleep(0.1)  # the quiet period ends while no controller is there
    down_until = time.time()
    async with served(path) as bench:
        client = _client(bench)
        assert (await asyncio.to_thread(client.get_queue_item, 1))["executable"]["number"] == 1
        assert (await asyncio.to_thread(client.get_build_info, "provisioning/deep/er/vpn", 1))["building"] is True
        assert (await asyncio.to_thread(client.get_queue_item, waiting))["executable"]["number"] == 2
        build = await asyncio.to_thread(client.get_build_info, JOB, 2)
        assert build["result"] == "FAILURE" and build["timestamp"] >= int(down_until * 1000)
        assert await asyncio.to_thread(client.build_job, JOB, {"REQUEST_ID": "4"}) == waiting + 1


async def test_discarded_builds_are_gone_and_numbers_go_on(bench: Bench, client: jenkins.Jenkins) -> None:
    await asyncio.to_thread(_run, client, JOB, {"REQUEST_ID": "1"})
    bench.twin.forget_builds(JOB)
    job = await asyncio.to_thread(client.get_job_info, JOB)
    assert (job["builds"], job["lastBuild"], job["nextBuildNumber"], job["color"]) == ([], None, 2, "notbuilt")
    with pytest.raises(jenkins.JenkinsException, match="does not exist"):
        await asyncio.to_thread(client.get_build_info, JOB, 1)
    assert await asyncio.to_thread(_run, client, JOB, {"REQUEST_ID": "1"}) == 2


async def test_a_trigger_whose_answer_is_lost_can_be_found_by_its_request_id(bench: Bench, client: jenkins.Jenkins) -> None:
    await asyncio.to_thread(client.maybe_add_crumb, requests.Request("GET", bench.base_url))
    bench.faults.add(Fault("jenkins", FaultKind.DROP_AFTER, method="POST", times=1))
    with pytest.raises(requests.ConnectionError):
        await asyncio.to_thread(client.build_job, JOB, {"REQUEST_ID": "lost"})
    tree = "builds[number,queueId,actions[parameters[name,value]]]{0,20}"
    found = await bench.get(f"/job/provisioning/job/aws/api/json?tree={tree}")
    (build,) = found["builds"]
    assert {p["name"]: p["value"] for p in build["actions"][0]["parameters"]}["REQUEST_ID"] == "lost"
    assert [(call.effect, call.detail["queue_id"]) for call in bench.effects()] == [("jenkins.build", build["queueId"])]


async def test_lagging_reads_hide_young_builds(bench: Bench, client: jenkins.Jenkins) -> None:
    bench.faults.add(Fault("jenkins", FaultKind.LAG, seconds=LONG))
    queue_id = await asyncio.to_thread(client.build_job, JOB, {"REQUEST_ID": "1"})
    with pytest.raises(jenkins.JenkinsException, match="does not exist"):
        await asyncio.to_thread(client.get_queue_item, queue_id)
    assert (await asyncio.to_thread(client.get_job_info, JOB))["builds"] == []
    bench.faults.clear()
    assert (await asyncio.to_thread(client.get_queue_item, queue_id))["executable"]["number"] == 1
    assert (await asyncio.to_thread(client.get_job_info, JOB))["lastSuccessfulBuild"]["number"] == 1
