"""The GitHub twin's answers, judged by GitHub's own OpenAPI description (shared/contracts, from @octokit/openapi)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from jsonschema import Draft202012Validator

from tests.contract.github_bench import TOKEN, Bench, served

_ONE = "/repos/{owner}/{repo}"
QUESTIONS = {
    _ONE: ("/repos/acme/web", "/repos/acme/empty", "/repos/acme/legacy-shop"),
    f"{_ONE}/pulls": ("/repos/acme/web/pulls?state=all&per_page=100", "/repos/acme/api/pulls?state=closed"),
    f"{_ONE}/pulls/{{pull_number}}": ("/repos/acme/web/pulls/5193", "/repos/acme/web/pulls/5171", "/repos/acme/web/pulls/1"),
    f"{_ONE}/pulls/{{pull_number}}/files": ("/repos/acme/web/pulls/5193/files",),
    f"{_ONE}/pulls/{{pull_number}}/commits": ("/repos/acme/web/pulls/5193/commits",),
    f"{_ONE}/commits": ("/repos/acme/web/commits?per_page=100", "/repos/acme/infra/commits?page=9999"),
    f"{_ONE}/commits/{{ref}}": ("/repos/acme/web/commits/main", "/repos/acme/web/commits/v1.0"),
    f"{_ONE}/contents/{{path}}": (
        "/repos/acme/web/contents/",
        "/repos/acme/web/contents/README.md",
        "/repos/acme/web/contents/assets/logo.png?ref=v1.0",
        "/repos/acme/data-pipeline/contents/samples/orders-full.csv",
    ),
    "/rate_limit": ("/rate_limit",),
}


@pytest.fixture(scope="module")
def described(shared: Path) -> dict[str, Any]:
    """With OpenAPI 3.0's ``nullable`` said as JSON Schema says it."""
    found: dict[str, Any] = json.loads((shared / "contracts" / "github.json").read_text(encoding="utf-8"))
    return _with_nulls(found)  # type: ignore[no-any-return]


def _with_nulls(node: Any) -> Any:
    if isinstance(node, list):
        return [_with_nulls(one) for one in node]
    if not isinstance(node, dict):
        return node
    inner = {name: _with_nulls(value) for name, value in node.items() if name != "nullable"}
    return {"anyOf": [inner, {"type": "null"}]} if node.get("nullable") is True else inner


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with served(tmp_path / "records.db") as bench:
        yield bench


async def _asked(bench: Bench, path: str) -> tuple[int, Any]:
    login = {"Authorization": f"Bearer {TOKEN}"}
    async with aiohttp.ClientSession(bench.config.url, headers=login) as http, http.get(path) as answer:
        return answer.status, await answer.json()


def _complaints(described: dict[str, Any], schema: Any, body: Any) -> list[Any]:
    validator = Draft202012Validator({**schema, "components": described["components"]})
    return [(list(error.path), error.message[:200]) for error in validator.iter_errors(body)]


async def test_every_operation_of_the_description_is_asked(described: dict[str, Any]) -> None:
    assert set(QUESTIONS) == set(described["paths"])


@pytest.mark.parametrize(("operation", "path"), [(name, path) for name, paths in QUESTIONS.items() for path in paths])
async def test_answers_are_as_described(bench: Bench, described: dict[str, Any], operation: str, path: str) -> None:
    status, body = await _asked(bench, path)
    assert status == 200
    schema = described["paths"][operation]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert _complaints(described, schema, body) == []


@pytest.mark.parametrize("path", ["/repos/acme/nope", "/repos/acme/web/commits/nope", "/nowhere"])
async def test_refusals_are_as_described(bench: Bench, described: dict[str, Any], path: str) -> None:
    status, body = await _asked(bench, path)
    assert _complaints(described, {"$ref": "#/components/schemas/basic-error"}, body) == []
    assert body["status"] == str(status)


async def test_the_description_can_find_fault(bench: Bench, described: dict[str, Any]) -> None:
    _, body = await _asked(bench, "/repos/acme/web/pulls/5193")
    schema = {"$ref": "#/components/schemas/pull-request"}
    assert _complaints(described, schema, {**body, "state": "ajar"})
    assert _complaints(described, schema, {name: value for name, value in body.items() if name != "head"})
