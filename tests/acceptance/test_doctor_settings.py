"""Each setting that is taken away or garbled gives exactly one line, which names it and says what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent_ops import Sandbox
from agent_ops.settings import Environment
from tests.acceptance.live_env import Doctor, good_values

pytestmark = pytest.mark.slow  # a whole examination each

REQUIRED = [
    *("TENANT_ID", "CLIENT_ID", "CLIENT_SECRET", "AWS_REGION", "JENKINS_SSM_PARAMETER", "SMTP_HOST", "SMTP_FROM"),
    *("AGENT_OPS_FIRST_CONTACT", "AGENT_OPS_SECOND_CONTACT", "AGENT_OPS_POLICY_FILE"),
]
NEEDED_HERE = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "SMTP_USERNAME", "SMTP_PASSWORD", "SMTP_PORT", "CA_FILE"]
GARBLED = [
    ("AGENT_OPS_WEBHOOKS", "garbage"),
    ("TENANT_ID", "garbage"),
    ("TENANT_ID", "00000000-7d64-4bb0-9a51-2a4f4d1f0a11"),
    ("TENANT_ID", "a b"),
    ("CLIENT_ID", "garbage"),
    ("CLIENT_SECRET", "garbage"),
    ("AGENT_OPS_AUTHORITY", "garbage"),
    ("AGENT_OPS_AUTHORITY", "http://127.0.0.1:9"),
    ("AGENT_OPS_AUTHORITY", "https://127.0.0.1:9"),
    ("AGENT_OPS_GRAPH_URL", "garbage"),
    ("AGENT_OPS_GRAPH_URL", "https://127.0.0.1:9/v1.0"),
    ("AGENT_OPS_MARKER_ATTRIBUTE", "extensionAttribute16"),
    ("AWS_REGION", "garbage"),
    ("AWS_REGION", "eu-west-1"),
    ("JENKINS_SSM_PARAMETER", "/garbage"),
    ("AGENT_OPS_JENKINS_INSTANCES", "garbage"),
    ("AGENT_OPS_JENKINS_INSTANCES", '{"other": "/garbage"}'),
    ("AWS_ACCESS_KEY_ID", "AKIAGARBAGE000000000"),
    ("AWS_SECRET_ACCESS_KEY", "garbage"),
    ("AWS_SESSION_TOKEN", "garbage"),
    ("AGENT_OPS_AWS_ENDPOINT_URL", "garbage"),
    ("AGENT_OPS_AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
    ("SMTP_HOST", "no such host"),
    ("SMTP_PORT", "garbage"),
    ("SMTP_PORT", "9"),
    ("SMTP_USERNAME", "garbage"),
    ("SMTP_PASSWORD", "garbage"),
    ("SMTP_FROM", "garbage"),
    ("AGENT_OPS_SMTP_SECURITY", "garbage"),
    ("AGENT_OPS_SMTP_SECURITY", "tls"),
    ("AGENT_OPS_SMTP_SECURITY", "none"),
    ("AGENT_OPS_FIRST_CONTACT", "garbage"),
    ("AGENT_OPS_SECOND_CONTACT", "two@acme.example, three@acme.example"),
    ("AGENT_OPS_POLICY_FILE", "absent.toml"),
    ("AGENT_OPS_GUARD_DIR", "absent"),
    ("AGENT_OPS_GUARD_DIR", "."),
    ("AGENT_OPS_DATA_DIR", ".env/below"),
    ("LOG_FILE", ".env/below/app.log"),
    ("AGENT_OPS_AUDIT_HEAD", ".env/below/head"),
    ("LOG_LEVEL", "garbage"),
    ("CA_FILE", "absent.pem"),
    ("CA_FILE", ".env"),
    ("AGENT_OPS_CONCURRENCY", "garbage"),
    ("AGENT_OPS_EVENT_DAYS", "0"),
    ("ONBOARDING_STAGE_DELAY_SECONDS", "-1"),
    ("AGENT_OPS_JENKINS_INSTANCES", "garbage"),
    ("AGENT_OPS_CLIENT_CERTIFICATE_FILE", "absent.pem"),
    ("AGENT_OPS_TRACING", "garbage"),
    ("LANGSMITH_ENDPOINT", "garbage"),
    ("OTEL_EXPORTER_OTLP_ENDPOINT", "garbage"),
    ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "garbage"),
    ("HTTPS_PROXY", "garbage"),
    ("HTTP_PROXY", "garbage"),
    ("APP_SECRET_KEY", "garbage"),
    ("JIRA_BASE_URL", "garbage"),
    ("CONFLUENCE_BASE_URL", "garbage"),
    ("GITHUB_BASE_URL", "garbage"),
    ("AGENT_OPS_REQUESTS_PER_MINUTE", "0"),
    ("AGENT_OPS_PLAYGROUND", "garbage"),
    ("OPENAI_BASE_URL", "garbage"),
    ("CURSOR_API_KEY", "garbage"),
    ("AGENT_OPS_MODEL", "no model!"),
    ("AGENT_OPS_MODEL_PRICES", "garbage"),
    ("AGENT_OPS_MODEL_OPTIONS", "garbage"),
    ("AGENT_OPS_MODEL_STREAM", "garbage"),
    ("AGENT_OPS_MODEL_TIMEOUT_SECONDS", "-1"),
    ("AGENT_OPS_MODEL_CALLS_PER_RUN", "0"),
    ("AGENT_OPS_MODEL_TOKENS_PER_RUN", "garbage"),
    ("AGENT_OPS_MODEL_TOKENS_PER_DAY", "garbage"),
    ("AGENT_OPS_SMTP_SECURTY", "tls"),
]
FREE = [
    "AGENT_OPS_AUDIENCES",
    "AGENT_OPS_CLIENT_CERTIFICATE_PASSWORD",
    "NO_PROXY",
    "OPENAI_API_KEY",
    "GITHUB_TOKEN",
    "JIRA_USERNAME",
    "JIRA_API_TOKEN",
    "CONFLUENCE_USERNAME",
    "CONFLUENCE_API_TOKEN",
    "LANGSMITH_TRACING",
    "LANGSMITH_API_KEY",
    "LANGSMITH_PROJECT",
    "LANGSMITH_WORKSPACE_ID",
    "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_SERVICE_NAME",
    "OTEL_SDK_DISABLED",
]
"""Whatever they say, only the service that they are for could tell that it is wrong."""


NAMED_WITH = {
    ("AWS_REGION", "eu-west-1"): "JENKINS_SSM_PARAMETER",
    ("SMTP_USERNAME", "garbage"): "SMTP_PASSWORD",
}
"""Where two settings can be the cause, the line names both; it is filed under one."""


@pytest.fixture
def doctor(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Doctor:
    return Doctor(sandbox, tmp_path, monkeypatch)


def test_all_is_well_with_good_settings(doctor: Doctor) -> None:
    found = doctor.diagnosis()
    assert found["healthy"]
    assert [line["found"] for line in found["lines"] if line["verdict"] in ("missing", "wrong")] == []
    services = {line["service"] for line in found["lines"] if line["verdict"] == "works"}
    assert services >= {"settings", "this machine", "Entra ID", "AWS SSM", "Jenkins", "mail"}


def test_every_setting_is_tried_here(sandbox: Sandbox) -> None:
    """Otherwise a new setting could have no line of its own."""
    tried = {*REQUIRED, *NEEDED_HERE, *FREE, *(name for name, _ in GARBLED)}
    assert {name.upper() for name in Environment.model_fields} - tried == set()
    assert set(good_values(sandbox)) - tried == set()


@pytest.mark.parametrize("name", [*REQUIRED, *NEEDED_HERE])
def test_a_setting_taken_away_is_one_line(doctor: Doctor, name: str) -> None:
    lines = doctor.failing(**{name: None})
    assert len(lines) == 1, lines
    assert name in lines[0]["found"] + lines[0]["remedy"]
    assert lines[0]["remedy"]


@pytest.mark.parametrize(("name", "value"), GARBLED)
def test_a_garbled_setting_is_one_line(doctor: Doctor, name: str, value: str) -> None:
    lines = doctor.failing(**{name: value})
    assert len(lines) == 1, lines
    assert name in lines[0]["found"] + lines[0]["remedy"]
    assert lines[0]["about"] == NAMED_WITH.get((name, value), name)
    assert lines[0]["remedy"]


def test_several_are_all_told_at_once_and_in_one_line_each(doctor: Doctor) -> None:
    result = doctor.text(TENANT_ID=None, CLIENT_SECRET=None, SMTP_PORT="garbage", JENKINS_SSM_PARAMETER=None)
    lines = [line for line in result.output.splitlines() if "✗" in line]
    assert result.exit_code == 3
    assert len(lines) == 4
    assert "Traceback" not in result.output
    for name in ("TENANT_ID", "CLIENT_SECRET", "SMTP_PORT", "JENKINS_SSM_PARAMETER"):
        assert sum(name in line for line in result.output.splitlines()) == 1


def test_nothing_set_at_all_is_told_too(doctor: Doctor) -> None:
    lines = doctor.failing(**dict.fromkeys(good_values(doctor.box)))
    assert {line["about"] for line in lines} >= set(REQUIRED)
    assert not (doctor.place / "agent-ops-data").exists()


def test_no_secret_is_shown(doctor: Doctor) -> None:
    values = good_values(doctor.box)
    canaries = {"CLIENT_SECRET": "canary-one", "SMTP_PASSWORD": "canary-two", "AWS_SECRET_ACCESS_KEY": "canary-three"}
    output = doctor.text().output + doctor.text(**canaries).output + doctor.text("--json", **canaries).output
    secrets = [values["CLIENT_SECRET"], values["SMTP_PASSWORD"], "canary"]
    assert [secret for secret in secrets if secret in output] == []
