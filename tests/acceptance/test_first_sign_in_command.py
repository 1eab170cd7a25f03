"""`agent-ops first-sign-in` as an IT person uses it; afterwards every byte that was written is searched for the pass."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from agent_ops import Sandbox
from agent_ops.sandbox import Fault, FaultKind
from agent_ops.settings import twins_environment, write_env_file
from tests.acceptance.terminal import Terminal
from tests.acceptance.test_command_line import agent_ops

pytestmark = pytest.mark.slow
ISSUED = re.compile(r"^    (\S{8,48})\s*$", re.MULTILINE)


class Place:
    """A directory with live settings for a sandbox, a hire who is on board, and the passes that were shown."""

    def __init__(self, path: Path) -> None:
        self.path, self.box = path, Sandbox(path / "twins").start()
        self.shown: list[str] = []
        self.said: list[str] = []
        write_env_file(path / ".env", twins_environment(self.box.addresses, self.box.policy_file), "a test's")

    def run(self, *arguments: str, code: int = 0) -> str:
        """The standard output of a command; its standard error, like every other word, is kept to be searched."""
        done = agent_ops(*arguments, cwd=self.path, timeout=100, LOG_LEVEL="DEBUG")
        self.said.append(done.stderr)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout if code == 0 else done.stderr

    def leaks(self) -> list[str]:
        """Where one of the passes stands, in any form."""
        files = [p for p in self.path.rglob("*") if p.is_file()]
        assert {"operations.db", "app.log", "records.db"} <= {p.name for p in files}
        contents = [(p.name, p.read_bytes()) for p in files] + [("the screen", word.encode()) for word in self.said]
        return [f"{where}: {form!r}" for where, content in contents for form in map(str.encode, self.forms()) if form in content]

    def forms(self) -> list[str]:
        plain = [(text, quote(text, safe=""), base64.b64encode(text.encode()).decode()) for text in self.shown]
        return [form for forms in plain for form in forms]

    def issues(self) -> int:
        return len([call for call in self.box.effects("entra") if call.effect == "entra.access_pass"])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    found = Place(tmp_path_factory.mktemp("sign-in"))
    found.run("onboard", "Nora Newcomer", "--team", "Engineering", "--item", "m365", "--external-id", "N-1")
    assert found.issues() == 0, "no pass is made during a run"
    yield found
    found.box.stop()


def test_a_pipe_gets_none_unless_told_so(place: Place) -> None:
    said = place.run("first-sign-in", "Nora Newcomer", code=2)
    assert "--show" in said and place.issues() == 0


def test_the_pass_is_printed_once_and_written_nowhere(place: Place) -> None:
    shown = place.run("first-sign-in", "nora.newcomer@acme.example", "--show")
    found = ISSUED.findall(shown)
    assert len(found) == 1 and shown.count(found[0]) == 1
    assert all(words in shown for words in ("60 minutes", "https://aka.ms/mysecurityinfo", "nora.newcomer@acme.example"))
    place.shown += found
    told = json.loads(place.run("first-sign-in", "Nora Newcomer", "--show", "--json"))
    assert (told["minutes"], told["replaced"]) == (60, True)
    place.shown.append(told["pass"])
    assert len(set(place.shown)) == 2
    with Terminal("first-sign-in", "Nora Newcomer", cwd=place.path, LOG_LEVEL="DEBUG") as terminal:
        terminal.wait_for("\nrun ")
        place.shown += ISSUED.findall(terminal.seen.replace("\r", ""))
    assert (len(place.shown), place.issues()) == (3, 3)
    assert "Nora Newcomer" in place.run("status", "Nora Newcomer")
    assert place.leaks() == []


def test_an_answer_that_is_cut_and_a_refusal_that_echoes_write_no_pass(place: Place) -> None:
    path = "/v1.0/users/.*/authentication/temporaryAccessPassMethods.*"
    asyncio.run(place.box.fault(Fault("entra", FaultKind.DROP_AFTER, "POST", path, times=1)))
    told = json.loads(place.run("first-sign-in", "Nora Newcomer", "--show", "--json"))
    place.shown.append(told["pass"])
    asyncio.run(place.box.fault(Fault("entra", FaultKind.STATUS, "DELETE", path, status=400, echo=True)))
    assert "told to fail" in place.run("first-sign-in", "Nora Newcomer", "--show", code=2)
    asyncio.run(place.box.clear_faults())
    assert place.leaks() == []
