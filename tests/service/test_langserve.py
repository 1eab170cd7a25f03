"""LangServe's routes, driven by its own client: the same edge as every request, and nothing that a client configures counts."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import json
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from langserve import RemoteRunnable
from starlette.routing import NoMatchFound

from agent_ops import EntitlementPolicy
from agent_ops.agents import load_agents
from agent_ops.api import facades
from agent_ops.api.admission import MAX_BODY_BYTES
from agent_ops.api.app import build_app
from agent_ops.api.routes.langserve import MAX_BATCH
from tests.fakes import FakeServices
from tests.library import OPS_12, PULLS, Scripted, installed
from tests.service.conftest import Enter
from tests.service.test_admission import is_problem

HIRE = {"name": "Ana Silva", "team": "Engineering", "level": "L2", "location": "Lisbon", "external_id": "E-1"}
LIST = {"task": "List open pull requests of acme/web"}
BOTH = {"task": "List open pull requests of acme/web and show OPS-12"}
SAVE = {"task": "Generate and save email for user with name John Doe", "context": {"name": "John Doe"}}
Remote = Callable[..., Awaitable[RemoteRunnable[Any, Any]]]


@pytest.fixture(autouse=True)
def readers(monkeypatch: pytest.MonkeyPatch) -> dict[str, Scripted]:
    return installed(monkeypatch, github={"list_pull_requests": PULLS}, jira={"read_issue": OPS_12})


class Apart(httpx.ASGITransport):
    """Serves as another process would: LangChain's client leaves its config in context variables, which none can see there."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await contextvars.Context().run(asyncio.ensure_future, super().handle_async_request(request))


@pytest.fixture
def remote(app: FastAPI, enter: Enter) -> Remote:
    """Makes LangServe's client of a runnable, for a key of these scopes."""

    async def made(name: str, caller: str, *scopes: str) -> RemoteRunnable[Any, Any]:
        headers = dict((await enter(caller, *scopes)).headers)
        found: RemoteRunnable[Any, Any] = RemoteRunnable(f"http://service/langserve/{name}/", headers=headers)
        found.async_client = httpx.AsyncClient(
            transport=Apart(app), base_url=f"http://service/langserve/{name}/", headers=headers
        )
        return found

    return made


async def test_a_hire_is_onboarded_by_the_planner(app: FastAPI, remote: Remote, fakes: FakeServices) -> None:
    told = await (await remote("planner", "hr", "task:read", "onboard", "pii")).ainvoke({"hire": HIRE})
    assert (told["status"], told["summary"]) == ("done", "account and 4 of 4 access items in place")
    assert told["plan"][0].startswith("no account yet: create it")
    steps = {step["id"]: step["agent"] for step in told["steps"] if step["succeeded"]}
    assert steps["entra-account"] == "entra" and steps["jenkins-github"] == "jenkins" and steps["notify-access"] == "notify"
    assert {result["step"] for result in told["results"]} == set(steps)
    assert {change["item"]: change["status"] for change in told["changes"]}["github"] == "completed"
    sent = fakes.sends()
    again = await (await remote("planner", "hr2", "task:read", "onboard")).ainvoke({"hire": HIRE})
    assert (again["run_id"], again["summary"], again["plan"]) == (told["run_id"], None, [])
    assert sent and fakes.sends() == sent


async def test_somebody_elses_hire_is_told_as_a_repeat_at_the_rest_route_is(enter: Enter, fakes: FakeServices) -> None:
    """Whoever can name somebody would else learn, without the scope `status`, what became of them."""
    scopes = ("task:read", "onboard", "pii")
    first, other, third = await enter("hr", *scopes), await enter("hr2", *scopes), await enter("hr3", *scopes, "status")
    hire = {**HIRE, "access_items": ["github", "aws"]}
    way, body = "/langserve/planner/", {"input": {"hire": hire}}
    theirs = (await first.post(f"{way}invoke", json=body)).json()["output"]
    assert theirs["summary"] and theirs["plan"] and theirs["steps"]
    rest = (await other.post("/api/users/onboard_user", json=hire)).json()
    told = (await other.post(f"{way}invoke", json=body)).json()["output"]
    assert {name: told[name] for name in ("run_id", "status", "status_url", "events_url")} == {
        name: rest[name] for name in ("run_id", "status", "status_url", "events_url")
    }
    assert {change["item"]: change["status"] for change in told["changes"]} == rest["access_items_status"]
    assert not any(change["reason"] or change["detail"] for change in told["changes"])
    assert [told[name] for name in ("plan", "steps", "results", "summary", "sources")] == [[], [], [], None, []]
    assert (await other.post(f"{way}batch", json={"inputs": [{"hire": hire}]})).json()["output"] == [told]
    streamed = await other.post(f"{way}stream", json=body)
    assert [json.loads(line[6:]) for line in streamed.text.splitlines() if line.startswith("data: {")][1:] == [{"outcome": told}]
    for client in (first, third):
        assert (await client.post(f"{way}invoke", json=body)).json()["output"] == theirs


async def test_a_task_is_carried_out_and_streamed(remote: Remote) -> None:
    client = await remote("planner", "desk", "task:read", "status", "pii")
    told = await client.ainvoke(BOTH)
    assert (told["status"], {step["agent"] for step in told["steps"]}) == ("done", {"github", "jira"})
    assert told["sources"] == ["GitHub: acme/web#12", "GitHub: acme/web#14", "Jira: OPS-12"]
    chunks = [chunk async for chunk in client.astream(LIST)]
    kinds = [chunk["event"]["kind"] for chunk in chunks[:-1]]
    assert kinds[0] == "run" and "thought" in kinds and kinds[-1] == "run"
    assert chunks[-1]["outcome"]["run_id"] == chunks[0]["event"]["run_id"] != told["run_id"]
    assert "acme/web#14" in chunks[-1]["outcome"]["summary"]


async def test_an_agent_carries_out_its_own_and_nothing_elses(remote: Remote, readers: dict[str, Scripted]) -> None:
    told = await (await remote("github", "desk", "task:read", "pii")).ainvoke(BOTH)
    assert [step["agent"] for step in told["steps"]] == ["github"]
    assert readers["jira"].asked == [] and len(readers["github"].asked) == 1
    assert (told["status"], "only github may carry this task out" in told["summary"]) == ("failed", True)


async def test_an_agent_that_changes_gets_a_grant_of_its_own_effects_only(
    app: FastAPI, remote: Remote, fakes: FakeServices
) -> None:
    scopes = ("task:read", "task:write", "onboard", "pii")
    hire = {"task": "Onboard the new hire Rui Costa", "context": {"name": "Rui Costa", "team": "Engineering", "external_id": "R"}}
    refused = await (await remote("jenkins", "a", *scopes)).ainvoke(hire)
    assert "/langserve/planner" in refused["summary"] and fakes.sends() == {}
    refused = await (await remote("github", "b", *scopes)).ainvoke(SAVE)
    assert "/langserve/planner" in refused["summary"] and fakes.sends() == {}
    saved = await (await remote("entra", "c", *scopes)).ainvoke(SAVE)
    assert (saved["status"], [change["item"] for change in saved["changes"]]) == ("done", ["address"])
    made = await (await remote("entra", "d", *scopes)).ainvoke(hire)
    assert {step["id"] for step in made["steps"]} <= {"account", "attributes"}
    grant = await app.state.ops._system.store.read(lambda tx: tx.runs.grant(made["run_id"]))
    assert {effect.agent for effect in grant.effects} == {"entra", "notify"}
    rest = {"task": "Provision pending access for Rui Costa"}
    given = await (await remote("jenkins", "e", *scopes)).ainvoke(rest)
    assert {change["item"] for change in given["changes"]} == {"aws", "confluence", "database", "github"}
    grant = await app.state.ops._system.store.read(lambda tx: tx.runs.grant(given["run_id"]))
    assert {effect.agent for effect in grant.effects} == {"jenkins", "notify"}


async def test_nothing_that_a_client_configures_widens_anything(app: FastAPI, remote: Remote) -> None:
    """RemoteRunnable sends its config along: neither another run, nor another caller, nor a bigger batch comes of it."""
    secret = await (await remote("planner", "hr", "task:read", "onboard", "pii")).ainvoke({"hire": HIRE})
    desk = await remote("github", "desk", "task:read")
    theirs = {"thread_id": secret["run_id"], facades.HANDS: {"runs": [secret["run_id"]], "caller": "hr"}, "scopes": ["onboard"]}
    config: Any = {"configurable": theirs, "run_id": None, "metadata": {"caller": "hr"}, "max_concurrency": 999}
    told = await desk.ainvoke(LIST, config)
    assert told["run_id"] != secret["run_id"] and told["steps"][0]["agent"] == "github"
    for told in await desk.abatch([LIST, LIST], config):
        assert told["run_id"] != secret["run_id"]
    run, grant = await app.state.ops._system.store.read(lambda tx: (tx.tasks.get(told["run_id"]), tx.runs.grant(told["run_id"])))
    assert (run.caller, run.scopes, grant.caller, grant.effects) == ("key:desk", {"task:read"}, "key:desk", ())


@pytest.mark.parametrize("config", [None, [], [{}], [{}] * 3, {"configurable": {"x": 1}, "tags": 3}])
async def test_no_config_makes_a_request_fail_when_its_runs_are_taken_on(enter: Enter, config: Any) -> None:
    """Who is answered that it failed asks again."""
    client = await enter("desk", "task:read")
    told = await client.post("/langserve/github/batch", json={"inputs": [LIST] * 2, "config": config})
    assert (told.status_code, len(told.json()["output"])) == (200, 2)
    for way in ("invoke", "stream") if not isinstance(config, list) else ():
        told = await client.post(f"/langserve/github/{way}", json={"input": LIST, "config": config})
        assert (told.status_code, "acme/web#14" in told.text or "run_id" in told.text) == (200, True)


async def test_a_batch_is_bounded_and_counted(remote: Remote, enter: Enter, monkeypatch: pytest.MonkeyPatch) -> None:
    client = await enter("desk", "task:read")
    told = (await client.post("/langserve/github/batch", json={"inputs": [LIST] * 3})).json()["output"]
    assert len({one["run_id"] for one in told}) == 3
    is_problem(await client.post("/langserve/github/batch", json={"inputs": [LIST] * (MAX_BATCH + 1)}), 422)
    is_problem(await client.post("/langserve/github/batch", json={"inputs": []}), 422)
    assert (await client.post("/langserve/github/batch", json={"inputs": [LIST] * MAX_BATCH})).status_code == 200
    is_problem(await client.post("/langserve/github/batch", json={"inputs": [LIST] * MAX_BATCH}), 429)


async def test_a_batch_says_which_of_its_inputs_was_refused(enter: Enter) -> None:
    client = await enter("hr", "task:read", "onboard", "status")
    inputs = [{"hire": HIRE}, {"hire": {**HIRE, "level": "L3"}}]
    told = is_problem(await client.post("/langserve/planner/batch", json={"inputs": inputs}), 409)
    (run,) = (await client.get("/api/runs")).json()
    assert "inputs.1" in told.detail and run["id"] in told.detail


async def test_whoever_lacks_key_scope_or_sense_is_told_by_a_problem(enter: Enter) -> None:
    stranger, wrong, desk = await enter(), await enter("audit", "status"), await enter("desk", "task:read")
    paths = [f"/langserve/{name}/{way}" for name in ("planner", *load_agents()) for way in ("invoke", "batch", "stream")]
    for path in paths:
        is_problem(await stranger.post(path, content=b"{not json"), 401)
    for way in ("invoke", "batch", "stream"):
        path, key = f"/langserve/planner/{way}", "inputs" if way == "batch" else "input"
        one = (lambda given: [given]) if way == "batch" else (lambda given: given)
        is_problem(await wrong.post(path, content=b"{not json"), 403)
        is_problem(await desk.post(path, json={key: one({"hire": HIRE})}), 403)
        for bad in ({}, {"task": "x", "hire": HIRE}, {"task": "x", "grant": 1}, {"task": ""}, {"hire": {**HIRE, "mode": "plan"}}):
            is_problem(await desk.post(path, json={key: one(bad)}), 422)
        is_problem(await desk.post(path, content=b"\xff{"), 422)
        is_problem(await desk.post(path, content=b" " * (MAX_BODY_BYTES + 1)), 413)
    is_problem(await desk.post("/langserve/planner/invoke", json={"input": LIST, "kwargs": {"agent": "entra"}}), 422)
    is_problem(await desk.post("/langserve/planner/invoke", json={"input": LIST, "context": {}}), 422)
    twice = b'{"input": {"task": "List open pull requests of acme/web", "task": "List EC2 instances"}}'
    is_problem(await desk.post("/langserve/planner/invoke", content=twice), 400)
    refused = await desk.get("/langserve/planner/invoke")
    assert is_problem(refused, 405) and refused.headers["Allow"] == "POST"
    for absent in ("/langserve/planner/playground/", "/langserve/planner/stream_log", "/langserve/planner/c/N4/invoke"):
        is_problem(await desk.get(absent), 404)


async def test_schemas_are_told(app: FastAPI, enter: Enter) -> None:
    desk = await enter("desk", "task:read")
    asked = (await desk.get("/langserve/planner/input_schema")).json()
    assert {"hire", "task", "context"} <= set(asked["properties"]) and asked["additionalProperties"] is False
    assert set((await desk.get("/langserve/github/input_schema")).json()["properties"]) == {"task", "context"}
    outcome = (await desk.get("/langserve/github/output_schema")).json()["properties"]
    assert {"plan", "steps", "results", "summary"} <= set(outcome)
    assert (await desk.get("/langserve/github/config_schema")).json().get("properties", {}) == {}
    assert not any(path.startswith("/langserve") for path in app.openapi()["paths"])


async def test_waiting_has_a_bound(remote: Remote, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(facades, "MAX_WAIT", 0.0)
    told = await (await remote("github", "desk", "task:read")).ainvoke(LIST)
    assert told["status"] in ("queued", "running", "done") and told["status_url"] == f"/api/runs/{told['run_id']}"


def test_the_service_serves_without_the_library(policy: EntitlementPolicy, monkeypatch: pytest.MonkeyPatch) -> None:
    def made() -> FastAPI:
        return build_app(policy, contextlib.nullcontext)  # type: ignore[arg-type]

    assert made().url_path_for("planner_invoke") == "/langserve/planner/invoke"
    monkeypatch.setitem(sys.modules, "langserve", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(NoMatchFound):
        made().url_path_for("planner_invoke")
