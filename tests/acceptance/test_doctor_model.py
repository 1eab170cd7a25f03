"""The doctor asks the model, once; nothing tries to reach one that nobody configured; a wrong key is one line, everywhere."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from proofs.model_server import Call, ModelServer, Reply, serving

from agent_ops import Sandbox
from tests.acceptance.live_env import BLANK, Doctor, good_values, write_env
from tests.observer import observe

pytestmark = pytest.mark.slow


@pytest.fixture
async def server() -> AsyncIterator[ModelServer]:
    async with serving(ModelServer()) as running:
        yield running


@pytest.fixture
def doctor(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Doctor:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "CURSOR_API_KEY", "AGENT_OPS_MODEL"):
        monkeypatch.delenv(name, raising=False)
    return Doctor(sandbox, tmp_path, monkeypatch)


async def line(doctor: Doctor, **values: str) -> tuple[str, str, str]:
    """The model's line; the doctor runs in a thread, beside the server."""
    found = await asyncio.to_thread(lambda: doctor.diagnosis(**values))
    (told,) = [told for told in found["lines"] if told["service"] == "model"]
    return told["verdict"], told["found"], told["remedy"]


async def test_a_good_model_is_asked_once(doctor: Doctor, server: ModelServer) -> None:
    verdict, found, _ = await line(doctor, OPENAI_API_KEY="sk-good", OPENAI_BASE_URL=server.url, AGENT_OPS_MODEL="m")
    assert (verdict, "calls tools" in found) == ("works", True)
    assert len(server.requests) == 1
    assert len(str(server.requests[0])) < 1000, "as cheap as can be"


async def test_a_wrong_key_is_one_line(doctor: Doctor, server: ModelServer) -> None:
    verdict, found, remedy = await line(doctor, OPENAI_API_KEY="sk-wrong", OPENAI_BASE_URL=server.url)
    assert (verdict, "takes no such key" in found, "401" in found) == ("warning", True, True)
    assert "OPENAI_API_KEY" in remedy
    assert "sk-wrong" not in found + remedy
    assert "\n" not in found


async def test_an_unknown_model_is_one_line(doctor: Doctor, server: ModelServer) -> None:
    server.behaviour = lambda messages, number: Reply(status=404, text="The model `m` does not exist")
    verdict, found, remedy = await line(doctor, OPENAI_API_KEY="sk-good", OPENAI_BASE_URL=server.url, AGENT_OPS_MODEL="m")
    assert (verdict, "is not served there" in found) == ("warning", True)
    assert "AGENT_OPS_MODEL" in remedy


async def test_an_unreachable_service_is_one_line(doctor: Doctor) -> None:
    verdict, found, remedy = await line(doctor, OPENAI_API_KEY="sk-good", OPENAI_BASE_URL="http://127.0.0.1:9/v1")
    assert (verdict, "cannot be reached" in found) == ("warning", True)
    assert "OPENAI_BASE_URL" in remedy


@pytest.mark.parametrize("reply", [Reply(text="ready"), Reply([Call("{}", "other")])])
async def test_a_model_that_calls_no_tool_is_one_line(doctor: Doctor, server: ModelServer, reply: Reply) -> None:
    server.behaviour = lambda messages, number: reply
    verdict, found, _ = await line(doctor, OPENAI_API_KEY="sk-good", OPENAI_BASE_URL=server.url)
    assert (verdict, "does not call the tool" in found) == ("warning", True)


async def test_without_a_key_nothing_is_asked(doctor: Doctor, server: ModelServer) -> None:
    assert (await line(doctor, OPENAI_BASE_URL=server.url))[:2] == ("not configured", "the built-in rules plan")
    assert server.requests == []


def command(sandbox: Sandbox, place: Path, *arguments: str, **values: str) -> tuple[str, list[str]]:
    """A command by live settings whose services are the twins, in a process of its own; what it said, and the sockets it used."""
    write_env(place, {**good_values(sandbox), **values})
    env = {"PATH": "/usr/bin:/bin", "HOME": str(place), "PYTHONUTF8": "1", "COLUMNS": "200", **BLANK}
    seen = observe([sys.executable, "-m", "agent_ops", *arguments], place, env, timeout=80)
    assert seen.leaks == [], "not one packet left the loopback"
    return seen.result.stdout + seen.result.stderr, seen.calls


HIRE = ("onboard", "--team", "Engineering", "--item", "github")


async def test_with_no_key_no_socket_goes_to_a_model(sandbox: Sandbox, tmp_path: Path, server: ModelServer) -> None:
    """OPENAI_BASE_URL names the server, so that whoever tried to reach a model would connect to it."""
    hire = (*HIRE, "Nokey Nordmann", "--external-id", "NOKEY-1")
    said, calls = await asyncio.to_thread(lambda: command(sandbox, tmp_path, *hire, OPENAI_BASE_URL=server.url))
    port = server.url.rpartition(":")[2].partition("/")[0]
    assert "github" in said
    assert len(calls) > 5, "the twins on the loopback were to be seen"
    assert [call for call in calls if f"htons({port})" in call] == []
    assert server.requests == []


async def test_with_a_wrong_key_the_first_run_says_so_in_one_line(sandbox: Sandbox, tmp_path: Path, server: ModelServer) -> None:
    hire = (*HIRE, "Wrongkey Nordmann", "--external-id", "WRONGKEY-1")
    given = {"OPENAI_BASE_URL": server.url, "OPENAI_API_KEY": "sk-wrong-key"}
    said, calls = await asyncio.to_thread(lambda: command(sandbox, tmp_path, *hire, **given))
    port = server.url.rpartition(":")[2].partition("/")[0]
    told = [one for one in said.splitlines() if "refuses the key" in one]
    assert len(told) == 1, said
    assert "sk-wrong-key" not in said
    assert len(server.requests) == 1
    assert [call for call in calls if f"htons({port})" in call], "this watch would have seen a connection to the model"
