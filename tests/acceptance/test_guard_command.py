"""The guard from outside: whole processes that refuse to start, and an administrator's rule judged by the twins' records."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner

import agent_ops
from agent_ops import Sandbox
from agent_ops.cli import main
from agent_ops.policies.guard_files import SCHEMA, SHIPPED
from tests.acceptance.live_env import BLANK, good_values, write_env

EXIT_OK, EXIT_SETUP = 0, 3
PERMIT_ALL = '@id("everything") permit (principal, action, resource);'
NO_DATABASE = """
@id("no_database_in_tokyo")
@reason("in Tokyo nobody gets the {item}")
forbid (principal, action, resource == Item::"database") when { resource.employee.location == "tokyo" };
"""
ONBOARD = ("onboard", "Kai Mori", "--team", "Engineering", "--location", "Tokyo", "--item", "database", "--item", "github")


def run(place: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "agent_ops", *arguments],
        cwd=place,
        env={"PATH": "/usr/bin:/bin", "COLUMNS": "200", "PYTHONUTF8": "1", **BLANK, **env},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def refused(done: subprocess.CompletedProcess[str], place: Path, words: str) -> None:
    """One line that says what is wrong, and nothing was begun."""
    assert done.returncode == EXIT_SETUP, done.stdout + done.stderr
    assert words in done.stderr
    assert done.stderr.count("\n") <= 3
    assert "Traceback" not in done.stderr
    assert not (place / "agent-ops-data").exists()


@pytest.mark.slow
@pytest.mark.parametrize("command", [("worker",), ONBOARD, ("plan", *ONBOARD[1:])], ids=["worker", "onboard", "plan"])
def test_every_command_that_changes_something_refuses_broken_rules(
    sandbox: Sandbox, tmp_path: Path, command: tuple[str, ...]
) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "own.cedar").write_text("permit (principal,", encoding="utf-8")
    write_env(tmp_path, {**good_values(sandbox), "AGENT_OPS_GUARD_DIR": "rules"})
    refused(run(tmp_path, *command), tmp_path, "own.cedar cannot be used: unexpected")


@pytest.mark.slow
def test_a_directory_that_is_not_there_is_refused(sandbox: Sandbox, tmp_path: Path) -> None:
    write_env(tmp_path, {**good_values(sandbox), "AGENT_OPS_GUARD_DIR": "absent"})
    refused(run(tmp_path, *ONBOARD), tmp_path, "AGENT_OPS_GUARD_DIR names 'absent', which is no directory")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "guard.cedar cannot be read: No such file or directory"),
        ("", "guard.cedar holds no rule"),
        (PERMIT_ALL, "that no grant lists"),
    ],
    ids=["removed", "emptied", "permits everything"],
)
def test_an_installation_whose_own_rules_were_spoilt_does_not_start(
    sandbox: Sandbox, tmp_path: Path, text: str | None, words: str
) -> None:
    package = shutil.copytree(Path(agent_ops.__file__).parent, tmp_path / "lib" / "agent_ops")
    rules = package / "policies" / "guard.cedar"
    rules.unlink()
    if text is not None:
        rules.write_text(text, encoding="utf-8")
    write_env(tmp_path, good_values(sandbox))
    refused(run(tmp_path, *ONBOARD, PYTHONPATH=str(tmp_path / "lib")), tmp_path, words)


@pytest.mark.slow
async def test_an_administrators_rule_keeps_the_build_from_being_started(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "places.cedar").write_text(NO_DATABASE, encoding="utf-8")
    write_env(tmp_path, {**good_values(sandbox), "AGENT_OPS_GUARD_DIR": "rules"})
    done = run(tmp_path, *ONBOARD, "--external-id", "E-guard", "--json")
    assert done.returncode == EXIT_OK, done.stdout + done.stderr
    report = json.loads(done.stdout)
    items = {item["item"]: (item["status"], item["reason"]) for item in report["access_items"]}
    assert items == {"database": ("denied", "in Tokyo nobody gets the database"), "github": ("completed", "")}
    assert report["denials"] == 1
    address = report["employee"]["address"]
    builds = [call.detail for call in sandbox.effects() if call.effect == "jenkins.build"]
    assert [build["job"] for build in builds if build["parameters"]["USER_EMAIL"] == address] == ["provisioning/github"]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("AGENT_OPS_GUARD_DIR", raising=False)
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "places.cedar").write_text(NO_DATABASE, encoding="utf-8")
    return tmp_path


def test_the_rules_are_shown_with_their_files_and_reasons(place: Path) -> None:
    shown = CliRunner().invoke(main, ["guard", "--dir", "rules"], env={"COLUMNS": "200"})
    assert shown.exit_code == EXIT_OK
    for words in ("guard.cedar", "places.cedar", "not_entitled", "no_database_in_tokyo", "in Tokyo nobody gets the {item}"):
        assert words in shown.stdout


def test_the_configured_directory_is_shown_and_its_text_too(place: Path) -> None:
    assert "no_database_in_tokyo" not in CliRunner().invoke(main, ["guard", "--text"]).stdout
    (place / ".env").write_text("AGENT_OPS_GUARD_DIR=rules\n", encoding="utf-8")
    text = CliRunner().invoke(main, ["guard", "--text"]).stdout
    assert NO_DATABASE in text
    assert "unless { resource.employee == context.grant.employee };" in text


def test_wrong_rules_are_refused_as_at_a_start(place: Path) -> None:
    (place / "rules" / "places.cedar").write_text(NO_DATABASE.replace("location", "city"), encoding="utf-8")
    shown = CliRunner().invoke(main, ["guard", "--dir", "rules"])
    assert shown.exit_code == EXIT_SETUP
    assert "places.cedar does not fit its schema" in shown.stderr
    assert "`city`" in shown.stderr


def test_a_schema_of_another_shape_is_told_in_one_line_and_with_nobodys_values(place: Path) -> None:
    schema = (SHIPPED / SCHEMA).read_text(encoding="utf-8")
    (place / "rules" / "own.cedarschema").write_text(schema.replace("  team: String,", "  team: Long,"), encoding="utf-8")
    structlog.reset_defaults()  # as in a process of its own
    shown = CliRunner().invoke(main, ["guard", "--dir", "rules"])
    assert shown.exit_code == EXIT_SETUP
    assert "the guard's schema does not fit this program" in shown.stderr
    assert (shown.stdout, shown.stderr.count("\n")) == ("", 1)
