"""The program as a user runs it: whole processes, judged by what the twins recorded and by what is on the screen."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_ops import Sandbox

pytestmark = pytest.mark.slow
EXIT_OK, EXIT_USAGE, EXIT_SETUP, EXIT_WAITING = 0, 2, 3, 4


def agent_ops(*arguments: str, cwd: Path, timeout: float = 60, **env: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a directory of its own, with an almost empty environment."""
    return subprocess.run(
        [sys.executable, "-m", "agent_ops", *arguments],
        cwd=cwd,
        env={"PATH": "/usr/bin:/bin", "COLUMNS": "200", "PYTHONUTF8": "1", **env},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """One run of the demo, whose files the tests read."""
    place = tmp_path_factory.mktemp("demo")
    return place, agent_ops("demo", cwd=place)


def test_the_demo_onboards_five_as_described(demo: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    place, done = demo
    assert done.returncode == EXIT_OK, done.stdout + done.stderr
    for words in ("priya.natarajan@", "zoe.angstrom-muller@", "sukarno@", "alice.chen2@", "tomas.rivera@"):
        assert words in done.stdout
    assert "LimitExceeded" in done.stdout
    assert "5 accounts, 20 builds and 10 mails" in done.stdout
    assert str(place / "agent-ops-data" / "operations.db") in done.stdout


def test_the_services_own_records_show_one_of_each(demo: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    place, _ = demo
    effects = Sandbox(place / "agent-ops-data").effects()
    accounts = [call.detail["upn"] for call in effects if call.effect == "entra.create"]
    builds = [(call.detail["job"], call.detail["parameters"]["USER_EMAIL"]) for call in effects if call.effect == "jenkins.build"]
    mails = [call.detail["message_id"] for call in effects if call.effect == "mail"]
    assert len(accounts) == len(set(accounts)) == 5
    assert len(builds) == len(set(builds)) == 20
    assert {user for _, user in builds} == set(accounts)
    assert len(mails) == len(set(mails)) == 10


def test_the_failed_pipeline_is_told_by_mail(demo: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    place, _ = demo
    mailbox = place / "agent-ops-data" / "sandbox" / "mailbox"
    letters = [letter.read_text(encoding="utf-8") for letter in mailbox.glob("*.eml")]
    (failed,) = [letter for letter in letters if "3 of 4" in letter]
    assert "LimitExceeded" in failed
    assert "team-lead@acme.example" in failed


def test_status_reads_it_back_without_any_service(demo: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    place, _ = demo
    everybody = json.loads(agent_ops("status", "--json", cwd=place).stdout)
    assert [report["status"] for report in everybody].count("done") == 4
    one = json.loads(agent_ops("status", "Tomás Rivera", "--json", cwd=place).stdout)
    items = {item["item"]: item["status"] for item in one[0]["access_items"]}
    assert items == {"aws": "failed", "github": "verified", "confluence": "verified", "database": "completed"}
    assert any(event["kind"] == "thought" for event in one[0]["events"])
    assert "tomas.rivera" in agent_ops("status", "Tomás Rivera", cwd=place).stdout


def test_no_secret_of_the_sandbox_is_in_database_or_log(demo: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    data = demo[0] / "agent-ops-data"
    secrets = json.loads((data / "sandbox" / "credentials.json").read_text(encoding="utf-8")).values()
    for path in [*data.glob("*.db*"), *data.glob("*.log*"), *(data / "sandbox").glob("records.db*")]:
        written = path.read_bytes()
        assert all(secret.encode() not in written for secret in secrets), path


def test_a_second_demo_moves_the_first_aside_and_onboard_goes_on(tmp_path: Path) -> None:
    (tmp_path / "agent-ops-data").mkdir()
    (tmp_path / "agent-ops-data" / "keys.json").write_text("{}", encoding="utf-8")
    (tmp_path / "agent-ops-data" / "keep.txt").write_text("mine", encoding="utf-8")
    done = agent_ops("demo", cwd=tmp_path)
    assert done.returncode == EXIT_OK, done.stdout + done.stderr
    assert [path.read_text(encoding="utf-8") for path in tmp_path.glob("agent-ops-data.*/keep.txt")] == ["mine"]
    arguments = ["onboard", "Alice Chen", "--team", "Sales", "--external-id", "E-77", "--sandbox", "--json"]
    first, again = agent_ops(*arguments, cwd=tmp_path), agent_ops(*arguments, cwd=tmp_path)
    assert first.returncode == again.returncode == EXIT_OK, first.stderr
    report = json.loads(first.stdout)
    assert report["employee"]["address"] == "alice.chen3@acme.example"
    assert json.loads(again.stdout)["run"] == report["run"]


def test_the_demo_moves_nothing_that_is_not_its_own(tmp_path: Path) -> None:
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.txt").write_text("mine", encoding="utf-8")
    done = agent_ops("demo", "--data-dir", "precious", cwd=tmp_path)
    assert done.returncode == EXIT_SETUP
    assert "no data directory of Agent Ops" in done.stderr
    assert (tmp_path / "precious" / "thesis.txt").exists()


def test_code_in_the_current_directory_stays_out_of_the_sandbox(tmp_path: Path) -> None:
    for name in ("secrets", "json", "aiohttp"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('code of the current directory ran')", encoding="utf-8")
    script = Path(sys.executable).parent / "agent-ops"
    command = [str(script), "onboard", "Ana Silva", "--team", "Sales", "--external-id", "E-1", "--sandbox"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == EXIT_OK, done.stdout + done.stderr


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox that several processes attach to."""
    running = Sandbox(tmp_path_factory.mktemp("shared") / "agent-ops-data").start()
    yield running
    running.stop()


@pytest.mark.parametrize(
    ("arguments", "words", "code"),
    [
        (["", "--team", "Sales"], "name: is empty", EXIT_USAGE),
        (["Ana\x07Silva", "--team", "Sales"], "U+0007", EXIT_USAGE),
        (["Ana Silva", "--team", "Astrology"], "'Astrology' is not in the entitlement policy", EXIT_USAGE),
        (["Ana Silva", "--team", "Sales", "--item", "root-shell"], "'root-shell' is not in the catalogue", EXIT_USAGE),
        (["Ana Silva", "--team", "Sales", "--joining-date", "2026-02-30"], "is no date", EXIT_USAGE),
        (["Ana Silva", "--team", "Sales", "--level", "L9"], "no level", EXIT_USAGE),
        (["Ana Silva", "--team", "Sales", "--external-id", " "], "external_id: must be", EXIT_USAGE),
        (["Ana Silva", "--team", "Sales", "--idempotency-key", ""], "idempotency_key: must have", EXIT_USAGE),
        (["Ana Silva", "--team", "Sales", "--data-dir", "x" * 300], "File name too long", EXIT_SETUP),
        (["Ana Silva", "--team", "Sales", "--policy", "absent.toml"], "cannot be read", EXIT_SETUP),
    ],
)
def test_bad_input_gets_one_line_that_says_what_to_do(box: Sandbox, arguments: list[str], words: str, code: int) -> None:
    done = agent_ops("onboard", *arguments, "--sandbox", cwd=box.data_dir.parent)
    assert done.returncode == code
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr


def test_nothing_of_the_users_leaks_into_the_sandbox(tmp_path: Path) -> None:
    """The machine's proxies, certificates, profiles and live settings are all garbage: nobody looks at them."""
    (tmp_path / ".env").write_text("TENANT_ID=live\nSMTP_HOST=mail.live.example\nAWS_REGION=live\n", encoding="utf-8")
    garbage = {
        **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"), "http://127.0.0.1:9"),
        **dict.fromkeys(("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE"), "/nowhere/ca.pem"),
        **dict.fromkeys(("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_CONFIG_FILE", "AWS_ENDPOINT_URL"), "http://nowhere"),
        "CLIENT_SECRET": "live",
        "JENKINS_SSM_PARAMETER": "live",
        "LANGSMITH_TRACING": "false",
    }
    arguments = ["onboard", "Ana Silva", "--team", "Sales", "--external-id", "E-1", "--sandbox"]
    done = agent_ops(*arguments, cwd=tmp_path, **garbage)
    assert done.returncode == EXIT_OK, done.stdout + done.stderr


def test_without_settings_nothing_is_chosen_silently(tmp_path: Path) -> None:
    done = agent_ops("onboard", "Ana Silva", "--team", "Sales", cwd=tmp_path)
    assert done.returncode == EXIT_SETUP
    assert "TENANT_ID" in done.stderr
    assert "--sandbox" in done.stderr
    assert not (tmp_path / "agent-ops-data").exists()


def test_status_of_nothing_says_where_it_looked(tmp_path: Path) -> None:
    done = agent_ops("status", cwd=tmp_path)
    assert done.returncode == EXIT_USAGE
    assert "there is no database in agent-ops-data" in done.stderr
    assert not (tmp_path / "agent-ops-data").exists()


def test_a_corrupt_database_is_told_and_left_alone(box: Sandbox) -> None:
    data = box.data_dir.parent / "corrupt"
    data.mkdir()
    (data / "operations.db").write_bytes(b"this is no database" * 100)
    done = agent_ops("status", "--data-dir", str(data), cwd=box.data_dir.parent)
    assert done.returncode == EXIT_SETUP
    assert "cannot be used" in done.stderr
    assert "backup" in done.stderr
    assert (data / "operations.db").read_bytes().startswith(b"this is no database")


def test_a_data_directory_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    done = agent_ops("onboard", "Ana Silva", "--team", "Sales", "--sandbox", "--data-dir", "file/below", cwd=tmp_path)
    assert done.returncode == EXIT_SETUP
    assert "cannot be used" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_database_that_another_program_holds_is_told_after_a_wait(box: Sandbox) -> None:
    place = box.data_dir.parent
    first = agent_ops("onboard", "Hol Der", "--team", "Sales", "--external-id", "L-1", "--sandbox", cwd=place)
    assert first.returncode == EXIT_OK, first.stderr
    holder = sqlite3.connect(box.data_dir / "operations.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        done = agent_ops("onboard", "Wai Ter", "--team", "Sales", "--external-id", "L-2", "--sandbox", cwd=place)
    finally:
        holder.execute("ROLLBACK")
        holder.close()
    assert done.returncode == EXIT_SETUP
    assert "locked" in done.stderr
    assert agent_ops("status", "Wai Ter", cwd=place).returncode == EXIT_USAGE


def test_a_service_that_is_down_is_told_and_left_to_the_worker(box: Sandbox) -> None:
    live = {
        "TENANT_ID": "00000000-0000-4000-8000-000000000001",
        "CLIENT_ID": "00000000-0000-4000-8000-000000000002",
        "CLIENT_SECRET": "canary-secret",
        "AWS_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "k",
        "AWS_SECRET_ACCESS_KEY": "canary-key",
        "JENKINS_SSM_PARAMETER": "/jenkins",
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": "9",
        "SMTP_FROM": "agent-ops@acme.example",
        "AGENT_OPS_FIRST_CONTACT": "first@acme.example",
        "AGENT_OPS_SECOND_CONTACT": "second@acme.example",
        "AGENT_OPS_POLICY_FILE": str(box.policy_file),
        "AGENT_OPS_AUTHORITY": "https://127.0.0.1:9",
        "AGENT_OPS_GRAPH_URL": "https://127.0.0.1:9/v1.0",
        "CA_FILE": box.addresses.ca_file,
    }
    place = box.data_dir.parent
    done = agent_ops("onboard", "Ana Silva", "--team", "Sales", "--data-dir", "live", "--json", cwd=place, **live)
    assert done.returncode == EXIT_WAITING, done.stderr
    report = json.loads(done.stdout)
    assert report["status"] == "waiting"
    assert "cannot be reached" in report["summary"]
    assert {item["status"] for item in report["access_items"]} == {"pending"}
    assert "canary" not in done.stdout + done.stderr
    written = [path for top in ("live", "logs") for path in (place / top).rglob("*") if path.is_file()]
    assert len(written) >= 3
    assert [path for path in written if b"canary" in path.read_bytes()] == []


def test_help_names_every_command_and_option() -> None:
    done = agent_ops("--help", cwd=Path.cwd())
    assert done.returncode == EXIT_OK
    for command in ("demo", "onboard", "policy", "sandbox", "status"):
        assert command in done.stdout
        assert agent_ops(command, "--help", cwd=Path.cwd()).returncode == EXIT_OK
