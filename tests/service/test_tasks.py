"""`POST /api/execute_task`: waited for or not, by whom, and who may see what came of it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from fastapi import FastAPI

from agent_ops import Profile
from agent_ops.api import task_body
from agent_ops.api.task_body import MAX_WAIT, Preferences
from tests.fakes import FakeServices
from tests.library import OPS_12, PULLS, Scripted, installed
from tests.service.conftest import Enter
from tests.service.test_admission import is_problem

PATH = "/api/execute_task"
LIST = {"task": "List open pull requests of acme/web"}
SAVE = {"task": "Generate and save email for user with name John Doe", "context": {"name": "John Doe"}}
HIRED = {"name": "Rui Costa", "team": "Engineering", "external_id": "R-1"}
READ, WRITE = ("task:read", "status"), ("task:read", "task:write", "status")


@pytest.fixture(autouse=True)
def readers(monkeypatch: pytest.MonkeyPatch) -> dict[str, Scripted]:
    return installed(monkeypatch, github={"list_pull_requests": PULLS}, jira={"read_issue": OPS_12})


class Gate:
    """A reader that answers once it is let to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, reader: Scripted) -> None:
        self.reached, self.opened = asyncio.Event(), asyncio.Event()
        answering = reader.list_pull_requests

        async def later(**asked: Any) -> Any:
            self.reached.set()
            await self.opened.wait()
            return await answering(**asked)

        monkeypatch.setattr(reader, "list_pull_requests", later, raising=False)


async def test_a_task_is_waited_for_and_answered_whole(enter: Enter, fakes: FakeServices) -> None:
    answer = await (await enter("desk", *READ)).post(PATH, json=LIST)
    told = answer.json()
    assert (answer.status_code, told["status"], told["needs_model"], told["task"]) == (200, "done", "", LIST["task"])
    (step,), (result,) = told["steps"], told["results"]
    assert (step["agent"], step["succeeded"], result["step"]) == ("github", True, step["id"])
    assert "Login page" in result["text"]
    assert told["sources"] == result["sources"] == ["GitHub: acme/web#12", "GitHub: acme/web#14"]
    assert "acme/web#14" in told["summary"]
    assert told["plan"] and told["evaluation"]["done"] == 1
    assert "Preference-Applied" not in answer.headers
    assert fakes.sends() == {}


async def test_the_run_of_a_task_about_nobody_is_told_of(enter: Enter) -> None:
    client = await enter("desk", *READ, "onboard")
    told = (await client.post(PATH, json=LIST)).json()
    run = (await client.get(told["status_url"])).json()
    assert (run["id"], run["employee_id"], run["event"], run["access_items"]) == (told["run_id"], "", "task", [])
    assert run["task"] == told
    assert "event: end" in (await client.get(told["events_url"])).text
    is_problem(await client.post(f"{told['status_url']}/retry"), 409)
    is_problem(await client.post(f"{told['status_url']}/cancel"), 409)


async def test_who_does_not_wait_is_told_where_the_run_is(
    app: FastAPI, enter: Enter, readers: dict[str, Scripted], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, slow = await enter("desk", *READ), Gate(monkeypatch, readers["github"])
    answer = await client.post(PATH, json=LIST, headers={"Prefer": "respond-async"})
    assert (answer.status_code, answer.headers["Preference-Applied"]) == (202, "respond-async")
    queued = answer.json()
    assert answer.headers["Location"] == queued["status_url"] == f"/api/runs/{queued['run_id']}"
    await asyncio.wait_for(slow.reached.wait(), 60)
    before = (await client.get(queued["status_url"])).json()
    assert (before["status"], before["task"]["summary"], before["task"]["evaluation"]) == ("running", "", None)
    slow.opened.set()
    await app.state.ops._ended(queued["run_id"], 20)
    assert (await client.get(queued["status_url"])).json()["task"]["sources"] == ["GitHub: acme/web#12", "GitHub: acme/web#14"]


@pytest.mark.parametrize("path", [PATH, "/langserve/github/invoke"])
async def test_who_hangs_up_is_waited_for_no_longer_and_their_run_goes_on(
    app: FastAPI, enter: Enter, readers: dict[str, Scripted], monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    client, slow = await enter("desk", *READ), Gate(monkeypatch, readers["github"])
    body = json.dumps(LIST if path == PATH else {"input": LIST}).encode()
    headers = [(b"authorization", client.headers["Authorization"].encode()), (b"content-type", b"application/json")]
    scope = {"type": "http", "http_version": "1.1", "method": "POST", "path": path, "raw_path": path.encode(), "headers": headers}
    scope |= {"query_string": b"", "scheme": "http", "server": ("service", 80), "client": ("127.0.0.1", 1), "root_path": ""}
    coming: list[dict[str, Any]] = [{"type": "http.request", "body": body, "more_body": False}]
    sent: list[Any] = []

    async def receive() -> Any:
        if not coming:
            await slow.reached.wait()
        return coming.pop(0) if coming else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await asyncio.wait_for(app(scope, receive, send), 60)
    assert sent[0]["status"] == 499 and not app.state.bell._waiting
    (run,) = (await client.get("/api/runs")).json()
    assert run["status"] == "running"
    slow.opened.set()
    await app.state.ops._ended(run["id"], 20)
    assert (await client.get(f"/api/runs/{run['id']}")).json()["status"] == "done"


@pytest.mark.parametrize("body", [LIST, SAVE, {"task": "Onboard the new hire Rui Costa", "context": HIRED}])
async def test_a_tasks_run_is_named_by_the_request_that_gave_it(app: FastAPI, enter: Enter, body: dict[str, Any]) -> None:
    client = await enter("hr", *WRITE, "onboard")
    told = (await client.post(PATH, json=body, headers={"X-Request-ID": "desk-17"})).json()
    assert await app.state.ops._system.store.read(lambda tx: tx.runs.request_of(told["run_id"])) == "desk-17"


async def test_waiting_has_a_bound(enter: Enter, readers: dict[str, Scripted], monkeypatch: pytest.MonkeyPatch) -> None:
    client, slow = await enter("desk", *READ), Gate(monkeypatch, readers["github"])
    monkeypatch.setattr(task_body, "MAX_WAIT", 0.3)
    bounded = await client.post(PATH, json=LIST)
    asked = await client.post(PATH, json=LIST, headers={"Prefer": "wait=0"})
    assert (bounded.status_code, asked.status_code) == (202, 202)
    assert ("Preference-Applied" in bounded.headers, asked.headers["Preference-Applied"]) == (False, "wait=0")
    slow.opened.set()


async def test_a_client_that_hangs_up_does_not_lose_the_run(
    app: FastAPI, enter: Enter, readers: dict[str, Scripted], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, slow = await enter("desk", *READ), Gate(monkeypatch, readers["github"])
    asking = asyncio.create_task(client.post(PATH, json=LIST))
    await asyncio.wait_for(slow.reached.wait(), 60)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    slow.opened.set()
    (run,) = (await client.get("/api/runs")).json()
    await app.state.ops._ended(run["id"], 20)
    assert (await client.get(f"/api/runs/{run['id']}")).json()["status"] == "done"


async def test_a_change_is_the_callers_to_ask_for(enter: Enter, fakes: FakeServices) -> None:
    reader, writer = await enter("reader", *READ), await enter("writer", *WRITE, "pii")
    refused = (await reader.post(PATH, json=SAVE)).json()
    assert (refused["status"], refused["changes"]) == ("refused", [])
    assert "lacks the scope 'task:write'" in refused["withheld"] and refused["withheld"] in refused["summary"]
    assert fakes.sends() == {}
    saved = (await writer.post(PATH, json=SAVE)).json()
    assert (saved["status"], "john.doe@acme.example" in str(saved["changes"])) == ("done", True), saved
    assert [(one["item"], one["status"]) for one in saved["changes"]] == [("address", "completed")]
    is_problem(await (await enter("other", "onboard", "status")).post(PATH, json=LIST), 403)


async def test_without_pii_nobody_is_shown_a_person(app: FastAPI, enter: Enter) -> None:
    ops = app.state.ops
    hr, desk, other = await enter("hr", *WRITE, "onboard", "pii"), await enter("desk", *WRITE), await enter("other", *WRITE)
    await hr.post("/api/users/onboard_user", json={"name": "Zoë Quillfeather", "team": "Engineering", "external_id": "Q-1"})
    (run,) = await ops.runs()
    await ops.wait(run.id, timeout=60)
    for task in ("Status of Zoë Quillfeather", "Provision pending access for Quillfeather"):
        seen, shown = (await hr.post(PATH, json={"task": task})).json(), (await desk.post(PATH, json={"task": task})).json()
        assert "@acme.example" not in str(shown), task
        assert shown["task"] == task and shown["sources"] == seen["sources"]
    status = (await hr.post(PATH, json={"task": "Status of Zoë Quillfeather"})).json()
    assert "Quillfeather" in status["results"][0]["text"]
    mine = (await desk.post(PATH, json={"task": "Status of Zoë Quillfeather"})).json()
    assert (mine["results"][0]["text"], mine["summary"]) == (None, None)
    theirs = (await other.get(mine["status_url"])).json()["task"]
    assert (theirs["task"], theirs["plan"], theirs["summary"], theirs["sealed_plan"]) == (None, [], None, None)
    assert "Quillfeather" not in str(theirs)
    viewer = await enter("viewer", "status", "pii")
    assert (await viewer.get(mine["status_url"])).json()["task"] is None


async def test_without_pii_a_plan_of_somebody_is_kept_back(app: FastAPI, enter: Enter) -> None:
    context = {"name": "Rui Costa", "team": "Engineering", "date_of_joining": "2026-12-01", "contact_no": "+351 912 345 678"}
    body = {"task": "Onboard the new hire Rui Costa", "context": context}
    for scopes, sees in ((READ, False), ((*READ, "pii"), True)):
        told = (await (await enter(f"desk-{sees}", *scopes)).post(PATH, json=body)).json()
        assert (told["status"], bool(told["sealed_plan"])) == ("refused", sees)


async def test_a_hire_in_the_context_is_a_hire_as_the_other_route_takes_it(app: FastAPI, enter: Enter) -> None:
    client = await enter("hr", *WRITE, "onboard", "pii")
    context = {"name": "Rui Costa", "team": "Engineering", "date_of_joining": "2026-12-01", "contact_no": "+351 912 345 678"}
    told = (await client.post(PATH, json={"task": "Onboard the new hire Rui Costa", "context": context})).json()
    assert told["status"] == "done"
    (user,) = (await client.get("/api/users/status_all")).json()
    assert {field: user[field] for field in context} == context
    same = await client.post("/api/users/onboard_user", json=context)
    assert same.json()["run_id"] == told["run_id"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({"task": ""}, 422),
        ({"task": " \t\n\u2003"}, 422),
        ({"task": "x" * 2001}, 422),
        ({"task": 7}, 422),
        ({"task": "x", "grant": "all"}, 422),
        ({"task": "x", "context": {"is_admin": True}}, 422),
        ({"task": "x", "context": []}, 422),
        ({"task": "x", "context": {"name": "John Doe", "evidence": {"moon": "SEC-1"}}}, 422),
        ({"task": "x", "context": {"team": "Engineering"}}, 409),
        ({"task": "x", "context": {"name": "Jоhn Doe"}}, 409),
        ({**SAVE, "context": {"name": "John Doe", "team": "Moon"}}, 409),
    ],
)
async def test_what_cannot_be_is_a_problem_and_no_run(enter: Enter, body: dict[str, Any], status: int) -> None:
    client = await enter("hr")
    told = is_problem(await client.post(PATH, json=body), status)
    assert told.errors
    assert (await client.get("/api/runs")).json() == []


async def test_what_is_not_understood_needs_a_model(enter: Enter) -> None:
    told = (await (await enter("desk", *READ)).post(PATH, json={"task": "Dance"})).json()
    assert "OPENAI_API_KEY" in told["needs_model"] and "OPENAI_API_KEY" in told["summary"]


@pytest.mark.parametrize(
    ("headers", "seconds", "applied"),
    [
        ([], MAX_WAIT, ""),
        (["respond-async"], 0, "respond-async"),
        (["return=minimal, Respond-Async; x=1"], 0, "respond-async"),
        (["return=minimal", "respond-async"], 0, "respond-async"),
        (["respond-async, wait=5"], 5, "respond-async, wait=5"),
        (['wait="7"'], 7, "wait=7"),
        (["wait=99999"], MAX_WAIT, "wait=99999"),
        (["wait=2, wait=9"], 2, "wait=2"),
        (["wait=-1", "wait", ";;,=,"], MAX_WAIT, ""),
        (["respond-asynchronously"], MAX_WAIT, ""),
    ],
)
def test_preferences_are_read_as_the_rfc_has_them(headers: list[str], seconds: float, applied: str) -> None:
    preferences = Preferences(headers)
    assert (preferences.seconds, preferences.applied(queued=True)) == (seconds, applied)
    assert "respond-async" not in preferences.applied(queued=False)


def test_a_profile_has_the_contexts_words() -> None:
    from agent_ops.api.task_body import ContextBody

    facts = ContextBody(name="A B", date_of_joining="2026-12-01", contact_no="12345", emailid="a@b.c", team="x").facts()
    assert Profile(**facts).joining_date is not None
