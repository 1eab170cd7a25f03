"""Both twins against Atlassian's own descriptions of their services; the cases are those that the readers rely on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tests.contract.atlassian_bench import ENG, Bench, bench

__all__ = ["bench"]


def problems(described: dict[str, Any], schema: dict[str, Any], body: Any) -> list[Any]:
    validator = Draft202012Validator({**schema, "components": described["components"]})
    return [(list(error.path), error.message) for error in validator.iter_errors(body)]


def answer_of(described: dict[str, Any], path: str) -> dict[str, Any]:
    content = described["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    found: dict[str, Any] = content
    return found


@pytest.fixture(scope="module")
def jira_says(shared: Path) -> dict[str, Any]:
    return with_nulls(json.loads((shared / "contracts" / "jira-cloud-v3.json").read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def confluence_says(shared: Path) -> dict[str, Any]:
    return with_nulls(json.loads((shared / "contracts" / "confluence-cloud-v2.json").read_text(encoding="utf-8")))


def with_nulls(described: dict[str, Any]) -> dict[str, Any]:
    """The descriptions know no null, which both services write for what is unset."""
    for schema in described["components"]["schemas"].values():
        for name, inner in schema.get("properties", {}).items():
            schema["properties"][name] = {"anyOf": [inner, {"type": "null"}]}
    return described


@pytest.mark.parametrize(
    ("described", "path", "asked"),
    [
        ("/rest/api/3/issue/{issueIdOrKey}", "/rest/api/3/issue/OPS-12", {}),
        ("/rest/api/3/issue/{issueIdOrKey}", "/rest/api/3/issue/WEB-1850", {"fields": "summary,comment"}),
        ("/rest/api/3/issue/{issueIdOrKey}/comment", "/rest/api/3/issue/WEB-1850/comment", {"orderBy": "-created"}),
        ("/rest/api/3/search/jql", "/rest/api/3/search/jql", {"jql": "project = OPS"}),
        ("/rest/api/3/search/jql", "/rest/api/3/search/jql", {"jql": "project = OPS", "fields": "*all", "maxResults": "3"}),
        ("/rest/api/3/project/search", "/rest/api/3/project/search", {"maxResults": "2"}),
        ("/rest/api/3/project/search", "/rest/api/3/project/search", {"expand": "insight", "query": "ops"}),
        ("/rest/api/3/myself", "/rest/api/3/myself", {}),
    ],
)
async def test_jira_answers_as_described(
    bench: Bench, jira_says: dict[str, Any], described: str, path: str, asked: dict[str, str]
) -> None:
    status, body = await bench.get(bench.jira, path, **asked)
    assert status == 200
    assert problems(jira_says, answer_of(jira_says, described), body) == []


@pytest.mark.parametrize(
    ("described", "path", "asked"),
    [
        ("/spaces", "/spaces", {"limit": "2"}),
        ("/spaces", "/spaces", {"keys": "ENG"}),
        ("/spaces/{id}", "/spaces/32768", {}),
        ("/spaces/{id}/pages", "/spaces/32768/pages", {"limit": "3"}),
        ("/pages", "/pages", {"title": "Deployment guide", "body-format": "storage"}),
        ("/pages/{id}", f"/pages/{ENG + 11}", {"body-format": "storage"}),
        ("/pages/{id}", f"/pages/{ENG}", {}),
        ("/pages/{id}/children", f"/pages/{ENG}/children", {"limit": "3"}),
    ],
)
async def test_confluence_answers_as_described(
    bench: Bench, confluence_says: dict[str, Any], described: str, path: str, asked: dict[str, str]
) -> None:
    status, body = await bench.get(bench.confluence, f"/wiki/api/v2{path}", **asked)
    assert status == 200
    assert body.get("results") != []
    assert problems(confluence_says, answer_of(confluence_says, described), body) == []


async def test_the_search_that_jira_removed_is_gone(bench: Bench) -> None:
    """https://developer.atlassian.com/changelog/#CHANGE-2046; a description that still has it is older."""
    for version in ("2", "3"):
        status, body = await bench.get(bench.jira, f"/rest/api/{version}/search", jql="project = OPS")
        assert status == 410
        assert body["errorMessages"][0].startswith(
            "The requested API has been removed. Please migrate to the /rest/api/3/search/jql"
        )


async def test_a_search_answers_ids_only_unless_fields_are_named(bench: Bench) -> None:
    _, body = await bench.get(bench.jira, "/rest/api/3/search/jql", jql="key = OPS-12")
    assert [set(issue) for issue in body["issues"]] == [{"id"}]
    assert body["isLast"] is True
    assert "nextPageToken" not in body
    assert "total" not in body, "Cloud tells no total"


async def test_version_2_writes_texts_and_version_3_documents(bench: Bench) -> None:
    described = [(await bench.get(bench.jira, f"/rest/api/{version}/issue/OPS-12"))[1]["fields"] for version in (2, 3)]
    assert isinstance(described[0]["description"], str)
    assert described[1]["description"]["type"] == "doc"
    assert isinstance(described[0]["comment"]["comments"][0]["body"], str)


async def test_the_twins_let_nobody_in_without_the_token(bench: Bench) -> None:
    import aiohttp

    async with aiohttp.ClientSession() as http:
        for url in (f"{bench.jira.base_url}/rest/api/3/search/jql", f"{bench.confluence.base_url}/wiki/rest/api/search"):
            async with http.get(url) as answer:
                assert answer.status == 401


async def test_a_second_twin_on_the_same_records_goes_on(bench: Bench) -> None:
    from agent_ops.sandbox.confluence import ConfluenceTwin
    from agent_ops.sandbox.jira import JiraTwin
    from tests.contract.atlassian_bench import WORLD

    bench.jira.site.comment("OPS-12", "one more", bench.jira.site.me.account_id, bench.jira.site.began)
    page_id = bench.confluence.site.write("ENG", "New", "<p>x</p>", "dana@acme.example", bench.confluence.site.began)
    jira = JiraTwin(WORLD, bench.records, bench.faults, "http://127.0.0.1", bench.jira.site.began)
    confluence = ConfluenceTwin(WORLD, bench.records, bench.faults, "http://127.0.0.1", bench.confluence.site.began)
    assert jira.site.issues == bench.jira.site.issues
    assert confluence.site.pages[page_id] == bench.confluence.site.pages[page_id]


async def test_a_site_is_made_quickly_and_only_when_it_is_asked_for(bench: Bench) -> None:
    """Its start costs the sandbox nothing: the contents are made at the first question."""
    assert "issues" not in vars(bench.jira.site)
    assert "pages" not in vars(bench.confluence.site)
    await bench.get(bench.jira, "/rest/api/3/myself")
    assert "issues" not in vars(bench.jira.site)
