"""Jira as an operator meets it: settings written for the twins, the doctor's line, the command's options."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from agent_ops import Sandbox, Settings
from agent_ops.cli import main
from agent_ops.cli.options import references
from agent_ops.domain.errors import InvalidRequest
from agent_ops.policies import EXAMPLE
from agent_ops.runtime import evidence_sources
from agent_ops.settings import twins_environment
from tests.acceptance.live_env import Doctor
from tests.approving import approving_policy


@pytest.fixture
def doctor(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Doctor:
    for name in (f"{service}_{what}" for service in ("JIRA", "CONFLUENCE") for what in ("BASE_URL", "USERNAME", "API_TOKEN")):
        monkeypatch.delenv(name, raising=False)
    return Doctor(sandbox, tmp_path, monkeypatch)


def jira_line(doctor: Doctor, **values: str) -> tuple[str, str]:
    (line,) = [line for line in doctor.diagnosis(**values)["lines"] if line["check"] == "Jira token"]
    return line["verdict"], line["found"]


@pytest.mark.slow
def test_the_doctor_has_a_line_for_jira(doctor: Doctor) -> None:
    written = twins_environment(doctor.box.addresses, EXAMPLE)
    jira = {name: written[name] for name in ("JIRA_BASE_URL", "JIRA_USERNAME", "JIRA_API_TOKEN")}
    assert jira_line(doctor) == ("not configured", "nothing is read from Jira")
    assert jira_line(doctor, **jira) == ("works", f"{jira['JIRA_BASE_URL']} as {jira['JIRA_USERNAME']}")
    verdict, found = jira_line(doctor, **{**jira, "JIRA_API_TOKEN": "outdated"})
    assert (verdict, "401" in found) == ("wrong", True)
    verdict, found = jira_line(doctor, **{**jira, "JIRA_BASE_URL": "http://127.0.0.1:9"})
    assert (verdict, "cannot be reached" in found) == ("wrong", True)


@pytest.mark.parametrize("given", [("database",), ("=SEC-1",), ("database=",), ("database=SEC-1", "database=SEC-2")])
def test_references_are_written_in_one_way(given: tuple[str, ...]) -> None:
    with pytest.raises(InvalidRequest, match="ITEM=REFERENCE"):
        references(given)
    assert references(("database=SEC-1", "aws=CHG=7")) == {"database": "SEC-1", "aws": "CHG=7"}


async def test_the_command_takes_a_reference(box: Sandbox, tmp_path: Path) -> None:
    """A plan, which is as far as evidence goes and no further."""
    key = await box.jira_issue("SEC", "database for Cle Command")
    await box.jira_move(key, "Approved", "dana.whitfield@acme.example")
    policy = str(approving_policy(tmp_path))
    hire = ["plan", "Cle Command", "--team", "Engineering", "--external-id", "CLE-1", "--item", "database", "--json"]
    where = ["--sandbox", "--data-dir", str(box.data_dir), "--policy", policy]

    def planned(*more: str) -> dict[str, str]:
        result = CliRunner().invoke(main, [*hire, *where, *more])
        assert result.exit_code == 0, result.output
        return {item["item"]: item["status"] for item in json.loads(result.stdout)["items"]}

    assert await asyncio.to_thread(planned, "--evidence", f"database={key}") == {"database": "completed"}
    assert await asyncio.to_thread(planned) == {"database": "denied"}


def test_sources_are_entry_points_and_need_their_settings(sandbox_settings: Settings, settings: Settings) -> None:
    assert set(evidence_sources.evidence_sources(sandbox_settings)) == {"jira"}
    assert evidence_sources.evidence_sources(settings) == {}


def confluence_line(doctor: Doctor, **values: str) -> tuple[str, str]:
    (line,) = [line for line in doctor.diagnosis(**values)["lines"] if line["check"] == "Confluence token"]
    return line["verdict"], line["found"]


@pytest.mark.slow
def test_the_doctor_has_a_line_for_confluence(doctor: Doctor) -> None:
    written = twins_environment(doctor.box.addresses, EXAMPLE)
    jira = {name: value for name, value in written.items() if name.startswith("JIRA_")}
    confluence = {name: value for name, value in written.items() if name.startswith("CONFLUENCE_")}
    assert confluence_line(doctor) == ("not configured", "nothing is read from Confluence")
    root = f"{confluence['CONFLUENCE_BASE_URL']}/wiki"
    assert confluence_line(doctor, **confluence) == ("works", f"{root} as {confluence['CONFLUENCE_USERNAME']}")
    assert confluence_line(doctor, **jira) == ("not configured", "there is no Confluence at JIRA_BASE_URL")
    verdict, found = confluence_line(doctor, **{**confluence, "CONFLUENCE_API_TOKEN": "outdated"})
    assert (verdict, "401" in found) == ("wrong", True)
    verdict, found = confluence_line(doctor, **{**confluence, "CONFLUENCE_BASE_URL": "http://127.0.0.1:9"})
    assert (verdict, "cannot be reached" in found) == ("wrong", True)
