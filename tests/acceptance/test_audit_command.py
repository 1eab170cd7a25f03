"""`agent-ops audit` and `agent-ops keys`, as somebody at a terminal meets them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sqlite3
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner, Result

from agent_ops import AgentOps, Profile, Settings
from agent_ops.cli import main
from agent_ops.runtime.logs import configure_logging
from agent_ops.storage.head import HEAD_FILE
from tests.fakes import FakeServices
from tests.integration.audit_bench import Attacker


@pytest.fixture
def data_dir(settings: Settings, fakes: FakeServices, ana: Profile, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Two hires, in ./agent-ops-data."""
    monkeypatch.chdir(tmp_path)
    here = Settings(**{**settings.__dict__, "data_dir": tmp_path / "agent-ops-data"})

    async def work() -> None:
        async with AgentOps(here, adapters=fakes.adapters()) as ops:
            await ops.onboard(ana, ["github"])
            await ops.onboard(Profile("Bo Other", "Engineering", external_id="E-2"), ["aws"])

    asyncio.run(work())
    return here.data_dir


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["audit", *arguments])


def test_verify_says_that_all_is_well(data_dir: Path) -> None:
    result = run("verify")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.startswith("yes: ") and "none altered" in result.stdout
    told = json.loads(run("verify", "--json").stdout)
    assert (told["whole"], told["findings"]) == (True, [])
    assert told["head"]["id"] == told["rows"] == told["last"]["id"]


def test_verify_says_what_is_wrong_and_ends_with_1(data_dir: Path, tmp_path: Path) -> None:
    head = (data_dir / "audit-head").read_bytes()
    with Attacker(data_dir) as db:
        db.execute("UPDATE audit SET item = 'vpn' WHERE id = 3")
        db.execute("DELETE FROM audit WHERE id = (SELECT max(id) FROM audit)")
    result = run("verify")
    assert result.exit_code == 1
    assert "NO: 2 findings" in result.stdout
    assert "row 3 was altered" in result.stdout and "is missing at the end" in result.stdout
    assert json.loads(run("verify", "--json").stdout)["findings"][0]["row"] == 3
    (data_dir / "audit-head").unlink()
    assert "the head is missing" in run("verify").stdout
    (tmp_path / "elsewhere").write_bytes(head)
    assert "is missing at the end" in run("verify", "--head", str(tmp_path / "elsewhere")).stdout


def test_verify_only_reads(data_dir: Path) -> None:
    before = {path: path.read_bytes() for path in data_dir.rglob("*") if path.is_file()}
    for arguments in (["verify"], ["export"], ["pack", "--person", "Ana Silva", "--out", "pack.zip"]):
        assert run(*arguments).exit_code == 0
    after = {
        path: path.read_bytes() for path in data_dir.rglob("*") if path.is_file() and not path.name.endswith(("-shm", "-wal"))
    }
    assert {path: before[path] for path in after} == after


def test_the_program_on_the_page_comes_to_the_same(data_dir: Path, tmp_path: Path) -> None:
    """docs/audit.md says how to verify without us; what it shows is run here as it stands."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "audit.md").read_text(encoding="utf-8")
    program = re.search(r"<!-- verify: begin -->\n```python\n(.*?)```", page, re.DOTALL)
    assert program is not None

    def independent() -> str:
        assert run("export", "--out", "rows.jsonl").exit_code == 0
        files = (str(tmp_path / "rows.jsonl"), str(data_dir / "keys.json"), str(data_dir / "audit-head"))
        ended = subprocess.run([sys.executable, "-c", program[1], *files], capture_output=True, text=True, check=False)
        return ended.stdout + ended.stderr

    assert CliRunner().invoke(main, ["keys", "rotate", "--audit"]).exit_code == 0
    assert independent() == "whole\n"
    with Attacker(data_dir) as db:
        db.execute("DELETE FROM audit WHERE id = (SELECT max(id) FROM audit)")
    assert independent() == "rows were cut off\n"
    with Attacker(data_dir) as db:
        db.execute("UPDATE audit SET kind = 'failed' WHERE id = 4")
    assert independent() == "row 4 is not what was written\n"


def test_export_by_period_run_and_employee(data_dir: Path, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in run("export").stdout.splitlines()]
    assert [row["id"] for row in rows] == list(range(1, len(rows) + 1))
    ana = [json.loads(line) for line in run("export", "--employee", "Ana Silva").stdout.splitlines()]
    of_ana = {row["run_id"] for row in ana}
    assert len(of_ana) == 1 and ana == [row for row in rows if row["run_id"] in of_ana]
    assert [json.loads(line) for line in run("export", "--run", of_ana.pop()).stdout.splitlines()] == ana
    today = rows[0]["at"][:10]
    assert len(run("export", "--from", today, "--to", rows[-1]["at"][:10]).stdout.splitlines()) == len(rows)
    assert run("export", "--to", "2020-01-01").stdout == ""
    assert run("export", "--out", str(tmp_path / "rows.jsonl")).stdout == ""
    assert len((tmp_path / "rows.jsonl").read_text().splitlines()) == len(rows)
    assert run("export", "--from", "2021-01-02", "--to", "2021-01-01").exit_code == 2


def test_packs(data_dir: Path, tmp_path: Path) -> None:
    result = run("pack", "--person", "ana.silva@acme.example", "--out", "ana.zip")
    assert result.exit_code == 0, result.output
    with zipfile.ZipFile(tmp_path / "ana.zip") as archive:
        names = set(archive.namelist())
        page = archive.read("README.md").decode()
    assert names >= {"README.md", "audit.jsonl", "grants.jsonl", "events.jsonl", "verification.json"}
    assert "Ana Silva" in page and "Bo Other" not in page
    assert (tmp_path / "ana.zip").stat().st_mode & 0o077 == 0
    assert run("pack", "--from", "2020-01-01", "--out", "all").exit_code == 0
    both = (tmp_path / "all" / "README.md").read_text(encoding="utf-8")
    assert "Ana Silva" in both and "Bo Other" in both
    assert (tmp_path / "all").stat().st_mode & 0o077 == 0
    again = run("pack", "--from", "2020-01-01", "--out", "all")
    assert (again.exit_code, "there already" in again.stderr) == (3, True)
    assert run("pack", "--out", "nothing").exit_code == 2
    nobody = run("pack", "--person", "Nobody", "--out", "nobody")
    assert nobody.exit_code == 2 and not (tmp_path / "nobody").exists()


def test_a_pack_of_an_altered_audit_says_so(data_dir: Path, tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(data_dir / "operations.db")) as db, db:
        db.execute("DROP TRIGGER grants_never_change")
        db.execute("UPDATE grants SET body = replace(body, '\"library\"', '\"somebody\"')")
    db.close()
    with Attacker(data_dir) as attacked:
        attacked.execute("UPDATE audit SET kind = x'ff00' WHERE id = 2")
    result = run("pack", "--person", "Ana Silva", "--out", "ana")
    assert result.exit_code == 1 and "NO: " in result.stdout
    page = (tmp_path / "ana" / "README.md").read_text(encoding="utf-8")
    assert "row 2 was altered" in page and "WRONG: the grant was altered" in page


def test_without_a_database_the_error_says_where_it_looked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for arguments in (["verify"], ["export"], ["pack", "--person", "x", "--out", "y"]):
        result = run(*arguments)
        assert (result.exit_code, "no database in agent-ops-data" in result.stderr) == (2, True)
    assert list(tmp_path.iterdir()) == []


def test_keys_are_listed_rotated_and_retired(data_dir: Path) -> None:
    def keys(*arguments: str) -> Result:
        return CliRunner().invoke(main, ["keys", *arguments])

    assert keys("rotate").stdout.startswith("k2 is the current key")
    assert keys("rotate", "--audit").stdout.startswith("a2 is the current key")
    assert keys("retire", "k1").stdout == "k1 is retired\n"
    told = keys("list").stdout.splitlines()
    assert told == ["k2  sealing, current", "a1  audit, verifies only", "a2  audit, current", "k1  sealing, retired"]
    assert keys("retire", "k2").exit_code == 2
    assert run("verify").exit_code == 0


def test_a_head_that_cannot_be_written_is_said_by_commands_without_a_log(data_dir: Path) -> None:
    head = data_dir / HEAD_FILE
    head.unlink()
    head.mkdir()
    structlog.reset_defaults()  # as in a process of its own
    try:
        done = CliRunner().invoke(main, ["pause", "--reason", "audit"])
    finally:
        configure_logging(None, "INFO")
    assert done.exit_code == 0, done.stderr
    assert re.fullmatch(r"warning: audit_head_left path=\S+ why=it cannot be written: Is a directory\n", done.stderr)
