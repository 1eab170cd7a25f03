"""Several Jenkinses, each with a login of its own, and job names as people choose them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from agent_ops import EntitlementPolicy, Sandbox, Settings, read_policy
from agent_ops.domain.effects import Completed, Intent, Presence
from agent_ops.domain.errors import ConfigurationError, PolicyError
from agent_ops.domain.policy import PipelineItem
from agent_ops.effectors.jenkins import JenkinsEffector
from agent_ops.policies import EXAMPLE, tomllib
from agent_ops.runtime.compose import compose
from agent_ops.settings import Environment
from agent_ops.transport.jenkins_login import JenkinsAccount, jenkins_logins
from tests.contract.jenkins_bench import ODD_NAMES, USER, WORLD, Bench, served
from tests.contract.jenkins_effects import FixedLogin, accepted, ended, intent
from tests.fakes import FakeServices
from tests.unit.test_settings import GOOD

POLICY = EXAMPLE.read_text(encoding="utf-8")
TWO = POLICY.replace('pipeline = "provisioning/github"', 'pipeline = "provisioning/github"\ninstance = "eu"')


@pytest.fixture
async def odd(tmp_path: Path) -> AsyncIterator[Bench]:
    async with served(tmp_path / "records.db", instance="odd") as bench:
        yield bench


@pytest.mark.parametrize("job", ODD_NAMES)
async def test_odd_job_names_are_reached_found_and_may_stand_in_the_catalogue(odd: Bench, job: str) -> None:
    account = JenkinsAccount(odd.base_url, USER, WORLD.jenkins_token("odd"))
    effector = JenkinsEffector({"odd": FixedLogin(account)}, settling=0.01)
    made = intent(job, instance="odd")
    assert isinstance(await ended(effector, await accepted(effector, made)), Completed)
    assert (await effector.look_up(made)).presence is Presence.OURS
    assert [call.detail["job"] for call in odd.records.calls("jenkins-odd", effects_only=True)] == [job]
    effector.close()
    assert item_of(f"pipeline = {json.dumps(job, ensure_ascii=False)}").pipeline == job


def item_of(lines: str) -> PipelineItem:
    tables = POLICY.replace('pipeline = "provisioning/jira"', lines)
    item = policy_of(tables).catalogue["jira"]
    assert isinstance(item, PipelineItem)
    return item


def policy_of(text: str) -> EntitlementPolicy:
    return EntitlementPolicy.from_tables(tomllib.loads(text))


@pytest.mark.parametrize("name", ["a/../b", "/a", "a/", "a//b", "50%", "a%2", "a?b", "a#b", "a[1]", "a\\\\b", "a\\nb", ".", ""])
def test_names_that_jenkins_does_not_allow_are_refused(name: str) -> None:
    with pytest.raises(PolicyError, match=r"\[items.jira\]"):
        item_of(f'pipeline = "{name}"')


def test_the_keys_of_a_pipeline() -> None:
    plain = item_of('pipeline = "x"')
    assert (plain.instance, plain.unstable_is_success, plain.idempotent) == ("default", False, False)
    full = item_of('pipeline = "x"\ninstance = "eu"\nunstable_is_success = true\nidempotent = true')
    assert (full.instance, full.unstable_is_success, full.idempotent) == ("eu", True, True)


@pytest.mark.parametrize("line", ['instance = "E U"', 'idempotent = "yes"', "unstable_is_success = 1"])
def test_wrong_values_are_refused_by_name(line: str) -> None:
    with pytest.raises(PolicyError, match=rf"\[items.jira\] {line.partition(' ')[0]}"):
        item_of(f'pipeline = "x"\n{line}')


async def test_an_item_on_an_unknown_instance_is_refused_at_start(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "two.toml").write_text(TWO, encoding="utf-8")
    chosen = replace(settings, policy_file=tmp_path / "two.toml")
    with pytest.raises(PolicyError, match=r"\[items.github\] names the unknown Jenkins instance 'eu' \(known: default\)"):
        async with compose(chosen, adapters=FakeServices().adapters()):
            raise AssertionError("it started")
    known = replace(chosen, aws=replace(chosen.aws, jenkins_instances={"eu": "/jenkins-eu"}))
    async with compose(known, adapters=FakeServices().adapters()):
        pass


async def test_an_intent_on_an_instance_that_the_settings_lost_is_told(odd: Bench) -> None:
    effector = JenkinsEffector({"default": FixedLogin(JenkinsAccount(odd.base_url, USER, ""))})
    with pytest.raises(ConfigurationError, match="no Jenkins instance 'eu'"):
        await effector.send(intent(instance="eu"))
    effector.close()


def test_further_instances_are_set_as_json(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name, value in {**GOOD, "AGENT_OPS_POLICY_FILE": str(EXAMPLE)}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AGENT_OPS_JENKINS_INSTANCES", '{"eu": "/agent-ops/jenkins-eu"}')
    assert Environment.read().agent_ops_jenkins_instances == {"eu": "/agent-ops/jenkins-eu"}
    monkeypatch.setenv("AGENT_OPS_JENKINS_INSTANCES", "")
    assert Environment.read().agent_ops_jenkins_instances is None
    monkeypatch.setenv("AGENT_OPS_JENKINS_INSTANCES", "eu=/agent-ops/jenkins-eu")
    with pytest.raises(ConfigurationError, match="AGENT_OPS_JENKINS_INSTANCES"):
        Settings.from_environment()


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox whose policy names a second Jenkins."""
    where = tmp_path_factory.mktemp("two")
    (where / "two.toml").write_text(TWO, encoding="utf-8")
    box = Sandbox(where, where / "two.toml").start()
    yield box
    box.stop()


@pytest.fixture
async def effector(two: Sandbox, tmp_path: Path) -> AsyncIterator[JenkinsEffector]:
    made = JenkinsEffector(jenkins_logins(Settings.for_sandbox(two.addresses, tmp_path).aws), attentive=5.0)
    yield made
    made.close()


def on_eu() -> Intent:
    """An intent for the job that only the second Jenkins has."""
    made = intent("provisioning/github", instance="eu", request_id_parameter="AGENT_OPS_REQUEST_ID")
    made.pinned["parameters"] = {"USER_EMAIL": "ana@acme.example", "AGENT_OPS_REQUEST_ID": made.marker}
    return made


async def test_the_sandbox_serves_each_instance_with_its_own_jobs_and_login(two: Sandbox, effector: JenkinsEffector) -> None:
    assert read_policy(two.policy_file).catalogue["github"].instance == "eu"  # type: ignore[union-attr]
    assert isinstance(await ended(effector, await accepted(effector, on_eu())), Completed)
    assert [call.detail["job"] for call in two.effects("jenkins-eu")] == ["provisioning/github"]
    assert two.effects("jenkins") == []


async def test_the_sandbox_restarts_one_instance_and_the_build_goes_on(two: Sandbox, effector: JenkinsEffector) -> None:
    await two.pipeline_hold("provisioning/github", "Waiting for next available executor", instance="eu")
    made = await accepted(effector, on_eu())
    await two.jenkins_restart(seconds=1.0, instance="eu")
    await two.pipeline_hold("provisioning/github", "", instance="eu")
    answer = await effector.follow(made)
    assert isinstance(answer, Completed), answer
    assert len([c for c in two.effects("jenkins-eu") if c.detail["parameters"]["AGENT_OPS_REQUEST_ID"] == made.marker]) == 1
