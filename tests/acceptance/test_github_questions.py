"""Questions whose answers are known, put to the GitHub agent as a planner puts them: by its tools, over the wire, at the sandbox.

No model takes part. After each answer the twin's own record says how many calls it cost.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from agent_ops import Sandbox, Settings
from agent_ops.agents import load_agents
from agent_ops.agents.graph import build_agent
from agent_ops.policies import EXAMPLE
from agent_ops.runtime.reading import open_readers
from agent_ops.sandbox.records import Records
from agent_ops.settings import twins_environment
from agent_ops.tools.context import RunContext
from tests.acceptance.live_env import Doctor
from tests.acceptance.quiet import sandbox
from tests.integration.test_agents import SpyDoor
from tests.integration.test_reading import NotingJournal

__all__ = ["sandbox"]


@dataclass
class Asking:
    """An agent over the sandbox, and what it cost."""

    box: Sandbox
    readers: dict[str, Any]

    def calls(self) -> int:
        records = Records(self.box.directory / "records.db")
        try:
            return sum(1 for _ in records.calls("github"))
        finally:
            records.close()

    async def ask(self, tool: str, **arguments: Any) -> Any:
        """The observation, with ``found`` read from its text and ``cost``, the calls at the twin."""
        before, door, journal = self.calls(), SpyDoor(), NotingJournal()
        context = RunContext("run-1", door, journal, None, self.readers)  # type: ignore[arg-type]
        step = {"id": "s1", "agent": "github", "goal": "x", "tool": tool, "arguments": arguments}
        state = await build_agent(load_agents()["github"]).ainvoke({"step": step}, context=context)  # type: ignore[typeddict-item]
        assert door.proposed == []
        seen = state["observation"]
        found = json.loads(seen["text"])["found"] if seen["succeeded"] else None
        cost = self.calls() - before
        print(f"{tool} {arguments}: {cost} call{'' if cost == 1 else 's'} to GitHub")  # noqa: T201 - calls are counted, and shown
        return SimpleNamespace(**seen, found=found, cost=cost)


@pytest.fixture
async def github(box: Sandbox, sandbox_settings: Settings) -> AsyncIterator[Asking]:
    readers = open_readers(sandbox_settings)
    yield Asking(box, readers)
    await box.github_token(revoked=False)
    await box.github_slow_down(0)
    for resource in ("core", "search", "code_search"):
        await box.github_limit(resource, 0)
    for reader in readers.values():
        await reader.close()


async def test_1_which_pull_requests_of_acme_web_are_open(github: Asking) -> None:
    seen = await github.ask("list_pull_requests", repository="acme/web")
    assert (seen.succeeded, seen.untrusted, seen.cost) == (True, True, 1)
    assert "github: acme/web#5193" in [source.lower() for source in seen.sources]
    assert {row["state"] for row in seen.found["pull_requests"]} == {"open"}


async def test_2_which_did_jane_open_since_she_joined(github: Asking) -> None:
    joined = time.strftime("%Y-%m-%d", time.gmtime(time.time() - 14 * 86_400))
    seen = await github.ask("list_pull_requests", repository="acme/web", state="all", author="jane-doe", since=joined)
    assert {row["title"] for row in seen.found["pull_requests"]} == {"Retry payments at most three times", "Add me to people.md"}
    assert (seen.sources, seen.cost) == (["GitHub: acme/web#5193", "GitHub: acme/web#5171"], 1)


async def test_3_why_can_her_pull_request_not_be_merged(github: Asking) -> None:
    seen = await github.ask("read_pull_request", repository="acme/web", number=5193, parts=["checks"])
    assert [row["check"] for row in seen.found["checks"] if row["result"] != "success"] == ["tests"]
    assert (seen.found["mergeable_state"], seen.found["description"]) == ("unstable", "As asked for in OPS-12.")
    assert seen.cost == 3


async def test_4_who_reviewed_it_and_what_does_it_change(github: Asking) -> None:
    seen = await github.ask("read_pull_request", repository="acme/web", number=5193, parts=["files", "reviews"])
    assert [(row["by"], row["verdict"]) for row in seen.found["reviews"]] == [("alice-chen", "approved")]
    assert len(seen.found["files"]) == seen.found["changed_files"]
    assert seen.cost == 3


async def test_5_what_did_she_commit_and_what_is_in_it(github: Asking) -> None:
    listed = await github.ask("list_commits", repository="acme/web", author="jane-doe")
    (commit,) = listed.found["commits"]
    seen = await github.ask("read_commit", repository="acme/web", ref=commit["sha"])
    assert seen.found["message"] == "Add Jane Doe to people.md"
    assert all(row["patch"] for row in seen.found["files"])
    assert (listed.cost, seen.cost, seen.sources) == (1, 1, [f"GitHub: acme/web@{commit['sha']}"])


async def test_6_how_often_are_payments_tried_again_and_where_does_it_stand(github: Asking) -> None:
    hit = await github.ask("search_code", repository="acme/web", phrase="MAX_RETRIES")
    path = hit.found["files"][0]["path"]
    seen = await github.ask("read_file", repository="acme/web", path=path)
    assert "MAX_RETRIES = 3" in seen.found["text"]
    assert (hit.cost, seen.cost, seen.sources) == (1, 1, ["GitHub: acme/web/src/checkout/retry.ts"])


async def test_7_is_she_a_member_of_the_organisation_and_who_is_not(github: Asking) -> None:
    jane = await github.ask("check_membership", organisation="acme", login="jane-doe")
    ana = await github.ask("check_membership", organisation="acme", login="ana-silva")
    assert (jane.found["membership"], jane.cost) == ("active", 1)
    assert (ana.found["membership"], ana.cost) == ("none", 2)
    await github.box.github_member("ana-silva", "active")
    again = await github.ask("check_membership", organisation="acme", login="ana-silva")
    await github.box.github_member("ana-silva", "")
    assert again.found["membership"] == "active"


async def test_8_which_repositories_are_there(github: Asking) -> None:
    seen = await github.ask("list_repositories", organisation="acme")
    names = {row["repository"]: row for row in seen.found["repositories"]}
    assert {"acme/web", "acme/api", "acme/infra", "acme/legacy-shop"} <= set(names)
    assert names["acme/legacy-shop"]["archived"]
    assert ("acme/payroll" in names, seen.cost) == (False, 1)


async def test_9_what_stands_in_a_directory_of_an_old_release(github: Asking) -> None:
    now = await github.ask("list_files", repository="acme/api")
    old = await github.ask("list_files", repository="acme/api", ref="v1.0")
    gone = {row["name"] for row in now.found["entries"]} - {row["name"] for row in old.found["entries"]}
    assert (gone, now.cost, old.cost) == ({"docs/"}, 1, 1)


async def test_10_two_hundred_pages_deep(github: Asking) -> None:
    seen = await github.ask("list_commits", repository="acme/web", page=210)
    assert (len(seen.found["commits"]), seen.cost) == (25, 1)
    assert seen.text.startswith('{"next_page": "211"')


async def test_what_cannot_be_read_is_one_clear_line_each(github: Asking) -> None:
    large = await github.ask("read_file", repository="acme/data-pipeline", path="samples/orders-full.csv")
    assert "5.2 MB is more than the 1 MB" in large.found["note"]
    binary = await github.ask("read_file", repository="acme/web", path="assets/logo.png")
    assert "binary (image/png" in binary.found["note"]
    missing = await github.ask("read_file", repository="acme/web", path="src/nothing.ts")
    assert "there is no src/nothing.ts in a repository acme/web" in missing.text
    await github.box.github_limit("search", 300)
    limited = await github.ask("list_pull_requests", repository="acme/web", author="jane-doe")
    assert "come again in" in limited.text
    await github.box.github_token(revoked=True)
    revoked = await github.ask("list_repositories", organisation="acme")
    assert "GITHUB_TOKEN is wrong, has expired or was revoked" in revoked.text
    for seen in (missing, limited, revoked):
        assert (seen.succeeded, "\n" in seen.text, seen.sources, seen.cost) == (False, False, [], 1)


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("list_pull_requests", {"repository": "acme/.."}),
        ("list_pull_requests", {"repository": "acme/web/../../user"}),
        ("list_pull_requests", {"repository": "acme/web", "author": "x repo:acme/payroll"}),
        ("list_pull_requests", {"repository": "acme/web", "since": "yesterday"}),
        ("read_file", {"repository": "acme/web", "path": "../payroll/contents/x"}),
        ("read_file", {"repository": "acme/web", "path": "src/../../x"}),
        ("read_commit", {"repository": "acme/web", "ref": "main?x=1"}),
        ("check_membership", {"organisation": "acme", "login": "../../user"}),
        ("read_pull_request", {"repository": "acme/web", "number": 1, "parts": ["merge"]}),
        ("list_commits", {"repository": "acme/web", "page": 10_001}),
        ("search_code", {"repository": "acme/web", "phrase": "x" * 121}),
    ],
)
async def test_an_argument_out_of_bounds_reaches_nobody(github: Asking, tool: str, arguments: dict[str, Any]) -> None:
    seen = await github.ask(tool, **arguments)
    assert "cannot be called like that" in seen.text
    assert (seen.succeeded, seen.cost) == (False, 0)


def test_the_reader_needs_its_settings(settings: Settings, sandbox_settings: Settings) -> None:
    assert "github" not in open_readers(settings)
    assert "github" in open_readers(sandbox_settings)
    assert sandbox_settings.github is not None
    assert sandbox_settings.github.token in set(sandbox_settings.secrets())


@pytest.mark.slow
def test_the_doctor_has_a_line_for_github(sandbox: Sandbox, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_TOKEN", "GITHUB_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    doctor = Doctor(sandbox, tmp_path, monkeypatch)
    written = twins_environment(sandbox.addresses, EXAMPLE)
    given = {name: written[name] for name in ("GITHUB_TOKEN", "GITHUB_BASE_URL")}

    def line(**values: str) -> tuple[str, str, str]:
        (one,) = [one for one in doctor.diagnosis(**values)["lines"] if one["check"] == "GitHub token"]
        return one["verdict"], one["found"], one["remedy"]

    nothing = {"GITHUB_TOKEN": "", "GITHUB_BASE_URL": ""}
    assert line(**nothing)[:2] == ("not configured", "nothing is read from GitHub")
    assert line(**given)[:2] == ("works", f"{given['GITHUB_BASE_URL']} as svc-agent-ops")
    verdict, found, remedy = line(**{**given, "GITHUB_TOKEN": "outdated"})
    assert (verdict, "401" in found, "make a new one" in remedy) == ("wrong", True, True)
    verdict, found, _ = line(**{**given, "GITHUB_BASE_URL": "http://127.0.0.1:9"})
    assert (verdict, "cannot be reached" in found) == ("wrong", True)
