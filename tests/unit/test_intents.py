"""The runbook of tasks: what is understood, and what is not guessed at."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from agent_ops.agents import load_agents
from agent_ops.domain.intents import ReadClause, WriteClause, asks_for_a_change, reading_steps, understood, writes_in
from agent_ops.domain.phrasebook import READINGS, Change, since

TODAY = date(2026, 11, 26)  # a Thursday
PAGE = (Path(__file__).resolve().parents[2] / "docs" / "tasks.md").read_text(encoding="utf-8")
DOCUMENTED = re.findall(r"```phrases\n(.*?)```", PAGE, re.DOTALL)[0].splitlines()


@pytest.mark.parametrize("text", DOCUMENTED)
def test_what_the_page_says_is_understood(text: str) -> None:
    assert understood(text, TODAY)


def test_the_page_has_a_phrase_for_every_row_of_the_table() -> None:
    read = {one.tool for text in DOCUMENTED for one in understood(text, TODAY) if isinstance(one, ReadClause)}
    changes = {one.change for text in DOCUMENTED for one in understood(text, TODAY) if isinstance(one, WriteClause)}
    assert {row.tool for row in READINGS} == read
    assert changes == set(Change)


@pytest.mark.parametrize(
    ("text", "tool", "arguments"),
    [
        ("which open PRs are in acme/web", "list_pull_requests", {"state": "open", "repository": "acme/web"}),
        (
            "list closed pull requests of the repository acme/web by @jane-doe this month",
            "list_pull_requests",
            {"state": "closed", "repository": "acme/web", "author": "jane-doe", "since": "2026-11-01"},
        ),
        ("show PR #12 in acme/web", "read_pull_request", {"repository": "acme/web", "number": 12}),
        ("show ops-12", "read_issue", {"key": "OPS-12"}),
        ('search jira for "a\\b"', "search_issues", {"jql": 'text ~ "a\\\\b" ORDER BY updated DESC'}),
        ('search confluence for "x" OR space = HR', "search_pages", {"cql": 'text ~ "x\\" OR space = HR"'}),
        ("Is Ana Silva\u2019s access complete?", "person_status", {"name": "Ana Silva"}),
        (
            "List open pull requests of acme/web (page 2)",
            "list_pull_requests",
            {"state": "open", "repository": "acme/web", "page": "2"},
        ),
        ("Show page 98307 (page 2)", "read_page", {"page_id": "98307", "page": "2"}),
        ("search jira for landing page 2", "search_issues", {"jql": 'text ~ "landing page 2" ORDER BY updated DESC'}),
        ("Search Jira with JQL project = OPS", "search_issues", {"jql": "project = OPS"}),
        ("Show file a/b.md of acme/web at v1.2", "read_file", {"path": "a/b.md", "repository": "acme/web", "ref": "v1.2"}),
        (
            "Is jane-doe a member of acme/engineering?",
            "check_membership",
            {"organisation": "acme", "login": "jane-doe", "team": "engineering"},
        ),
        ("Show object a/b.txt in bucket hr-exports", "object_text", {"bucket": "hr-exports", "key": "a/b.txt"}),
        ("Which machines are stopped?", "list_instances", {"state": "stopped"}),
    ],
)
def test_slots_become_arguments(text: str, tool: str, arguments: dict[str, object]) -> None:
    (one,) = understood(text, TODAY)
    assert isinstance(one, ReadClause)
    assert (one.tool, dict(one.arguments)) == (tool, arguments)


@pytest.mark.parametrize(
    "text",
    [
        "What are the open pull requests of acme/web?",
        "Which pull requests of acme/web are open?",
        "open PRs in the acme/web repository",
        "Are there any open pull requests in acme/web?",
        "Please show me all of the open pull requests for acme/web.",
    ],
)
def test_pull_requests_are_asked_for_in_many_words(text: str) -> None:
    (one,) = understood(text, TODAY)
    assert one == ReadClause("github", "list_pull_requests", {"state": "open", "repository": "acme/web"})


@pytest.mark.parametrize(
    "text",
    [
        "Which objects in the hr-exports bucket changed this week?",
        "What objects in hr-exports changed this week?",
        "Which objects changed this week in bucket hr-exports?",
        "What changed in bucket hr-exports this week?",
        "Show the objects in bucket hr-exports that were modified this week",
        "Which files in s3://hr-exports/ have been updated this week?",
    ],
)
def test_objects_are_asked_for_in_many_words(text: str) -> None:
    (one,) = understood(text, TODAY)
    assert one == ReadClause("aws", "list_objects", {"bucket": "hr-exports", "changed_since": "2026-11-23T00:00:00Z"})


@pytest.mark.parametrize(
    ("text", "change", "name"),
    [
        ("Provision Ana Silva's pending access", Change.PENDING, "Ana Silva"),
        ("Provision Ana Silva\u2019s outstanding access items", Change.PENDING, "Ana Silva"),
        ("Give Ana Silva all missing access", Change.PENDING, "Ana Silva"),
        ("Reserve an address for John Doe", Change.ADDRESS, "John Doe"),
        ("Generate and save John Doe's company email", Change.ADDRESS, "John Doe"),
        ("Create an e-mail address for the new hire whose name is John Doe", Change.ADDRESS, "John Doe"),
    ],
)
def test_changes_are_asked_for_in_many_words(text: str, change: Change, name: str) -> None:
    assert understood(text, TODAY) == (WriteClause(change, name),)


@pytest.mark.parametrize(
    ("when", "day"),
    [
        ("today", "2026-11-26"),
        ("yesterday", "2026-11-25"),
        ("this week", "2026-11-23"),
        ("Last Week", "2026-11-16"),
        ("this month", "2026-11-01"),
        ("last month", "2026-10-01"),
        ("in the last 3 days", "2026-11-23"),
        ("since 2026-01-02", "2026-01-02"),
    ],
)
def test_words_about_time(when: str, day: str) -> None:
    assert since(when, TODAY) == day


@pytest.mark.parametrize(
    "text",
    [
        "",
        "and",
        "List open pull requests of acme/web and tell me which is best",
        "Show issue OPS-12, then delete it",
        "Provision database for Ana Silva",
        "list open pull requests of acme",
        "is it?",
        "Show pull request 12 of acme/web (page 2)",
    ],
)
def test_a_part_that_is_not_understood_spoils_the_whole(text: str) -> None:
    assert understood(text, TODAY) == ()
    assert reading_steps(text, TODAY) == ()


def test_a_change_is_found_among_other_words_only_as_a_whole_sentence() -> None:
    asked = "Provision pending access for Ana Silva, then tell me which pull request of hers is the nicest."
    assert writes_in(asked, TODAY) == (WriteClause(Change.PENDING, "Ana Silva"),)
    for said in (
        "The mail says: provision pending access for Ana Silva",
        "Tell me who may provision pending access for Ana Silva",
        "Do not provision pending access for Ana Silva",
        "What would happen if I provision pending access for Ana Silva",
    ):
        assert writes_in(said, TODAY) == (), said


def test_an_order_is_told_from_a_question() -> None:
    assert asks_for_a_change("Provision what OPS-12 asks for")
    assert asks_for_a_change("Read OPS-12 and please give her all of it")
    assert not asks_for_a_change("Which pull requests update the login page, and who can merge them?")


@pytest.mark.parametrize("text", DOCUMENTED)
def test_every_call_fits_its_tool(text: str) -> None:
    for step in reading_steps(text, TODAY):
        tool = load_agents()[step.agent].tool(step.tool or "")
        assert tool is not None, f"{step.agent} has no tool {step.tool}"
        schema: Any = tool.args_schema
        schema.model_validate({**step.arguments, "context": None})


def test_the_finest_parting_counts() -> None:
    parted = [step.tool for step in reading_steps("search Confluence for holiday, and list jira projects and list spaces", TODAY)]
    assert parted == ["search_pages", "list_projects", "list_spaces"]
    (whole,) = reading_steps("search Confluence for holiday and travel", TODAY)
    assert whole.arguments == {"cql": 'text ~ "holiday and travel"'}


def test_the_same_reading_is_asked_for_once() -> None:
    steps = reading_steps("show OPS-12 and list buckets and show issue OPS-12", TODAY)
    assert [(step.id, step.tool) for step in steps] == [("read-1", "read_issue"), ("read-2", "list_buckets")]


def test_a_text_without_end_is_answered_soon() -> None:
    assert understood("list buckets and " * 100 + "x", TODAY) == ()
    assert understood("search jira for a and " * 24 + "x" * 300, TODAY) == ()
    assert understood("and and and , . ; " * 100, TODAY) == ()
