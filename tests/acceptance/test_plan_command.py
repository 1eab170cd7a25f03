"""`agent-ops plan` and `apply` as a user runs them: whole processes, judged by the twins' own records and by the files."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from agent_ops import Sandbox
from agent_ops.domain.plans import bound
from agent_ops.sandbox.records import Call, Records
from tests.acceptance.test_command_line import EXIT_OK, EXIT_USAGE, agent_ops

pytestmark = pytest.mark.slow
EXIT_NOT_IN_PLACE = 1
HIRE = ["--team", "Data", "--level", "L3", "--location", "Lisbon", "--manager", "Dana Whitfield", "--sandbox"]


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox that several processes attach to."""
    running = Sandbox(tmp_path_factory.mktemp("plans") / "agent-ops-data").start()
    yield running
    running.stop()


def calls(box: Sandbox) -> list[Call]:
    records = Records(box.directory / "records.db")
    try:
        return list(records.calls())
    finally:
        records.close()


def writes(made: list[Call]) -> list[Call]:
    """Everything that is neither a read nor the login at the token endpoint."""
    return [c for c in made if c.effect or (c.method not in ("GET", "HEAD") and not c.path.endswith("/oauth2/v2.0/token"))]


def databases(box: Sandbox) -> dict[str, bytes]:
    """The databases' bytes, with what their logs hold."""
    return {path.name: path.read_bytes() for path in box.data_dir.glob("*.db*") if not path.name.endswith("-shm")}


def test_a_plan_changes_nothing_and_is_applied_exactly(box: Sandbox, tmp_path: Path) -> None:
    place, file = box.data_dir.parent, tmp_path / "plan.json"
    first = agent_ops("onboard", "Somebody Before", "--team", "Sales", "--external-id", "P-0", "--sandbox", cwd=place)
    assert first.returncode == EXIT_OK, first.stderr
    hire = ["Zoë Müller", *HIRE, "--item", "m365", "--item", "database", "--item", "salesforce", "--external-id", "P-1"]
    before, seen = databases(box), len(calls(box))
    done = agent_ops("plan", *hire, "--out", str(file), cwd=place)
    assert done.returncode == EXIT_OK, done.stdout + done.stderr
    made = calls(box)[seen:]
    assert any(call.twin == "entra" and call.method == "GET" for call in made), "the directory was asked"
    assert writes(made) == []
    assert databases(box) == before
    for words in ("zoe.muller@acme.example", "provisioning/database", "team-lead@acme.example", "salesforce denied", "SPE_E3"):
        assert words in done.stdout
    assert file.stat().st_mode & 0o077 == 0

    plan = json.loads(file.read_text(encoding="utf-8"))
    applied = agent_ops("apply", str(file), "--sandbox", "--json", cwd=place)
    assert applied.returncode == EXIT_OK, applied.stdout + applied.stderr
    report = json.loads(applied.stdout)
    assert report["employee"]["address"] == "zoe.muller@acme.example"
    with closing(sqlite3.connect(box.data_dir / "operations.db")) as conn:
        rows = conn.execute("SELECT key, attempt, pinned, state FROM effects WHERE run_id = ?", (report["run"],)).fetchall()
    unknown, entra_id = json.dumps("(not yet)"), json.dumps(report["employee"]["entra_id"])
    performed = {key: (attempt, bound(json.loads(pinned.replace(entra_id, unknown)))) for key, attempt, pinned, _ in rows}
    assert performed == {effect["key"]: (effect["attempt"], bound(effect["pinned"])) for effect in plan["effects"]}
    assert {state for *_, state in rows} == {"succeeded"}

    effects = len(box.effects())
    again = agent_ops("apply", str(file), "--sandbox", "--json", cwd=place)
    assert json.loads(again.stdout)["run"] == report["run"]
    assert len(box.effects()) == effects
    nothing = agent_ops("plan", *hire, cwd=place)
    assert nothing.returncode == EXIT_OK
    assert "nothing is left to do for Zoë Müller" in nothing.stdout


def test_an_address_that_others_have_is_planned_with_the_suffix_that_it_would_get(box: Sandbox) -> None:
    done = agent_ops("plan", "Alice Chen", *HIRE, "--external-id", "P-2", "--json", cwd=box.data_dir.parent)
    assert done.returncode == EXIT_OK, done.stderr
    account = json.loads(done.stdout)["effects"][0]
    assert account["pinned"]["userPrincipalName"] == "alice.chen2@acme.example"


async def test_a_directory_that_changed_stops_it_and_says_where(box: Sandbox, tmp_path: Path) -> None:
    place, file = box.data_dir.parent, tmp_path / "plan.json"
    done = agent_ops("plan", "Ida Berg", *HIRE, "--external-id", "P-3", "--json", cwd=place)
    file.write_text(done.stdout, encoding="utf-8")
    await box.plant_group("A list", mail="ida.berg@acme.example")
    before, seen = databases(box), len(calls(box))
    stopped = agent_ops("apply", str(file), "--sandbox", cwd=place)
    assert stopped.returncode == EXIT_USAGE
    assert "userPrincipalName" in stopped.stdout
    assert '"ida.berg@acme.example"' in stopped.stdout
    assert '"ida.berg2@acme.example"' in stopped.stdout
    assert "Plan again" in stopped.stderr
    assert writes(calls(box)[seen:]) == []
    assert databases(box) == before
    machine = agent_ops("apply", str(file), "--sandbox", "--json", cwd=place)
    assert json.loads(machine.stdout)["differences"][0] == {
        "effect": "entra.create_account account",
        "field": "mailNickname",
        "planned": '"ida.berg"',
        "present": '"ida.berg2"',
    }


def test_a_changed_byte_is_refused(box: Sandbox, tmp_path: Path) -> None:
    place, file = box.data_dir.parent, tmp_path / "plan.json"
    text = agent_ops("plan", "Uma Byte", *HIRE, "--external-id", "P-4", "--json", cwd=place).stdout.encode()
    for changed in (text.replace(b"uma.byte@", b"uma.bite@"), text.replace(b"  ", b" ", 1), b"\xff" + text, b"nonsense"):
        file.write_bytes(changed)
        done = agent_ops("apply", str(file), "--sandbox", cwd=place)
        assert done.returncode == EXIT_USAGE
        assert "plan" in done.stderr
        assert "Nothing was changed" in done.stderr
        assert done.stderr.count("\n") == 1
    assert agent_ops("status", "Uma Byte", cwd=place).returncode == EXIT_USAGE


async def test_a_known_hire_is_planned_as_far_as_something_is_left(box: Sandbox, tmp_path: Path) -> None:
    place, file = box.data_dir.parent, tmp_path / "plan.json"
    hire = ["Tilda Rest", *HIRE, "--external-id", "P-5", "--item", "database", "--item", "github"]
    await box.pipeline_outcome("provisioning/database", match={"USER_EMAIL": "tilda.rest@acme.example"}, result="FAILURE")
    assert agent_ops("onboard", *hire, cwd=place).returncode == EXIT_NOT_IN_PLACE
    await box.pipeline_outcome("provisioning/database", match={"USER_EMAIL": "tilda.rest@acme.example"}, result="SUCCESS")
    assert agent_ops("plan", *hire, "--out", str(file), cwd=place).returncode == EXIT_OK
    planned = json.loads(file.read_text(encoding="utf-8"))["effects"]
    assert [(e["item"], e["attempt"]) for e in planned] == [("database", 2), ("account.2", 1), ("access.2", 1)]
    done = agent_ops("apply", str(file), "--sandbox", cwd=place)
    assert done.returncode == EXIT_OK, done.stdout
