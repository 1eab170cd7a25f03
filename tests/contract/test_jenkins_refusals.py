"""What Jenkins refuses, told in its own words; and what is renewed and tried once more."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import requests

from agent_ops.domain.effects import Accepted, Completed, Failed
from agent_ops.domain.errors import AccessRefused, ServiceAmbiguous, ServiceError, ServiceRefused
from agent_ops.effectors.jenkins import JenkinsEffector
from agent_ops.sandbox.aws import ACCESS_KEY_ID, SECRET_ACCESS_KEY, AwsTwin
from agent_ops.sandbox.faults import FaultBook
from agent_ops.sandbox.records import Records
from agent_ops.transport.aws_session import AwsConfig
from agent_ops.transport.jenkins_login import JenkinsLogin
from agent_ops.transport.jenkins_server import JenkinsServer, declared_parameters
from agent_ops.transport.pages import page_words
from tests.contract.jenkins_bench import WORLD, Bench, served
from tests.contract.jenkins_effects import JOB, FixedLogin, accepted, account_of, effector_on, intent

READS_SSM = "AmazonSSM.GetParameter"


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with served(tmp_path / "records.db") as bench:
        yield bench


@pytest.fixture
async def effector(bench: Bench) -> AsyncIterator[JenkinsEffector]:
    async with effector_on(bench) as made:
        yield made


@pytest.fixture
def ssm(bench: Bench) -> Iterator[AwsTwin]:
    """The AWS twin with the bench's Jenkins in its SSM."""
    twin = AwsTwin(WORLD, bench.records, FaultBook())
    twin.start({"default": bench.base_url})
    yield twin
    twin.stop()


def login_by(ssm: AwsTwin) -> JenkinsLogin:
    return JenkinsLogin(AwsConfig(WORLD.region, WORLD.ssm_parameter, ACCESS_KEY_ID, SECRET_ACCESS_KEY, endpoint_url=ssm.url))


def reads(records: Records) -> int:
    return sum(call.path == READS_SSM for call in records.calls("aws"))


async def test_a_token_that_was_rotated_is_read_again_from_ssm_once_in_a_trigger_and_in_a_wait(
    bench: Bench, ssm: AwsTwin
) -> None:
    async with effector_on(bench, login_by(ssm)) as effector:
        await accepted(effector, intent())
        assert reads(bench.records) == 1
        bench.twin.rotate_token("second")
        ssm.put_login("default", bench.base_url, "second")
        bench.twin.set_seconds(JOB, 0.5)
        made = await accepted(effector, intent())
        assert reads(bench.records) == 2
        following = asyncio.create_task(effector.follow(made))
        bench.twin.rotate_token("third")
        ssm.put_login("default", bench.base_url, "third")
        assert isinstance(await asyncio.wait_for(following, 60), Completed)
    assert reads(bench.records) == 3
    assert len(bench.effects()) == 2


async def test_threads_that_are_refused_together_read_ssm_once(bench: Bench) -> None:
    together = threading.Barrier(4)

    class Rotated(FixedLogin):
        """Every thread has its client before any of them is refused."""

        def account(self):  # type: ignore[no-untyped-def]
            found = super().account()
            if found.token == "stale":
                together.wait(10)
            return found

    login = Rotated(account_of(bench, "stale"), account_of(bench))
    async with effector_on(bench, login, threads=4) as effector:
        sent = await asyncio.gather(*(effector.send(intent()) for _ in range(4)))
    assert all(isinstance(answer, Accepted) for answer in sent)
    assert login.reads == 2


async def test_a_missing_permission_is_told_in_jenkinss_words_and_ssm_is_left_alone(bench: Bench) -> None:
    login = FixedLogin(account_of(bench))
    bench.twin.deny(JOB, "Job/Build")
    async with effector_on(bench, login) as effector:
        with pytest.raises(AccessRefused) as caught:
            await effector.send(intent())
    assert caught.value.what == "Jenkins: answered 403: Access Denied svc-agent-ops is missing the Job/Build permission"
    assert login.reads == 1
    assert sum(call.method == "POST" for call in bench.records.calls("jenkins")) == 1


@pytest.mark.parametrize("seen_before", [True, False])
async def test_a_job_that_is_not_there_is_told_with_its_path(bench: Bench, effector: JenkinsEffector, seen_before: bool) -> None:
    if seen_before:
        await effector.send(intent())
    bench.twin.deny(JOB, "Job/Read")
    with pytest.raises(ServiceRefused) as caught:
        await effector.send(intent())
    assert caught.value.what == f"Jenkins: answered 404: there is no job {JOB}, or our user may not see it"


async def test_a_disabled_job_is_told(bench: Bench, effector: JenkinsEffector) -> None:
    bench.twin.set_disabled(JOB, True)
    with pytest.raises(ServiceRefused, match=f"answered 409: {JOB} is not buildable!"):
        await effector.send(intent())
    assert sum("queue" in call.path for call in bench.records.calls("jenkins")) == 0, "only a 404 may be a merged trigger"


@pytest.mark.parametrize(
    ("path", "error", "words"),
    [
        ("job/provisioning/job/aws/build", ServiceRefused, "answered 400: Nothing is submitted"),
        ("job/nightly/buildWithParameters", ServiceAmbiguous, "answered 500: .*This build is not parameterized!"),
        ("createItem", AccessRefused, "answered 403: Access Denied svc-agent-ops is missing the Job/Create permission"),
    ],
)
async def test_other_refusals_keep_jenkinss_words(bench: Bench, path: str, error: type[ServiceError], words: str) -> None:
    server = JenkinsServer("default", FixedLogin(account_of(bench)), 1, 5.0)
    with pytest.raises(error, match=words):
        await server.call(lambda client: client.jenkins_open(requests.Request("POST", client.server + path)))
    server.close()


async def test_a_job_that_does_not_declare_our_parameters_is_not_triggered(bench: Bench, effector: JenkinsEffector) -> None:
    made = intent()
    made.pinned["parameters"]["SIZE"] = "7"
    assert await effector.send(made) == Failed(f"job {JOB} does not declare parameter SIZE: Jenkins would drop it silently")
    assert await effector.send(intent("nightly")) == Failed(
        "job nightly does not declare parameter REQUEST_ID: Jenkins would drop it silently"
    )
    assert bench.effects() == []
    assert all(call.method == "GET" for call in bench.records.calls("jenkins"))


async def test_what_a_job_declares_is_asked_once(bench: Bench, effector: JenkinsEffector) -> None:
    await effector.send(intent())
    await effector.send(intent())
    assert sum("parameterDefinitions" in call.path for call in bench.records.calls("jenkins")) == 1


async def test_declared_parameters_can_be_read(bench: Bench) -> None:
    server = JenkinsServer("default", FixedLogin(account_of(bench)), 1, 5.0)
    assert await server.call(lambda client: declared_parameters(client, JOB)) == ["REQUEST_ID", "USER", "ROLE"]
    assert await server.call(lambda client: declared_parameters(client, "nightly")) == []
    assert await server.call(lambda client: declared_parameters(client, "nowhere")) is None
    server.close()


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("plain\n words", "plain words"),
        ("<html><head><title>x</title></head><body>Bad <b>Gateway</b></body></html>", "Bad Gateway"),
        ("<html><script>if (a<b) {}</script>5 &lt; 6", "5 < 6"),
        ("<p>never closed <style>p {}", "never closed"),
        ("", ""),
    ],
)
def test_pages_are_told_without_their_markup(page: str, words: str) -> None:
    assert page_words(page) == words
