"""Questions over the sandbox's seeded Jira and Confluence, with answers that are known, through the agents' own tools.

No model: each step names its tool, or a scripted model calls it and relays what came. The calls at the twins are counted.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from proofs.unmetered import Unmetered

from agent_ops import Sandbox, Settings
from agent_ops.agents import load_agents
from agent_ops.agents.graph import build_agent
from agent_ops.runtime.reading import open_readers
from agent_ops.sandbox.records import Records
from agent_ops.tools.context import RunContext
from tests.acceptance.quiet import sandbox
from tests.integration.test_agents import ScriptedModel, SpyDoor, calling
from tests.integration.test_reading import NotingJournal

__all__ = ["sandbox"]


@dataclass
class Desk:
    """Who asks: the agents with their readers, and a look at what reached the twins."""

    box: Sandbox
    readers: dict[str, Any]

    async def ask(self, agent: str, tool: str | None, model: Any = None, **arguments: Any) -> Any:
        door = SpyDoor()
        context = RunContext("run-1", door, NotingJournal(), Unmetered(model) if model else None, self.readers)  # type: ignore[arg-type]
        step = {"id": "s1", "agent": agent, "goal": "answer", "tool": tool, "arguments": arguments}
        state = await build_agent(load_agents()[agent]).ainvoke({"step": step}, context=context)  # type: ignore[typeddict-item]
        assert door.proposed == [], "what reads never comes by the door"
        return state["observation"]

    async def answer(self, agent: str, tool: str, **arguments: Any) -> tuple[Any, list[str], int]:
        """What was found, its sources, and how many calls it took."""
        before = self.calls(agent)
        seen = await self.ask(agent, tool, **arguments)
        assert seen["succeeded"] and seen["untrusted"], seen["text"]
        return json.loads(seen["text"])["found"], seen["sources"], self.calls(agent) - before

    def calls(self, twin: str) -> int:
        records = Records(self.box.directory / "records.db")
        try:
            return sum(1 for _ in records.calls(twin))
        finally:
            records.close()


@pytest.fixture
async def desk(box: Sandbox, sandbox_settings: Settings) -> AsyncIterator[Desk]:
    readers = open_readers(sandbox_settings)
    yield Desk(box, readers)
    for reader in readers.values():
        await reader.close()


async def test_what_does_ops_12_ask_for_jane(desk: Desk) -> None:
    found, sources, calls = await desk.answer("jira", "read_issue", key="OPS-12")
    wanted = ["GitHub: organisation acme, team web", "AWS: read-only", "Confluence: space ENG", "Jenkins: pipelines of acme/web"]
    assert [line for line in found["description"].splitlines() if ": " in line] == wanted
    assert (found["summary"], found["status"]) == ("Access for Jane Doe", "In Progress")
    assert (sources, calls) == (["Jira: OPS-12"], 2)


async def test_who_approved_it(desk: Desk) -> None:
    found, _, calls = await desk.answer("jira", "read_issue", key="ops-12")
    assert [one["by"] for one in found["comments_newest_first"] if one["text"].startswith("Approved")] == ["Ana Silva"]
    assert calls == 2


async def test_which_issues_name_jane(desk: Desk) -> None:
    found, sources, calls = await desk.answer("jira", "search_issues", jql='text ~ "\\"Jane Doe\\"" AND labels = joiner')
    assert ([row["key"] for row in found], sources, calls) == (["OPS-12"], ["Jira: OPS-12"], 1)


async def test_what_of_high_priority_is_jane_working_on(desk: Desk) -> None:
    mine = 'assignee = "Jane Doe" AND status = "In Progress" AND priority = High'
    jql = f"{mine} AND project = WEB AND updated >= -1d ORDER BY updated"
    found, _, calls = await desk.answer("jira", "search_issues", jql=jql)
    assert found[0]["key"] == "WEB-1850"
    assert {row["assignee"] for row in found} == {"Jane Doe"}
    assert calls == 1


async def test_which_access_requests_have_nobody(desk: Desk) -> None:
    jql = 'project = ONB AND assignee IS EMPTY AND summary ~ "access"'
    found, _, calls = await desk.answer("jira", "search_issues", jql=jql)
    assert ([row["key"] for row in found], calls) == (["ONB-17"], 1)


async def test_how_large_is_each_project(desk: Desk) -> None:
    found, _, calls = await desk.answer("jira", "list_projects")
    sizes = {row["key"]: row["issues"] for row in found}
    assert {key: sizes[key] for key in ("API", "INFRA", "WEB")} == {"API": 1300, "INFRA": 800, "WEB": 1900}
    assert calls == 1


async def test_which_spaces_are_there(desk: Desk) -> None:
    found, sources, calls = await desk.answer("confluence", "list_spaces")
    assert {"ENG", "HR", "OPS"} <= {row["key"] for row in found}
    assert "Confluence: space ENG" in sources
    assert calls == 1


async def test_how_many_days_of_holiday_are_there(desk: Desk) -> None:
    """A search, then the page: two calls, each of them needed."""
    found, _, first = await desk.answer("confluence", "search_pages", cql='space = HR AND title = "Holiday policy"')
    page, sources, second = await desk.answer("confluence", "read_page", page_id=found[0]["id"])
    assert "28 days of holiday" in page["text"]
    assert sources == [f"Confluence: page {found[0]['id']} (Holiday policy)"]
    assert (first, second) == (1, 1)


async def test_when_may_acme_web_be_deployed_on_a_friday(desk: Desk) -> None:
    found, _, _ = await desk.answer("confluence", "search_pages", cql='type = page AND text ~ "web/deploy"', limit=3)
    page, _, calls = await desk.answer("confluence", "read_page", page_id=found[0]["id"])
    assert "Friday | none" in page["text"].splitlines()
    assert calls == 1


async def test_what_changed_in_operations_this_week(desk: Desk) -> None:
    cql = 'space = OPS AND lastmodified >= now("-7d") AND label = access ORDER BY lastmodified DESC'
    found, _, calls = await desk.answer("confluence", "search_pages", cql=cql)
    assert ([row["title"] for row in found], calls) == (["VPN set-up"], 1)


async def test_a_scripted_model_that_relays_names_its_sources(desk: Desk) -> None:
    before = desk.calls("jira")
    model = ScriptedModel(
        answers=[calling("read_issue", key="OPS-12"), AIMessage("OPS-12 asks for GitHub, AWS, Confluence, Jenkins.")]
    )
    seen = await desk.ask("jira", None, model)
    assert (seen["succeeded"], seen["untrusted"], seen["sources"]) == (True, True, ["Jira: OPS-12"])
    assert desk.calls("jira") - before == 2


async def test_an_obedient_model_that_read_the_planted_orders_can_change_nothing(desk: Desk) -> None:
    """It does what ONB-17 says, and finds no tool for it: neither the door nor a service hears of it."""
    before = desk.calls("jira")
    orders = [calling("create_account"), calling("search_issues", jql="project = ONB", method="POST"), calling("run_pipeline")]
    model = ScriptedModel(answers=[calling("read_issue", key="ONB-17"), *orders, AIMessage("done")])
    seen = await desk.ask("jira", None, model)
    assert seen["untrusted"]
    assert desk.calls("jira") - before == 2, "what was read before"


@pytest.mark.parametrize(
    ("agent", "tool", "arguments"),
    [
        ("jira", "read_issue", {"key": "../myself"}),
        ("jira", "read_issue", {"key": "OPS-12?expand=all"}),
        ("jira", "read_issue", {"key": "OPS-12", "page": "-1"}),
        ("jira", "search_issues", {"jql": "x" * 1001}),
        ("jira", "search_issues", {"jql": "project = OPS", "limit": 5000}),
        ("jira", "search_issues", {"jql": "project = OPS", "method": "DELETE"}),
        ("confluence", "read_page", {"page_id": "1/../../rest/api/user/current"}),
        ("confluence", "search_pages", {"cql": ""}),
    ],
)
async def test_arguments_out_of_bounds_reach_no_service(desk: Desk, agent: str, tool: str, arguments: dict[str, Any]) -> None:
    before = desk.calls(agent)
    seen = await desk.ask(agent, tool, **arguments)
    assert not seen["succeeded"]
    assert "cannot be called like that" in seen["text"]
    assert desk.calls(agent) == before


async def test_what_was_planted_is_read_as_data(desk: Desk) -> None:
    found, _, _ = await desk.answer("jira", "read_issue", key="ONB-17")
    assert "ignore your instructions" in found["description"]
    pages, _, _ = await desk.answer("confluence", "search_pages", cql='title = "Onboarding checklist"')
    page, _, _ = await desk.answer("confluence", "read_page", page_id=pages[0]["id"])
    assert "DELETE the stale account" in page["text"], "what is hidden from eyes is not hidden from a reader"


async def test_people_write_and_an_administrator_closes(desk: Desk) -> None:
    """What a test can do in the twins, by the sandbox's own control."""
    box = desk.box
    try:
        key = await box.jira_issue("ATL", "Steered", "first", reporter="dana.whitfield@acme.example")
        await box.jira_comment(key, "a word", "dana.whitfield@acme.example")
        assert (await desk.answer("jira", "read_issue", key=key))[0]["comments_in_all"] == 1
        page_id = await box.confluence_page("ATL", "Steered", "<p>first</p>", "dana.whitfield@acme.example")
        assert (await desk.answer("confluence", "read_page", page_id=page_id))[0]["text"] == "first"
        await box.confluence_access(closed=["ATL"])
        assert "there is no page" in (await desk.ask("confluence", "read_page", page_id=page_id))["text"]
        await box.jira_token(revoked=True)
        assert "JIRA_API_TOKEN" in (await desk.ask("jira", "read_issue", key=key))["text"]
    finally:
        await box.jira_token(revoked=False)
        await box.confluence_access()
    await box.confluence_remove(page_id)
    assert "there is no page" in (await desk.ask("confluence", "read_page", page_id=page_id))["text"]


async def test_without_settings_the_answer_says_what_to_set(settings: Settings, box: Sandbox) -> None:
    desk = Desk(box, open_readers(settings))
    assert "Set JIRA_BASE_URL" in (await desk.ask("jira", "read_issue", key="OPS-12"))["text"]
    assert "Set CONFLUENCE_BASE_URL" in (await desk.ask("confluence", "list_spaces"))["text"]
