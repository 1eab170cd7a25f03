"""Callers and breakers from outside: whole processes, their exit codes and their words."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import sqlite3
from pathlib import Path

import pytest

from agent_ops import AgentOps, Caller, Sandbox, Settings
from agent_ops.cli.at_rest import at_rest
from agent_ops.policies import EXAMPLE
from agent_ops.runtime.breakers import BreakerPanel
from tests.acceptance.test_command_line import EXIT_OK, EXIT_USAGE, EXIT_WAITING, agent_ops
from tests.fakes import FakeServices
from tests.limited import ASKS, hire, limited

pytestmark = pytest.mark.slow
ME = pwd.getpwuid(os.getuid()).pw_name
ELSEWHERE = {"SUDO_USER": "mallory", "USER": "mallory", "LOGNAME": "mallory", "USERNAME": "mallory"}


def policy(place: Path, more: str) -> str:
    file = place / "mine.toml"
    file.write_text(f"{EXAMPLE.read_text(encoding='utf-8')}\n{more}\n", encoding="utf-8")
    return str(file)


async def tripped(settings: Settings, fakes: FakeServices, who: str) -> Path:
    """A data directory with a breaker that this caller's burst tripped."""
    async with AgentOps(limited(settings, burst_requests=2), adapters=fakes.adapters(), caller=Caller(who, ASKS)) as ops:
        for number in range(3):
            await ops.submit(hire(number))
    return settings.data_dir


async def test_another_user_closes_it(settings: Settings, fakes: FakeServices, tmp_path: Path) -> None:
    data = str(await tripped(settings, fakes, "os:somebody.else"))
    listed = agent_ops("breaker", "--data-dir", data, cwd=tmp_path)
    assert listed.returncode == EXIT_OK, listed.stderr
    assert "breaker 1 holds what os:somebody.else asked for since" in listed.stdout
    (found,) = json.loads(agent_ops("breaker", "list", "--json", "--data-dir", data, cwd=tmp_path).stdout)
    assert (found["kind"], found["holds"], found["tripped_by"]) == ("burst", "os:somebody.else", ["os:somebody.else"])
    closed = agent_ops("breaker", "close", "1", "--data-dir", data, cwd=tmp_path)
    assert closed.returncode == EXIT_OK, closed.stderr
    assert f"closed by os:{ME}" in closed.stdout
    assert agent_ops("breaker", "--data-dir", data, cwd=tmp_path).stdout == "no breaker is open\n"
    assert f"closed by os:{ME}" in agent_ops("breaker", "list", "--all", "--data-dir", data, cwd=tmp_path).stdout
    again = agent_ops("breaker", "close", "1", "--data-dir", data, cwd=tmp_path)
    assert again.returncode == EXIT_USAGE
    assert "Nothing is held by it" in again.stderr


async def test_who_tripped_it_cannot_close_it_under_any_name(settings: Settings, fakes: FakeServices, tmp_path: Path) -> None:
    data = str(await tripped(settings, fakes, f"os:{ME}"))
    refused = agent_ops("breaker", "close", "1", "--data-dir", data, cwd=tmp_path, **ELSEWHERE)
    assert refused.returncode == EXIT_USAGE
    assert f"os:{ME} tripped breaker 1, so somebody else has to close it" in refused.stderr
    assert "[callers]" in refused.stderr
    assert "breaker 1 holds" in agent_ops("breaker", "--data-dir", data, cwd=tmp_path).stdout


async def test_closing_needs_the_scope(settings: Settings, fakes: FakeServices, tmp_path: Path) -> None:
    data = str(await tripped(settings, fakes, "os:somebody.else"))
    file = policy(tmp_path, f'[callers]\n"{ME}" = ["onboard", "status"]\nmallory = ["admin"]')
    for command in (("breaker", "close", "1"), ("pause",)):
        refused = agent_ops(*command, "--data-dir", data, "--policy", file, cwd=tmp_path, **ELSEWHERE)
        assert refused.returncode == EXIT_USAGE
        assert f"os:{ME} lacks the scope 'admin'" in refused.stderr
        assert "[callers] (docs/policy.md)" in refused.stderr


def test_a_user_whom_the_policy_does_not_name_may_not_onboard(tmp_path: Path) -> None:
    hire = ["Ana Silva", "--team", "Sales", "--external-id", "E-1", "--sandbox", "--policy"]
    others = policy(tmp_path, '[callers]\nmallory = ["onboard", "status", "admin"]')
    for command in ("onboard", "plan"):
        refused = agent_ops(command, *hire, others, cwd=tmp_path, **ELSEWHERE)
        assert refused.returncode == EXIT_USAGE
        assert f"os:{ME} lacks the scope 'onboard'" in refused.stderr
    done = agent_ops("onboard", *hire, policy(tmp_path, f'[callers]\n"{ME}" = ["onboard"]'), cwd=tmp_path, **ELSEWHERE)
    assert done.returncode == EXIT_OK, done.stderr
    with contextlib.closing(sqlite3.connect(tmp_path / "agent-ops-data" / "operations.db")) as database, database:
        (body,) = database.execute("SELECT body FROM grants").fetchone()
    assert json.loads(body)["caller"] == f"os:{ME}"


async def test_a_held_hire_waits_and_is_onboarded_after_the_closing(tmp_path: Path) -> None:
    """Against the twins: the services' records show what was held, and who was told."""
    file = policy(tmp_path, "[limits]\nburst_requests = 1")
    data = tmp_path / "agent-ops-data"
    asked = ["--team", "Contractors", "--sandbox", "--policy", file, "--external-id"]
    hires = [["onboard", name, *asked, name] for name in ("Ana Silva", "Bo Lind")]
    first, held = agent_ops(*hires[0], cwd=tmp_path), agent_ops(*hires[1], cwd=tmp_path)
    assert (first.returncode, held.returncode) == (EXIT_OK, EXIT_WAITING), held.stderr
    words = " ".join(held.stdout.split())
    assert f"breaker 1 holds what os:{ME} asked for" in words
    assert "2 requests within 60 s, where 1 are ordinary" in words
    assert "2 requests within 60 s" in " ".join(agent_ops("status", "Bo Lind", cwd=tmp_path).stdout.split())
    effects = Sandbox(data).effects()
    assert [call.detail["upn"] for call in effects if call.effect == "entra.create"] == ["ana.silva@acme.example"]
    letters = [letter.read_text(encoding="utf-8") for letter in (data / "sandbox" / "mailbox").glob("*.eml")]
    assert sum("Breaker 1 tripped" in letter for letter in letters) == 2
    refused = agent_ops("breaker", "close", "1", cwd=tmp_path)
    assert refused.returncode == EXIT_USAGE, "the same user"
    assert agent_ops(*hires[1], cwd=tmp_path).returncode == EXIT_WAITING
    async with at_rest(data, None) as (store, _, _):
        await BreakerPanel(store).close(Caller("os:somebody.else", frozenset({"admin"})), 1)
    done = agent_ops(*hires[1], cwd=tmp_path)
    assert done.returncode == EXIT_OK, done.stdout + done.stderr
    created = [call.detail["upn"] for call in Sandbox(data).effects() if call.effect == "entra.create"]
    assert created == ["ana.silva@acme.example", "bo.lind@acme.example"]


def test_an_unknown_scope_is_told_with_the_known_ones(tmp_path: Path) -> None:
    told = agent_ops("policy", "--policy", policy(tmp_path, '[callers]\nalice = ["everything"]'), cwd=tmp_path)
    assert told.returncode == 3
    assert "[callers] alice has unknown scopes: everything (known: admin, delete" in told.stderr
