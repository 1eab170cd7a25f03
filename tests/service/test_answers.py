"""What is answered: pages, plans, pauses, passes, erasure; and to whom names are shown."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from prometheus_client.parser import text_string_to_metric_families

from agent_ops.api.routes import users
from agent_ops.domain.effects import Action
from tests.fakes import FakeServices
from tests.service.conftest import Enter

METRICS = Path(__file__).resolve().parents[2] / "docs/service.md"
HIRE = {
    "name": "Zoë Quillfeather",
    "team": "Engineering",
    "external_id": "HR-canary",
    "contact_no": "+351 912 777 555",
    "manager": "Oswin Marlbrook",
    "date_of_joining": "2026-11-02",
    "emailid": "zoe-the-quill@home.example",
    "access_items": ["github", "aws"],
}
CANARIES = ("Quill", "quill", "HR-canary", "912 777", "Oswin", "2026-11-02")


async def onboarded(client: httpx.AsyncClient, app: FastAPI, body: dict[str, Any] = HIRE) -> dict[str, Any]:
    queued: dict[str, Any] = (await client.post("/api/users/onboard_user", json=body)).json()
    await app.state.ops.wait(queued["run_id"], timeout=60)
    return queued


async def everything(client: httpx.AsyncClient, queued: dict[str, Any]) -> str:
    run, user = queued["run_id"], queued["employee_id"]
    paths = [
        "/api/users/status_all",
        f"/api/users/{user}",
        "/api/runs",
        f"/api/runs/{run}",
        f"/api/runs/{run}/events",
        "/metrics",
    ]
    answers = [await client.get(path) for path in paths]
    assert [answer.status_code for answer in answers] == [200] * len(paths)
    return "\n".join(answer.text for answer in answers)


async def test_what_is_personal_needs_its_scope(app: FastAPI, enter: Enter, fakes: FakeServices) -> None:
    fakes[Action.RUN_PIPELINE].failing_items = {"aws"}
    hr, viewer = await enter("hr"), await enter("viewer", "status")
    queued = await onboarded(hr, app)
    await hr.post("/api/users/update_status", json={"user": queued["employee_id"], "status": "failed", "reason": "Quill said so"})
    seen, shown = await everything(hr, queued), await everything(viewer, queued)
    assert [canary for canary in CANARIES if canary not in seen] == [], "the search finds what is there"
    assert [canary for canary in CANARIES if canary in shown] == []
    assert '"github":"completed"' in shown and '"aws":"failed"' in shown


async def test_a_refused_item_is_named(app: FastAPI, enter: Enter) -> None:
    client = await enter("hr")
    queued = await onboarded(client, app, {**HIRE, "access_items": ["github", "salesforce"]})
    assert [one["item"] for one in queued["refused"]] == ["salesforce"]
    assert "does not allow" in queued["refused"][0]["reason"]


async def test_pages_lead_to_the_next(app: FastAPI, enter: Enter) -> None:
    client = await enter("hr")
    for number in range(5):
        await onboarded(client, app, {"name": "Ana Silva", "team": "Data", "external_id": f"E-{number}", "access_items": []})
    for path, limit in (("/api/users/status_all", "limit=2"), ("/api/runs", "limit=2")):
        whole = (await client.get(path)).json()
        paged, following = [], f"{path}?{limit}"
        while following:
            answer = await client.get(following)
            paged += answer.json()
            following = answer.links.get("next", {}).get("url", "")
        assert (paged, len(paged)) == (whole, 5)
    assert len((await client.get("/api/users/status_all?team=engineering")).json()) == 0
    assert (await client.get("/api/users/status_all?cursor=nobody")).status_code == 404


async def test_pages_lead_on_within_what_was_asked_for(app: FastAPI, enter: Enter) -> None:
    """The next page is one of the same list: without the filters it would hold everybody else, too."""
    client = await enter("hr")
    for number in range(4):
        body = {"name": "Ana Silva", "team": ("Data", "Sales")[number % 2], "external_id": f"E-{number}", "access_items": []}
        employee = (await onboarded(client, app, body))["employee_id"]
    for path in ("/api/users/status_all?team=Data", "/api/users/status_all?status=onboarded&team=Sales", "/api/runs?status=done"):
        whole, answer = (await client.get(path)).json(), await client.get(f"{path}&limit=1")
        paged = answer.json()
        while "next" in answer.links:
            answer = await client.get(answer.links["next"]["url"])
            paged += answer.json()
        assert (paged, bool(paged)) == (whole, True), path
    answer = await client.get(f"/api/runs?employee={employee}&limit=1")
    assert (await client.get(answer.links["next"]["url"])).json() == []


@pytest.mark.parametrize("page", [1, 2, 5, 6])
async def test_a_long_list_is_streamed_page_by_page(
    app: FastAPI, enter: Enter, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    """However many pages there are, full or not: the same list, whole, once."""
    client = await enter("hr")
    for number in range(5):
        await onboarded(client, app, {"name": "Ana Silva", "team": "Data", "external_id": f"E-{number}", "access_items": []})
    whole = await client.get("/api/users/status_all")
    monkeypatch.setattr(users, "_PAGE", page)
    streamed = await client.get("/api/users/status_all")
    assert ("content-length" in streamed.headers) is (page > 5)  # what is streamed has no length beforehand
    assert streamed.headers["content-type"] == "application/json"
    assert (streamed.json(), len(streamed.json())) == (whole.json(), 5)
    assert len((await client.get("/api/users/status_all?team=Data")).json()) == 5
    assert (await client.get("/api/users/status_all?team=engineering")).json() == []


async def test_a_plan_changes_nothing_and_is_applied_once(app: FastAPI, enter: Enter, fakes: FakeServices) -> None:
    client = await enter("hr")
    made = await client.post("/api/users/onboard_user", json={**HIRE, "mode": "plan"})
    same = await client.post("/api/plans", json=HIRE)
    assert (made.status_code, same.status_code) == (200, 200)
    assert same.json()["effects"] == made.json()["effects"] != []
    assert (fakes.sends(), (await client.get("/api/runs")).json()) == ({}, [])
    applied = await client.post("/api/plans/apply", json={"plan": made.json()["plan"]})
    again = await client.post("/api/plans/apply", json={"plan": made.json()["plan"]})
    assert (applied.status_code, again.json()["run_id"]) == (202, applied.json()["run_id"])
    await app.state.ops.wait(applied.json()["run_id"], timeout=60)
    changed = made.json()["plan"].replace("Zoë", "Zoe")
    assert (await client.post("/api/plans/apply", json={"plan": changed})).status_code == 409
    assert (await client.post("/api/plans/apply", json={"plan": "x"})).status_code == 409


async def test_a_run_is_retried_and_cancelled(app: FastAPI, enter: Enter, fakes: FakeServices) -> None:
    client = await enter("hr")
    fakes[Action.RUN_PIPELINE].failing_items = {"aws"}
    queued = await onboarded(client, app)
    assert (await client.post(f"/api/runs/{queued['run_id']}/cancel")).status_code == 409, "it has ended"
    fakes[Action.RUN_PIPELINE].failing_items = set()
    again = await client.post(f"/api/runs/{queued['run_id']}/retry", json={})
    assert again.status_code == 202
    assert (await app.state.ops.wait(again.json()["run_id"], timeout=60)).run.status.value == "done"
    assert (await client.post(f"/api/runs/{queued['run_id']}/retry")).status_code == 409, "nothing is left to do"
    undo = await client.post(f"/api/runs/{queued['run_id']}/cancel", json={"undo": True})
    assert undo.status_code == 202
    assert (await client.post("/api/runs/00000000-0000-0000-0000-000000000000/retry")).status_code == 404


async def test_changes_are_paused_and_go_on(app: FastAPI, enter: Enter) -> None:
    client = await enter("hr")
    assert (await client.post("/api/pauses", json={"item": "github", "reason": "audit"})).status_code == 201
    (pause,) = (await client.get("/api/pauses")).json()
    assert (pause["scope"], pause["by"], pause["reason"]) == ("item:github", "key:hr", "audit")
    assert (await client.post("/api/pauses", json={"item": "moon"})).status_code == 422
    assert (await client.post("/api/pauses", json={"item": "aws", "agent": "entra"})).status_code == 409
    assert (await client.delete("/api/pauses?item=github")).json() == {"was_paused": True}
    assert (await client.delete("/api/pauses")).json() == {"was_paused": False}


async def test_a_body_that_a_route_does_not_read_is_refused(app: FastAPI, enter: Enter) -> None:
    """Who names one agent in it must not let everything go on."""
    client = await enter("hr")
    assert (await client.post("/api/pauses", json={})).status_code == 201
    named = await client.request("DELETE", "/api/pauses", json={"agent": "jenkins"})
    assert (named.status_code, named.json()["errors"][0]["field"]) == (422, "body")
    piecewise = await client.request("DELETE", "/api/pauses", content=_pieces())
    assert piecewise.status_code == 422
    assert (await client.post("/api/users/nobody/erase", json={"keep": "address"})).status_code == 422
    assert (await client.post("/api/users/nobody/erase", json={})).status_code == 404
    assert (await client.request("DELETE", "/api/pauses", json={})).json() == {"was_paused": True}


async def _pieces() -> AsyncIterator[bytes]:
    """A body without a length."""
    yield b'{"agent": '
    yield b'"jenkins"}'


async def test_a_first_sign_in_is_handed_over_once(app: FastAPI, enter: Enter) -> None:
    client = await enter("hr")
    queued = await onboarded(client, app)
    made = await client.post(f"/api/users/{queued['employee_id']}/first_sign_in")
    assert (made.status_code, made.headers["Cache-Control"]) == (201, "no-store")
    secret = made.json()["access_pass"]
    assert secret.startswith("pass-")
    again = await client.post("/api/users/Zoë Quillfeather/first_sign_in")
    assert (again.json()["replaced"], again.json()["access_pass"] != secret) == (True, True)
    assert secret not in await everything(client, queued)
    assert (await client.post("/api/users/nobody/first_sign_in")).status_code == 404
    refused = await onboarded(client, app, {"name": "Ana Silva", "team": "Data", "external_id": "E-9", "access_items": []})
    await client.post("/api/pauses", json={})
    assert (await client.post(f"/api/users/{refused['employee_id']}/first_sign_in")).status_code == 409


async def test_an_erased_person_is_gone(app: FastAPI, enter: Enter) -> None:
    client = await enter("hr")
    queued = await onboarded(client, app)
    erased = await client.post(f"/api/users/{queued['employee_id']}/erase")
    assert (erased.status_code, erased.json()["already"]) == (200, False)
    assert (await client.post(f"/api/users/{queued['employee_id']}/erase")).json()["already"] is True
    assert (await client.get(f"/api/users/{queued['employee_id']}")).status_code == 404
    assert (await client.get("/api/users/status_all")).json() == []
    told = (await client.get("/api/runs")).text + (await client.get(f"/api/runs/{queued['run_id']}")).text
    assert [canary for canary in CANARIES if canary in told] == []


async def test_metrics_say_what_happened(app: FastAPI, enter: Enter, fakes: FakeServices) -> None:
    client = await enter("hr")
    fakes[Action.RUN_PIPELINE].failing_items = {"aws"}
    await onboarded(client, app, {**HIRE, "access_items": ["github", "aws", "salesforce"]})
    await client.get("/api/users/nobody")
    text = (await client.get("/metrics")).text
    found = {family.name: family for family in text_string_to_metric_families(text)}
    assert {sample.labels["status"]: sample.value for sample in found["agent_ops_runs"].samples} == {"failed": 1}
    assert found["agent_ops_denials"].samples[0].value == 1
    effects = {
        (s.labels["action"], s.labels["state"]): s.value
        for s in found["agent_ops_effect_seconds"].samples
        if s.name.endswith("_count")
    }
    assert effects["jenkins.run_pipeline", "succeeded"] == effects["jenkins.run_pipeline", "failed"] == 1
    routes = {s.labels["route"] for s in found["agent_ops_request_seconds"].samples}
    assert {"/api/users/onboard_user", "/api/users/{user}"} <= routes
    steps = {(s.labels["agent"], s.labels["outcome"]) for s in found["agent_ops_step_seconds"].samples}
    assert {("entra", "done"), ("jenkins", "done"), ("jenkins", "failed")} <= steps
    assert {s.labels["outcome"] for s in found["agent_ops_webhook_deliveries"].samples} == {"taken", "failed", "given_up"}
    page = METRICS.read_text(encoding="utf-8")
    named = {name + "_total" * (family.type == "counter") for name, family in found.items() if not name.endswith("_created")}
    assert {name for name in named if f"`{name}`" not in page} == set()


async def test_readiness_is_told(app: FastAPI, enter: Enter) -> None:
    stranger = await enter()
    assert (await stranger.get("/readyz")).json() == {"ready": True, "checks": {"database": "ok", "dispatcher": "ok"}}
    await app.state.ops._dispatcher.stop()
    answer = await stranger.get("/readyz")
    assert (answer.status_code, answer.json()["checks"]["dispatcher"]) == (503, "stopped")
    await app.state.ops._dispatcher.start()
    await asyncio.sleep(0)
