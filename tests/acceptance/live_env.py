"""A `.env` as an operator would write it, whose services are the sandbox's twins, and the doctor run on it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from agent_ops import Sandbox
from agent_ops.cli import main

BLANK = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}


def good_values(box: Sandbox) -> dict[str, str]:
    """Every setting, right."""
    a = box.addresses
    return {
        "TENANT_ID": a.tenant_id,
        "CLIENT_ID": a.client_id,
        "CLIENT_SECRET": a.client_secret,
        "AGENT_OPS_AUTHORITY": a.entra_url,
        "AGENT_OPS_GRAPH_URL": f"{a.entra_url}/v1.0",
        "AGENT_OPS_MARKER_ATTRIBUTE": "extensionAttribute15",
        "AWS_REGION": a.region,
        "JENKINS_SSM_PARAMETER": a.ssm_parameter,
        "AWS_ACCESS_KEY_ID": a.access_key_id,
        "AWS_SECRET_ACCESS_KEY": a.secret_access_key,
        "AGENT_OPS_AWS_ENDPOINT_URL": a.aws_url,
        "SMTP_HOST": a.smtp_host,
        "SMTP_PORT": str(a.smtp_port),
        "SMTP_USERNAME": a.smtp_user,
        "SMTP_PASSWORD": a.smtp_password,
        "SMTP_FROM": f"agent-ops@{a.domain}",
        "AGENT_OPS_SMTP_SECURITY": "starttls",
        "AGENT_OPS_FIRST_CONTACT": f"it-desk@{a.domain}",
        "AGENT_OPS_SECOND_CONTACT": f"team-lead@{a.domain}",
        "AGENT_OPS_POLICY_FILE": str(box.policy_file),
        "AGENT_OPS_DATA_DIR": "agent-ops-data",
        "LOG_FILE": "logs/app.log",
        "LOG_LEVEL": "INFO",
        "CA_FILE": a.ca_file,
        "AGENT_OPS_CONCURRENCY": "8",
        "AGENT_OPS_EVENT_DAYS": "90",
        "ONBOARDING_STAGE_DELAY_SECONDS": "0",
    }


def write_env(place: Path, values: Mapping[str, str]) -> None:
    (place / ".env").write_text("".join(f"{name}={value}\n" for name, value in values.items()), encoding="utf-8")


class Doctor:
    """Runs `agent-ops doctor` in a directory with a `.env` and nothing else in its environment."""

    def __init__(self, box: Sandbox, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.box, self.place = box, place
        monkeypatch.chdir(place)
        for name in good_values(box):
            monkeypatch.delenv(name, raising=False)
        for name, value in BLANK.items():
            monkeypatch.setenv(name, value)

    def text(self, *arguments: str, **changes: str | None) -> Result:
        """One run; ``changes`` replace values, None takes one away."""
        values = {**good_values(self.box), **changes}
        write_env(self.place, {name: value for name, value in values.items() if value is not None})
        result = CliRunner().invoke(main, ["doctor", *arguments])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    def diagnosis(self, *arguments: str, **changes: str | None) -> dict[str, Any]:
        result = self.text("--json", *arguments, **changes)
        found: dict[str, Any] = json.loads(result.stdout)
        assert (result.exit_code == 0) == found["healthy"]
        return found

    def failing(self, *arguments: str, **changes: str | None) -> list[dict[str, Any]]:
        return self.lines("missing", "wrong", arguments=arguments, **changes)

    def lines(self, *verdicts: str, arguments: tuple[str, ...] = (), **changes: str | None) -> list[dict[str, Any]]:
        return [line for line in self.diagnosis(*arguments, **changes)["lines"] if line["verdict"] in verdicts]
