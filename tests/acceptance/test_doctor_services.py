"""What the services themselves lack: AWS's parameter, Jenkins and its jobs, mail, clocks, the machine's own files."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from agent_ops import Sandbox, Settings
from agent_ops.sandbox.faults import Fault, FaultKind
from agent_ops.transport.jenkins_login import JenkinsLogin
from tests.acceptance.live_env import Doctor

pytestmark = pytest.mark.slow  # a whole examination each

POLICY = """
levels = []
[company]
domain = "acme.example"
[locations]
[items.aws]
pipeline = "{pipeline}"
{more}
[teams.all]
allowed = ["aws"]
"""


@pytest.fixture
def doctor(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Doctor]:
    yield Doctor(sandbox, tmp_path, monkeypatch)
    asyncio.run(sandbox.clear_faults())
    asyncio.run(sandbox.clock_seconds(0))
    asyncio.run(sandbox.jenkins_quieting(False))


def policy(doctor: Doctor, pipeline: str = "provisioning/aws", more: str = "") -> str:
    path = doctor.place / "policy.toml"
    path.write_text(POLICY.format(pipeline=pipeline, more=more), encoding="utf-8")
    return str(path)


def parameter(doctor: Doctor, value: str, kind: str = "SecureString") -> str:
    """Another parameter in SSM, as an administrator would store it."""
    a, name = doctor.box.addresses, f"/tests/{doctor.place.name}"
    client = boto3.client(
        "ssm",
        endpoint_url=a.aws_url,
        region_name=a.region,
        aws_access_key_id=a.access_key_id,
        aws_secret_access_key=a.secret_access_key,
        config=Config(proxies={}),
    )
    client.put_parameter(Name=name, Value=value, Type=kind, Overwrite=True)
    return name


def account(doctor: Doctor, **changes: str) -> str:
    """Jenkins's account as the sandbox keeps it, with changes."""
    credentials = json.loads((doctor.box.directory / "credentials.json").read_text(encoding="utf-8"))
    url = JenkinsLogin(Settings.for_sandbox(doctor.box.addresses, doctor.place).aws).account().url
    return json.dumps({"url": url, "user": "svc-agent-ops", "token": credentials["jenkins_token"], **changes})


def only(lines: list[dict[str, Any]]) -> str:
    """The words of the one line that there is."""
    assert len(lines) == 1, lines
    assert lines[0]["remedy"]
    return f"{lines[0]['found']} -> {lines[0]['remedy']}"


@pytest.mark.parametrize(
    ("value", "words"),
    [("no JSON", "is not JSON"), ('{"url": "http://127.0.0.1:9"}', "is not JSON with url, user and token")],
)
def test_a_parameter_of_another_form_is_one_line(doctor: Doctor, value: str, words: str) -> None:
    said = only(doctor.failing(JENKINS_SSM_PARAMETER=parameter(doctor, value)))
    assert words in said
    assert "JENKINS_SSM_PARAMETER" in said


def test_a_plain_parameter_is_one_line(doctor: Doctor) -> None:
    said = only(doctor.failing(JENKINS_SSM_PARAMETER=parameter(doctor, account(doctor), "String")))
    assert "SecureString" in said


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"token": "garbage"}, "does not accept svc-agent-ops"),
        ({"user": "nobody"}, "does not accept nobody"),
        ({"url": "http://127.0.0.1:9"}, "cannot be reached"),
        ({"url": "garbage"}, "garbage"),
    ],
)
def test_a_wrong_jenkins_account_is_one_line_without_its_token(doctor: Doctor, changes: dict[str, str], words: str) -> None:
    text = account(doctor, **changes)
    name = parameter(doctor, text)
    said = only(doctor.failing(JENKINS_SSM_PARAMETER=name))
    assert words in said
    assert "JENKINS_SSM_PARAMETER" in said
    assert json.loads(text)["token"] not in doctor.text(JENKINS_SSM_PARAMETER=name).output.replace("garbage", "")


def test_something_else_at_jenkinss_url_is_told(doctor: Doctor) -> None:
    name = parameter(doctor, account(doctor, url=doctor.box.addresses.aws_url))
    assert "JENKINS_SSM_PARAMETER" in only(doctor.failing(JENKINS_SSM_PARAMETER=name))


def test_a_job_that_is_missing_is_told_by_its_item(doctor: Doctor) -> None:
    said = only(doctor.failing(AGENT_OPS_POLICY_FILE=policy(doctor, "provisioning/absent")))
    assert "[items.aws]" in said
    assert "provisioning/absent" in said


async def test_a_disabled_job_is_told(doctor: Doctor) -> None:
    await doctor.box.pipeline_disabled("provisioning/figma")
    try:
        said = only(await asyncio.to_thread(doctor.failing))
    finally:
        await doctor.box.pipeline_disabled("provisioning/figma", False)
    assert "[items.figma]" in said
    assert "disabled" in said


@pytest.mark.parametrize(
    ("more", "name"),
    [
        ('request_id_parameter = "OTHER_ID"', "OTHER_ID"),
        ('user_parameter = "WHO"', "WHO"),
        ('parameters = { COLOUR = "red" }', "COLOUR"),
    ],
)
def test_an_undeclared_parameter_is_told(doctor: Doctor, more: str, name: str) -> None:
    said = only(doctor.failing(AGENT_OPS_POLICY_FILE=policy(doctor, more=more)))
    assert f"does not declare {name}" in said


async def test_quieting_down_is_a_warning(doctor: Doctor) -> None:
    await doctor.box.jenkins_quieting()
    lines = await asyncio.to_thread(doctor.lines, "warning", "missing", "wrong")
    (line,) = [line for line in lines if line["service"] == "Jenkins"]
    assert line["verdict"] == "warning"
    assert "quieting down" in line["found"]


@pytest.mark.parametrize(
    ("seconds", "verdict"), [(20.0, "works"), (-20.0, "works"), (120.0, "warning"), (-120.0, "warning"), (900.0, "wrong")]
)
@pytest.mark.parametrize("twin", ["entra", "jenkins"])
async def test_a_clock_that_is_off_is_one_line(doctor: Doctor, twin: str, seconds: float, verdict: str) -> None:
    if twin == "entra":
        await doctor.box.clock_seconds(seconds)
    else:
        await doctor.box.fault(Fault(twin, FaultKind.SKEW, seconds=seconds))
    found = await asyncio.to_thread(doctor.diagnosis)
    (line,) = [line for line in found["lines"] if line["check"] == "clock"]
    assert line["verdict"] == verdict
    assert [line for line in found["lines"] if line["verdict"] in ("missing", "wrong") and line["check"] != "clock"] == []


async def test_a_service_that_hangs_is_told_in_bounded_time(doctor: Doctor) -> None:
    await doctor.box.fault(Fault("jenkins", FaultKind.HANG, seconds=60))
    started = asyncio.get_running_loop().time()
    assert "JENKINS_SSM_PARAMETER" in only(await asyncio.to_thread(doctor.failing))
    assert asyncio.get_running_loop().time() - started < 25


def test_a_certificate_nobody_knows_is_told_once_for_all_services(doctor: Doctor) -> None:
    (line,) = doctor.failing(CA_FILE=None)
    assert line["about"] == "CA_FILE"
    assert set(line["service"].split(", ")) == {"Entra ID", "mail"}


def test_no_mail_is_sent_and_nothing_is_changed(doctor: Doctor) -> None:
    before = len(doctor.box.effects())
    assert doctor.diagnosis()["healthy"]
    assert len(doctor.box.effects()) == before


def test_a_damaged_database_and_lost_keys_are_told(doctor: Doctor) -> None:
    data = doctor.place / "agent-ops-data"
    data.mkdir()
    (data / "keys.json").write_text("{", encoding="utf-8")
    (data / "operations.db").write_bytes(b"no database" * 100)
    found = doctor.failing()
    assert {line["check"] for line in found} == {"keys", "database"}
    (data / "operations.db").unlink()
    shutil.rmtree(data)
    data.mkdir()
    sqlite3.connect(data / "operations.db").close()
    assert "backup" in only(doctor.failing())


def test_all_of_it_is_there_in_a_pipe_with_one_line_a_check(doctor: Doctor) -> None:
    output = doctor.text().output
    assert "Traceback" not in output
    assert len([line for line in output.splitlines() if line.startswith("✓")]) >= 15
