"""The contract: what was agreed is pinned, every answer is typed, and the service keeps to it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from agent_ops import __version__
from agent_ops.api import words
from tests.service.conftest import Enter

OLD = {
    ("post", "/api/execute_task"),
    ("post", "/api/users/onboard_user"),
    ("get", "/api/users/status_all"),
    ("get", "/api/users/{user}"),
    ("post", "/api/users/update_status"),
    ("delete", "/api/users/delete_email_by_name"),
    ("get", "/api/agents"),
}


def operations(contract: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in contract["paths"].items():
        for method, operation in methods.items():
            yield method, path, operation


def test_the_contract_is_the_one_that_was_agreed(app: FastAPI, snapshot: Path) -> None:
    """A change of it is made on purpose: `python -m tests.service.test_contract` writes it anew, and its diff is read."""
    agreed = json.loads(snapshot.read_text(encoding="utf-8"))
    assert normal(app.openapi()) == agreed


def normal(contract: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(json.dumps(contract).replace(f'"{__version__}"', '"VERSION"'))
    return made


def test_names_can_be_generated_in_time() -> None:
    """Generators list every character that a pattern leaves out: with 215,000 of them Schemathesis could not test hires."""
    assert sum(last - first + 1 for first, last in words._NO_LETTERS) < 20_000


@pytest.mark.parametrize("place", ["name", "manager"])
@pytest.mark.parametrize("character", ["\ue000", "\U000e0041", "\U0010fffd"])
async def test_what_the_pattern_leaves_to_the_library_is_refused(enter: Enter, place: str, character: str) -> None:
    body = {"name": "Ana Silva", "team": "Engineering", "external_id": "E-1", place: f"Bo{character} Li"}
    assert (await (await enter("hr")).post("/api/users/onboard_user", json=body)).status_code == 409


def test_the_old_routes_are_there(app: FastAPI) -> None:
    assert {(method, path) for method, path, _ in operations(app.openapi())} >= OLD


def test_every_status_is_typed(app: FastAPI) -> None:
    for method, path, operation in operations(app.openapi()):
        assert operation["summary"] and operation["description"], (method, path)
        for status, answer in operation["responses"].items():
            for media, content in answer["content"].items():
                assert content["schema"], f"{method} {path} {status} {media} is untyped"
                is_error = int(status) >= 400 and (path, status) != ("/readyz", "503")
                assert (media == "application/problem+json") == is_error, (path, status, media)
        if path not in ("/healthz", "/readyz"):
            assert {"401", "403", "422", "429", "500", "503"} <= operation["responses"].keys(), (method, path)


def test_no_schema_is_without_a_type(app: FastAPI) -> None:
    for name, schema in app.openapi()["components"]["schemas"].items():
        assert schema.get("additionalProperties", False) is False, f"{name} takes anything"
        for field, kind in schema.get("properties", {}).items():
            assert kind.keys() & {"type", "$ref", "anyOf", "enum"}, f"{name}.{field} is untyped"


async def test_the_pages_ask_no_other_host(enter: Enter) -> None:
    stranger = await enter()
    for page in ("/docs", "/redoc"):
        answer = await stranger.get(page)
        assert answer.status_code == 200
        assert "://" not in answer.text
        assert "'self'" in answer.headers["Content-Security-Policy"] and "http" not in answer.headers["Content-Security-Policy"]
        for asset in [part.split('"')[0] for attribute in ('src="', 'href="') for part in answer.text.split(attribute)[1:]]:
            found = await stranger.get(asset)
            assert (found.status_code, len(found.content) > 50) == (200, True), asset
    assert (await stranger.get("/openapi.json")).json()["openapi"].startswith("3.1")


@pytest.mark.slow
def test_the_examples_of_the_contract_are_accepted(client: httpx.Client) -> None:
    contract = client.get("/openapi.json").json()
    (hire,) = contract["components"]["schemas"]["OnboardBody"]["examples"]
    assert client.post("/api/users/onboard_user", json={**hire, "name": "Ella Example", "external_id": "X-1"}).status_code == 202
    (said,) = contract["components"]["schemas"]["UpdateBody"]["examples"]
    assert client.post("/api/users/update_status", json={**said, "user": "Ella Example"}).status_code == 200
    for task in contract["components"]["schemas"]["TaskBody"]["examples"]:
        assert client.post("/api/execute_task", json=task).status_code == 200


if __name__ == "__main__":
    from agent_ops.api.app import create_sandbox_app

    text = json.dumps(normal(create_sandbox_app().openapi()), indent=1, ensure_ascii=True, sort_keys=True)
    Path(__file__).with_name("openapi.json").write_text(text + "\n", encoding="utf-8")
