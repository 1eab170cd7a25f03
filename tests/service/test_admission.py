"""Who comes in: nobody without a key, nobody beyond their scopes, nobody too often; and what everybody is answered."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from agent_ops.api.admission import MAX_BODY_BYTES, Needs, Rates
from agent_ops.api.problems import MEDIA_TYPE, Problem, TooMany
from agent_ops.domain.grants import SCOPES
from tests.service.conftest import ADMIN, Enter

HIRE = {"name": "Ana Silva", "team": "Engineering", "external_id": "E-1"}
RUN = "00000000-0000-0000-0000-000000000000"


def operations(app: FastAPI) -> list[tuple[str, str]]:
    paths: dict[str, dict[str, Any]] = app.openapi()["paths"]
    return [(m.upper(), p.replace("{run_id}", RUN).replace("{user}", "x")) for p, methods in paths.items() for m in methods]


def is_problem(answer: httpx.Response, status: int) -> Problem:
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, MEDIA_TYPE), answer.text
    told = Problem.model_validate_json(answer.content)
    assert (told.status, told.request_id) == (status, answer.headers["X-Request-ID"])
    return told


async def test_everything_but_health_needs_a_key(app: FastAPI, enter: Enter) -> None:
    stranger, asked = await enter(), operations(app)
    assert len(asked) > 20
    for method, path in asked:
        answer = await stranger.request(method, path, content=b"{not json")
        if path in ("/healthz", "/readyz"):
            assert answer.status_code == 200
        else:
            is_problem(answer, 401)
            assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_everything_but_health_needs_a_scope(app: FastAPI, enter: Enter) -> None:
    """A key with every scope but the one that a route names is refused, whatever the body: it is not even read."""
    for method, path in operations(app):
        if path in ("/healthz", "/readyz"):
            continue
        refused = set()
        for scope in SCOPES:
            client = await enter(f"{scope}-{method}-{path}".replace(":", "."), *(set(SCOPES) - {scope}))
            answer = await client.request(method, path, content=b"{not json")
            refused |= {scope} if answer.status_code == 403 else set()
        assert len(refused) == 1, f"{method} {path} is refused without {refused}"


async def test_a_key_opens_nothing_once_it_is_revoked(app: FastAPI, enter: Enter) -> None:
    client = await enter("hr", "status")
    assert (await client.get("/api/runs")).status_code == 200
    (made,) = await app.state.ops.api_keys.all()
    await app.state.ops.api_keys.revoke(ADMIN, made.id)
    assert "revoked" in is_problem(await client.get("/api/runs"), 401).detail


@pytest.mark.parametrize(
    "sent", ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer x", "Bearer ao_aaaaaaaaaa_" + "A" * 43, "bearer é"]
)
async def test_a_key_that_is_none(enter: Enter, sent: str) -> None:
    stranger = await enter()
    is_problem(await stranger.get("/api/runs", headers={"Authorization": sent.encode("latin-1")}), 401)


async def test_a_key_in_the_query_is_no_key(app: FastAPI, enter: Enter) -> None:
    client = await enter("hr", "status")
    key = client.headers["Authorization"].removeprefix("Bearer ")
    is_problem(await (await enter()).get(f"/api/runs?key={key}&access_token={key}"), 401)


async def test_each_caller_has_a_rate_and_nobody_elses_is_used_up(enter: Enter) -> None:
    hr, desk = await enter("hr", "status"), await enter("desk", "status")
    statuses = [(await hr.get("/api/agents")).status_code for _ in range(35)]
    assert statuses == [200] * 30 + [429] * 5
    answer = await hr.get("/api/agents")
    is_problem(answer, 429)
    assert int(answer.headers["Retry-After"]) >= 1
    assert (await desk.get("/api/agents")).status_code == 200
    assert (await (await enter()).get("/healthz")).status_code == 200


def test_a_bucket_fills_again() -> None:
    now = 0.0
    rates = Rates(2, lambda: now)
    rates.take("a")
    rates.take("a")
    with pytest.raises(TooMany) as refused:
        rates.take("a")
    assert refused.value.headers == {"Retry-After": "31"}
    now = 31.0
    rates.take("a")


async def test_guessing_keys_is_slowed_down(enter: Enter) -> None:
    stranger = await enter()
    statuses = [(await stranger.get("/api/runs", headers={"Authorization": f"Bearer {n}"})).status_code for n in range(70)]
    assert statuses == [401] * 30 + [429] * 40


async def test_a_body_has_a_limit_however_it_comes(enter: Enter) -> None:
    client = await enter("hr")
    big = b'{"name": "' + b"a" * MAX_BODY_BYTES + b'"}'

    async def in_pieces() -> Any:
        for start in range(0, len(big), 4096):
            yield big[start : start + 4096]

    typed = {"Content-Type": "application/json"}
    is_problem(await client.post("/api/users/onboard_user", content=big, headers=typed), 413)
    is_problem(await client.post("/api/users/onboard_user", content=in_pieces(), headers=typed), 413)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({**HIRE, "is_admin": True}, "is_admin"),
        ({**HIRE, "configurable": {"thread_id": "t-1"}}, "configurable"),
        ({"team": "Engineering"}, "name"),
        ({**HIRE, "team": 7}, "team"),
        ({**HIRE, "team": "Moon"}, "team"),
        ({**HIRE, "access_items": ["github&job=x"]}, "access_items"),
        ({**HIRE, "access_items": ["moon"]}, "access_items"),
        ({**HIRE, "date_of_joining": 20261201}, "date_of_joining"),
        ({**HIRE, "date_of_joining": "2026-02-30"}, "date_of_joining"),
        ({**HIRE, "new_person": "yes"}, "new_person"),
        ({**HIRE, "name": "Ana\r\nBcc: x@y.example"}, "name"),
        ({**HIRE, "name": "Ana <b>"}, "name"),
    ],
)
async def test_what_the_contract_forbids_is_422_and_does_nothing(enter: Enter, body: dict[str, Any], field: str) -> None:
    client = await enter("hr")
    told = is_problem(await client.post("/api/users/onboard_user", json=body), 422)
    assert field in str(told.errors[0].field)
    assert (await client.get("/api/runs")).json() == []


@pytest.mark.parametrize("name", ["admin istrator", "Аlice Chen", "5mith Jones"])
async def test_a_name_that_is_refused_for_what_it_says_is_409(enter: Enter, name: str) -> None:
    client = await enter("hr")
    assert is_problem(await client.post("/api/users/onboard_user", json={**HIRE, "name": name}), 409).errors[0].field == "name"
    assert (await client.get("/api/runs")).json() == []


async def test_unknown_parameters_are_refused(enter: Enter) -> None:
    client = await enter("hr")
    for path in (
        "/api/runs?filter[source'%20OR%201=1--]=x",
        "/api/users/status_all?limit=1&x=1",
        "/api/agents?a",
        "/api/pauses?b=1",
    ):
        told = is_problem(await client.get(path), 422)
        assert "SQL" not in told.detail.upper()


async def test_what_is_said_twice_is_refused(app: FastAPI, enter: Enter) -> None:
    """Of two values one would be overlooked: what somebody named would go on being paused, or somebody else lose an address."""
    client = await enter("hr")
    for item in ("aws", "github"):
        await client.post("/api/pauses", json={"item": item})
    is_problem(await client.delete("/api/pauses?item=aws&item=github"), 422)
    assert len((await client.get("/api/pauses")).json()) == 2, "nothing was done"
    is_problem(await client.get("/api/users/status_all?team=Data&team=Sales"), 422)
    twice = b'{"name": "Ana Silva", "name": "Bo Berg", "team": "Data", "external_id": "E-1"}'
    headers = {"Content-Type": "application/json"}
    is_problem(await client.post("/api/users/onboard_user", content=twice, headers=headers), 400)
    within = b'{"user": "Ana Silva", "access_items_status": {"aws": "failed", "aws": "completed"}}'
    is_problem(await client.post("/api/users/update_status", content=within, headers=headers), 400)
    assert (await client.get("/api/users/status_all")).json() == []


async def test_errors_of_the_framework_are_problems(enter: Enter) -> None:
    client = await enter("hr")
    is_problem(await client.get("/nonsense"), 404)
    is_problem(await client.get("/api/runs/"), 404)
    answer = await client.put(f"/api/runs/{RUN}", json={})
    is_problem(answer, 405)
    assert answer.headers["Allow"] == "GET"
    answer = await client.patch("/api/pauses", json={})
    assert answer.headers["Allow"] == "DELETE, GET, POST"
    is_problem(await client.post("/api/users/onboard_user", content=b"\xff", headers={"Content-Type": "application/json"}), 400)


async def test_what_nobody_expected_is_a_problem_without_its_words(
    app: FastAPI, enter: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await enter("hr")

    async def broken(*_: Any) -> None:
        raise RuntimeError("canary-secret in /etc/passwd")

    monkeypatch.setattr(type(app.state.ops), "people", broken)
    told = is_problem(await client.get("/api/users/status_all"), 500)
    assert "canary" not in told.model_dump_json()


async def test_headers_that_browsers_heed(enter: Enter) -> None:
    client = await enter("hr")
    origin = {"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"}
    for answer in (
        await client.get("/api/runs", headers=origin),
        await client.options("/api/runs", headers=origin),
        await client.get("/nonsense"),
        await client.get("/healthz"),
    ):
        assert [name for name in answer.headers if name.startswith("access-control")] == []
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


async def test_a_request_has_one_id_from_the_answer_to_the_run(app: FastAPI, enter: Enter) -> None:
    client = await enter("hr")
    answer = await client.post("/api/users/onboard_user", json=HIRE, headers={"X-Request-ID": "trace-7"})
    assert answer.headers["X-Request-ID"] == "trace-7"
    store = app.state.ops._system.store
    assert await store.read(lambda tx: tx.runs.request_of(answer.json()["run_id"])) == "trace-7"
    odd = await client.get("/api/runs", headers={"X-Request-ID": "a b\tc"})
    assert odd.headers["X-Request-ID"] != "a b\tc"


def test_a_route_without_a_scope_cannot_be_made() -> None:
    from fastapi import APIRouter

    from agent_ops.api.admission import GuardedRoute

    router = APIRouter(route_class=GuardedRoute)
    with pytest.raises(AssertionError, match="names no scope"):
        router.add_api_route("/open", lambda: None)
    assert Needs("status").scope == "status"


@pytest.mark.parametrize("word", ["onboard_user", "update_status", "delete_email_by_name"])
async def test_the_words_of_other_routes_mean_nobody(enter: Enter, word: str) -> None:
    answer = await (await enter("hr")).get(f"/api/users/{word}")
    is_problem(answer, 405)
    assert "GET" not in answer.headers["Allow"]


async def test_a_pause_of_something_unknown_is_no_request_whatever_else_it_names(enter: Enter) -> None:
    admin = await enter("root")
    is_problem(await admin.delete("/api/pauses", params={"item": "github", "agent": "AAA"}), 422)
    is_problem(await admin.delete("/api/pauses", params={"item": "github", "agent": "jenkins"}), 409)
