"""`agent-ops task` as a user runs it: whole processes against the twins, judged by their records."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from agent_ops import Sandbox
from tests.acceptance.test_command_line import EXIT_OK, EXIT_USAGE, agent_ops

pytestmark = pytest.mark.slow
JOHN = ("task", "Generate and save email for user with name John Doe", "--context", '{"name": "John Doe"}')


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tasks")


def test_an_address_is_generated_saved_and_shown_again(place: Path) -> None:
    done = agent_ops(*JOHN, "--sandbox", "--json", cwd=place)
    assert done.returncode == EXIT_OK, done.stderr
    told = json.loads(done.stdout)
    assert told["status"] == "done"
    assert told["changes"] == [{"item": "address", "status": "completed", "reason": "", "detail": "john.doe@acme.example"}]
    assert told["evaluation"]["done"] == told["evaluation"]["asked"] == 1
    assert Sandbox(place / "agent-ops-data").effects() == [], "no account is made without a team"
    assert "john.doe@acme.example (reserved)" in agent_ops("status", "John Doe", cwd=place).stdout
    again = agent_ops("status", told["run"], cwd=place)
    assert "the address is reserved" in again.stdout
    assert "Generate and save email" in agent_ops("status", cwd=place).stdout


def test_pending_access_of_a_known_person_and_nobody_else(place: Path) -> None:
    agent_ops("onboard", "Ana Silva", "--team", "Engineering", "--item", "aws", "--external-id", "E-1", "--sandbox", cwd=place)
    asked = agent_ops("task", "Is Ana Silva's access complete?", "--sandbox", "--json", cwd=place)
    assert asked.returncode == EXIT_OK
    assert '"access_complete": true' in json.loads(asked.stdout)["results"][0]["text"]
    builds = [call for call in Sandbox(place / "agent-ops-data").effects() if call.effect == "jenkins.build"]
    nothing = agent_ops("task", "Provision pending access for Ana Silva", "--sandbox", cwd=place)
    assert nothing.returncode == EXIT_OK
    assert "everything that was due is in place for Ana Silva" in nothing.stdout
    nobody = agent_ops("task", "Provision pending access for Ana", "--sandbox", cwd=place)
    assert nobody.returncode == 1
    assert "no employee is called 'Ana'" in nobody.stdout
    assert [call for call in Sandbox(place / "agent-ops-data").effects() if call.effect == "jenkins.build"] == builds


def test_what_needs_a_model_says_so(place: Path) -> None:
    done = agent_ops("task", "Write a poem about acme/web", "--sandbox", cwd=place)
    assert done.returncode == 1
    assert "OPENAI_API_KEY" in done.stdout


@pytest.mark.parametrize(
    ("context", "words"), [("{", "is no JSON"), ("[1]", "must be a JSON object"), ('{"nmae": "x"}', "'nmae': is no field")]
)
def test_a_context_that_cannot_be(place: Path, context: str, words: str) -> None:
    done = agent_ops("task", "list buckets", "--context", context, "--sandbox", cwd=place)
    assert done.returncode == EXIT_USAGE
    assert words in done.stderr


def test_a_context_from_a_file(place: Path) -> None:
    (place / "who.json").write_text('{"name": "John Doe"}', encoding="utf-8")
    done = agent_ops(*JOHN[:3], "@who.json", "--sandbox", "--json", cwd=place)
    assert json.loads(done.stdout)["changes"][0]["detail"] == "john.doe@acme.example"
