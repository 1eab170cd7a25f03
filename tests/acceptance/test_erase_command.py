"""`agent-ops erase`, killed at every step and given again: what it began it ends."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from agent_ops import AgentOps, Profile, Settings
from agent_ops.domain.grants import Caller
from agent_ops.runtime.backup import back_up, restore
from tests.acceptance.test_command_line import agent_ops
from tests.bytes import hits
from tests.fakes import FakeServices
from tests.integration.test_erasure import chain_is_whole

pytestmark = pytest.mark.slow
STEPS = ("keep_list", "Eraser._erase_threads", "Store.scrub", "Eraser._erase_aside", "scrub")
_KILLED = """
import asyncio, os, signal, sys
from agent_ops.cli import main
from agent_ops.runtime import erasing
from agent_ops.storage import scrubbing
from agent_ops.storage.store import Store

step = sys.argv.pop(1)
def killed(*args): os.kill(os.getpid(), signal.SIGKILL)
owner, _, name = step.rpartition(".")
setattr({"Eraser": erasing.Eraser, "Store": Store, "": scrubbing if step == "scrub" else erasing}[owner], name, killed)
main()
"""
"""The command, whose process dies where the step would begin."""


@pytest.fixture
async def data_dir(settings: Settings, fakes: FakeServices, tmp_path: Path) -> Path:
    """A database with a person in it, and an older one that a restore moved aside."""
    profile = Profile("Kilian Killed", "Engineering", level="L2", location="Lisbon", external_id="HR-kill")
    async with AgentOps(settings, adapters=fakes.adapters()) as ops:
        await ops.onboard(profile)
        await back_up(settings.data_dir, tmp_path / "backup")
    await restore(settings.data_dir, tmp_path / "backup", Caller("admin"))
    return settings.data_dir


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_a_step_and_given_again_it_completes(step: str, data_dir: Path) -> None:
    arguments = ["erase", "Kilian Killed", "--yes", "--data-dir", str(data_dir)]
    killed = subprocess.run([sys.executable, "-c", _KILLED, step, *arguments], capture_output=True, timeout=60, check=False)
    assert killed.returncode == -9, killed.stderr
    assert hits(data_dir, ["Kilian", "HR-kill"]) != []
    again = agent_ops(*arguments, "--json", cwd=data_dir)
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["already"]
    assert hits(data_dir, ["Kilian", "HR-kill"]) == []
    assert len(json.loads((data_dir / "erased.json").read_text(encoding="utf-8"))) == 1
    assert chain_is_whole(data_dir)


def test_it_says_what_it_did_and_what_it_does_not_reach(data_dir: Path) -> None:
    no = subprocess.run(
        [sys.executable, "-m", "agent_ops", "erase", "Kilian Killed", "--data-dir", str(data_dir)],
        input="n\n", capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert no.returncode == 1
    assert hits(data_dir, ["Kilian"]) != []
    done = agent_ops("erase", "kilian.killed@acme.example", "--yes", "--data-dir", str(data_dir), cwd=data_dir)
    assert done.returncode == 0, done.stderr
    for said in ("is erased", "not touched", "Backups still hold", "outside the data directory"):
        assert said in done.stdout
    assert "erased before" in agent_ops("erase", "Kilian Killed", "--yes", "--data-dir", str(data_dir), cwd=data_dir).stdout
    unknown = agent_ops("erase", "Nobody Here", "--yes", "--data-dir", str(data_dir), cwd=data_dir)
    assert (unknown.returncode, unknown.stdout) == (2, "")
    listed = agent_ops("status", "--json", "--data-dir", str(data_dir), cwd=data_dir)
    assert [person["employee"]["status"] for person in json.loads(listed.stdout)] == ["erased"]
