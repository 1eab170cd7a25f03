"""The program from a ``.env`` alone: no --sandbox, real client libraries, the twins where the real services would be."""

from __future__ import annotations

import json
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.test_command_line import EXIT_OK, EXIT_SETUP, agent_ops

pytestmark = pytest.mark.slow
HIRE = ("onboard", "Ana Silva", "--team", "Engineering", "--level", "L2", "--external-id", "E-1", "--json")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A directory with the .env of a sandbox that `agent-ops sandbox --write-env` serves."""
    directory = tmp_path_factory.mktemp("live")
    command = [sys.executable, "-m", "agent_ops", "sandbox", "--data-dir", "twins", "--write-env", ".env"]
    with subprocess.Popen(command, cwd=directory, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == "live settings for it in .env\n"
        yield directory
        server.send_signal(signal.SIGINT)


def log_lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_hire_is_onboarded_from_the_file_alone(place: Path) -> None:
    assert stat.S_IMODE((place / ".env").stat().st_mode) == 0o600
    done = agent_ops(*HIRE, cwd=place)
    assert done.returncode == EXIT_OK, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["employee"]["address"] == "ana.silva@acme.example"
    seen = {item["item"]: item["status"] for item in report["access_items"]}
    assert seen == {"aws": "completed", "confluence": "verified", "database": "completed", "github": "verified"}
    assert len(list((place / "twins" / "sandbox" / "mailbox").glob("*.eml"))) == 2
    again = agent_ops(*HIRE, cwd=place)
    assert json.loads(again.stdout)["run"] == report["run"]


def test_the_log_of_it_tells_who_what_and_how_long(place: Path) -> None:
    lines = log_lines(place / "logs" / "app.log")
    (ended,) = [line for line in lines if line["event"] == "run_ended"]
    (driven,) = [line for line in lines if line["event"] == "run_driven"]
    assert ended["result"] == "done"
    work = [line for line in lines if line.get("run") == driven["run"] and line["event"] != "request_admitted"]
    assert {(line["request"], line["employee"]) for line in work} == {(driven["request"], driven["employee"])}
    effects = [line for line in work if line["event"] == "effect"]
    sent = [line for line in work if line["event"] == "effect_sent"]
    assert sorted((line["agent"], line["action"]) for line in effects) == sorted((line["agent"], line["action"]) for line in sent)
    assert {line["action"] for line in effects} >= {"entra.create_account", "jenkins.run_pipeline", "mail.send"}
    assert {line["result"] for line in effects} == {"succeeded"}
    assert all(isinstance(line["duration"], float) for line in [*effects, driven, ended])
    admitted = [line for line in lines if line["event"] == "request_admitted"]
    assert [line["repeat"] for line in admitted] == [False, True]
    assert admitted[0]["request"] == driven["request"] != admitted[1]["request"]


def test_the_log_tells_every_call_and_names_nobody(place: Path) -> None:
    done = agent_ops(*HIRE[:1], "Bea Costa", *HIRE[2:6], "--external-id", "E-2", cwd=place, LOG_LEVEL="debug", LOG_FILE="b.log")
    assert done.returncode == EXIT_OK, done.stdout + done.stderr
    calls = [line for line in log_lines(place / "b.log") if line["event"] == "service_call"]
    looking = [call for call in calls if call["service"] in ("GitHub", "Jira", "Confluence")]
    changing = [call for call in calls if call not in looking]
    assert {call["service"] for call in changing} == {"Entra login", "Graph", "AWS SSM", "Jenkins", "mail"}
    assert len(looking) == 5, "whose account, and whether it is a member; whose account, which space, who may see it"
    assert ("POST /users", 201) in {(call["operation"], call["status"]) for call in calls}
    assert all({"run", "request", "employee", "duration"} <= set(call) for call in calls), calls
    assert all({"agent", "action"} <= set(call) for call in changing), calls
    written = (place / "b.log").read_text(encoding="utf-8").casefold()
    assert not re.search("bea|costa|@|it-desk", written)


def test_a_certificate_signs_in_where_the_secret_would(place: Path) -> None:
    pem = place / "twins" / "sandbox" / "client.pem"
    certified = {"CLIENT_SECRET": "not-the-one", "AGENT_OPS_CLIENT_CERTIFICATE_FILE": str(pem)}
    done = agent_ops("onboard", "Cara Diaz", *HIRE[2:6], "--external-id", "E-3", cwd=place, timeout=110, **certified)
    assert done.returncode == EXIT_OK, done.stdout + done.stderr


def test_the_twins_rewrite_their_own_file_only(place: Path, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("TENANT_ID=mine\n", encoding="utf-8")
    done = agent_ops("sandbox", "--write-env", ".env", cwd=tmp_path)
    assert done.returncode == EXIT_SETUP
    assert ".env exists and was not written here" in done.stderr
    assert (tmp_path / ".env").read_text(encoding="utf-8") == "TENANT_ID=mine\n"


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"CLIENT_SECRET": "not-the-one"}, "AADSTS7000215: Invalid client secret provided."),
        ({"CLIENT_ID": "11111111-1111-4111-8111-111111111111"}, "AADSTS700016"),
        ({"TENANT_ID": "11111111-1111-4111-8111-111111111111"}, "AADSTS90002"),
    ],
)
def test_a_setting_that_only_the_service_can_refuse_is_told_in_its_words(
    place: Path, change: dict[str, str], line: str, tmp_path: Path
) -> None:
    number = f"E-{next(iter(change))}"
    done = agent_ops(
        *HIRE[:1],
        "Wrong Setting",
        *HIRE[2:6],
        "--external-id",
        number,
        "--json",
        "--data-dir",
        str(tmp_path),
        cwd=place,
        **change,
    )
    report = json.loads(done.stdout)
    assert report["employee"]["status"] == "failed"
    assert line in report["employee"]["reason"]
