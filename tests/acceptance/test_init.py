"""`agent-ops init` as a person uses it: in a terminal, against the sandbox's twins."""

from __future__ import annotations

import asyncio
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from dotenv import dotenv_values

from agent_ops import Sandbox
from tests.acceptance.live_env import BLANK, good_values, write_env
from tests.acceptance.terminal import Terminal

pytestmark = pytest.mark.slow
REST = (
    *("CA_FILE", "AGENT_OPS_AUTHORITY", "AGENT_OPS_GRAPH_URL", "AGENT_OPS_AWS_ENDPOINT_URL"),
    *("AGENT_OPS_GUARD_DIR", "AGENT_OPS_JENKINS_INSTANCES", "AGENT_OPS_MARKER_ATTRIBUTE"),
)
ENTRA = ("TENANT_ID", "CLIENT_ID", "CLIENT_SECRET")
AWS = ("AWS_REGION", "JENKINS_SSM_PARAMETER", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
MAIL = (
    *("SMTP_HOST", "SMTP_PORT", "AGENT_OPS_SMTP_SECURITY", "SMTP_USERNAME", "SMTP_PASSWORD", "SMTP_FROM"),
    *("AGENT_OPS_FIRST_CONTACT", "AGENT_OPS_SECOND_CONTACT"),
)
POLICY, PLACES = ("AGENT_OPS_POLICY_FILE",), ("AGENT_OPS_DATA_DIR", "LOG_FILE")
USUAL = {"AGENT_OPS_MARKER_ATTRIBUTE", "AGENT_OPS_SMTP_SECURITY"}  # these answers count anyway: they are not written
OWN = "Own certificate authority"


def init(place: Path, *arguments: str) -> Terminal:
    return Terminal("init", *arguments, cwd=place, **BLANK)


def fill(terminal: Terminal, names: tuple[str, ...], values: dict[str, str]) -> None:
    for name in names:
        terminal.wait_for(f"{name}: ")  # the explanation
        terminal.answer(f"{name}", values.get(name, ""))


@pytest.fixture
def values(sandbox: Sandbox) -> dict[str, str]:
    return good_values(sandbox)


def test_from_nothing_to_tested_settings(tmp_path: Path, values: dict[str, str]) -> None:
    with init(tmp_path) as terminal:
        terminal.answer(OWN, "y")
        for names in (REST, ENTRA, AWS, MAIL, POLICY, PLACES):
            fill(terminal, names, values)
        assert terminal.end() == 0, terminal.seen
        seen = terminal.seen
    assert [name for name in ("CLIENT_SECRET", "SMTP_PASSWORD") if values[name] in seen] == []
    asked = {*REST, *ENTRA, *AWS, *MAIL, *POLICY} & set(values)
    assert dict(dotenv_values(tmp_path / ".env")) == {name: values[name] for name in asked - USUAL}
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600
    assert "works" in seen
    again = subprocess.run(
        [sys.executable, "-m", "agent_ops", "doctor"], cwd=tmp_path, env={"PATH": "/usr/bin:/bin", **BLANK}, check=False
    )
    assert again.returncode == 0


def test_a_wrong_answer_is_told_at_once_and_can_be_corrected(tmp_path: Path, values: dict[str, str]) -> None:
    write_env(tmp_path, values)
    with init(tmp_path) as terminal:
        terminal.answer(OWN, "n")
        fill(terminal, ENTRA, {"CLIENT_SECRET": "canary-garbage"})
        terminal.wait_for("AADSTS7000215")
        terminal.answer("Correct it now, or skip", "correct")
        fill(terminal, ENTRA, {"CLIENT_SECRET": values["CLIENT_SECRET"]})
        terminal.wait_for("given to application")
        fill(terminal, AWS, {"AWS_REGION": "garbage\n" + values["AWS_REGION"]})
        terminal.wait_for("as svc-agent-ops")
        for names in (MAIL, POLICY, PLACES):
            fill(terminal, names, {})
        assert terminal.end() == 0, terminal.seen
        assert "canary-garbage" not in terminal.seen
    assert dict(dotenv_values(tmp_path / ".env")) == values


def test_a_missing_permission_is_named_after_the_three_entra_values(
    sandbox: Sandbox, tmp_path: Path, values: dict[str, str]
) -> None:
    write_env(tmp_path, values)
    before = asyncio.run(sandbox.permissions())
    asyncio.run(sandbox.permissions(set(before) - {"Domain.Read.All"}))
    try:
        with init(tmp_path) as terminal:
            terminal.answer(OWN, "n")
            fill(terminal, ENTRA, {})
            terminal.wait_for("Domain.Read.All is absent")
            terminal.wait_for("Correct it now, or skip")
    finally:
        asyncio.run(sandbox.permissions(before))


def test_the_same_answers_again_change_nothing(tmp_path: Path, values: dict[str, str]) -> None:
    text = "# mine\nexport OTHER='keep me'\n\n" + "".join(f"{name}={value}\n" for name, value in values.items()) + "# end"
    (tmp_path / ".env").write_text(text, encoding="utf-8")
    (tmp_path / ".env").chmod(0o644)
    with init(tmp_path) as terminal:
        terminal.answer(OWN, "n")
        for names in (ENTRA, AWS, MAIL, POLICY, PLACES):
            fill(terminal, names, {})
        assert terminal.end() == 0, terminal.seen
        assert "said all this already" in terminal.seen
    assert (tmp_path / ".env").read_text(encoding="utf-8") == text
    assert stat.S_IMODE((tmp_path / ".env").stat().st_mode) == 0o600


def test_what_is_skipped_is_written_as_it_is_and_a_dash_empties(tmp_path: Path, values: dict[str, str]) -> None:
    write_env(tmp_path, values)
    with init(tmp_path) as terminal:
        terminal.answer(OWN, "n")
        fill(terminal, ENTRA, {"CLIENT_ID": "-"})
        terminal.wait_for("CLIENT_ID is not set")
        terminal.answer("Correct it now, or skip", "skip")
        for names in (AWS, MAIL, POLICY, PLACES):
            fill(terminal, names, {})
        assert terminal.end() == 0, terminal.seen
    assert dict(dotenv_values(tmp_path / ".env")) == {**values, "CLIENT_ID": ""}


def test_ctrl_c_leaves_the_old_file(tmp_path: Path, values: dict[str, str]) -> None:
    (tmp_path / ".env").write_text("TENANT_ID=old.example\n", encoding="utf-8")
    with init(tmp_path) as terminal:
        terminal.answer(OWN, "n")
        terminal.answer("TENANT_ID [old.example]", values["TENANT_ID"])
        terminal.wait_for("CLIENT_ID: ")
        terminal.interrupt()
        assert terminal.end() == 130, terminal.seen
        assert "nothing was written" in terminal.seen
    assert (tmp_path / ".env").read_text(encoding="utf-8") == "TENANT_ID=old.example\n"
    assert [path.name for path in tmp_path.iterdir()] == [".env"]


def test_without_a_terminal_it_refuses(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "agent_ops", "init"],
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "needs a terminal" in done.stderr
    assert list(tmp_path.iterdir()) == []
