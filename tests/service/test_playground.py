"""LangServe's playground: not there unless switched on, then for whoever has a key, and no way in for anybody else's page."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from langchain_core.tracers.log_stream import RunLogPatch

from agent_ops import AgentOps, EntitlementPolicy, Settings
from agent_ops.agents import load_agents
from agent_ops.api.app import SERVICE, build_app, check
from agent_ops.api.envelope import POLICY
from agent_ops.api.facades import PlannerInput
from agent_ops.api.playground import for_forms
from agent_ops.domain.errors import ConfigurationError
from agent_ops.runtime.logs import configure_logging
from tests.fakes import FakeServices
from tests.library import OPS_12, PULLS, Scripted, installed
from tests.service.conftest import Enter
from tests.service.test_admission import is_problem
from tests.service.test_langserve import HIRE, LIST

PAGE = "/langserve/planner/playground/"
LOG = "/langserve/planner/stream_log"
SAME = {"Sec-Fetch-Site": "same-origin"}
FILES = ("", "start.js", "assets/index-400979f0.js", "assets/index-52e8ab2f.css", "favicon.ico")
SAYS = {"input": LIST, "config": {}}
NO_KEYS = ("Basic", "Basic ", "Basic *", "Basic YTpi", "Basic YQ==", "Basic /w==", "basic\tYTpi", "Digest x")
TRICKS = (
    *("../__init__.py", "..%2f__init__.py", "%2e%2e/%2e%2e/__init__.py", "assets/../../../server.py", "..\\..\\server.py"),
    *(
        "/etc/passwd",
        "//etc/passwd",
        "%2Fetc%2Fpasswd",
        "assets",
        "assets/",
        "index.html",
        "index.html%00.js",
        "%00",
        "start.js/",
    ),
    *("start.js/", "START.JS", "C:/x", "file:///etc/passwd", "assets/%ff", "a" * 5000, "favicon.ico%00"),
)
REFUSED: tuple[tuple[Any, int, str], ...] = (
    ({"input": {}}, 422, "input"),
    ({"input": {"task": "x", "hire": HIRE}}, 422, "a hire or a task, and not both"),
    ({"input": {"task": "x", "grant": 1}}, 422, "grant"),
    ({"input": {"hire": {**HIRE, "level": "L3"}}}, 409, "known already"),
    ([[[]]], 422, "body"),
)
ELSEWHERE: tuple[dict[str, str], ...] = (
    {},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site", "Origin": "http://service"},
    {"Sec-Fetch-Site": "none", "Origin": "http://service"},
    {"Sec-Fetch-Site": "", "Origin": "http://service"},
    {"Sec-Fetch-Site": "cross-site, same-origin"},
    {"Origin": "http://evil.example"},
    {"Origin": "http://service.evil.example"},
    {"Origin": "http://service:81"},
    {"Origin": "http://[service"},
    {"Origin": "evil://service"},
    {"Origin": "http://service, http://evil.example"},
    {"Origin": "null"},
    {"Origin": "", "Host": ""},
    {"Origin": "null", "Host": "null"},
)


@pytest.fixture(autouse=True)
def readers(monkeypatch: pytest.MonkeyPatch) -> dict[str, Scripted]:
    return installed(monkeypatch, github={"list_pull_requests": PULLS}, jira={"read_issue": OPS_12})


@pytest.fixture
def on(request: pytest.FixtureRequest) -> bool:
    return bool(getattr(request, "param", True))


@pytest.fixture
async def app(policy: EntitlementPolicy, settings: Settings, fakes: FakeServices, on: bool) -> AsyncIterator[FastAPI]:
    """The service over fakes, with the playground. A caller may ask sixty times: on no machine does the minute pass."""

    @contextlib.asynccontextmanager
    async def opening() -> AsyncIterator[AgentOps]:
        given = replace(settings, requests_per_minute=60, playground=on)
        async with AgentOps(given, caller=SERVICE, adapters=fakes.adapters()) as ops:
            yield ops

    made = build_app(policy, opening, clock=lambda: 0.0)
    async with made.router.lifespan_context(made):
        yield made


def basic(password: str, user: str = "anybody") -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


async def at_a_browser(enter: Enter, *scopes: str) -> httpx.AsyncClient:
    """Somebody who typed their key into a browser's dialogue."""
    client = await enter("me", *scopes)
    client.headers["Authorization"] = basic(client.headers["Authorization"].removeprefix("Bearer "))
    return client


def state_of(answer: httpx.Response) -> Any:
    """What the page would have at the end."""
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    lines = [line.removeprefix("data: ") for line in answer.text.splitlines() if line.startswith("data: {")]
    patches = [RunLogPatch(*json.loads(line)["ops"]) for line in lines]
    told = patches[0]
    for one in patches[1:]:
        told = told + one
    return json.loads(json.dumps((told + RunLogPatch()).state)) if len(patches) > 1 else told.ops[0]["value"]


@pytest.mark.parametrize("on", [False], indirect=True)
async def test_it_is_not_there_unless_it_is_switched_on(enter: Enter) -> None:
    for client in (await at_a_browser(enter), await enter("other"), await enter()):
        for name in ("planner", *load_agents()):
            is_problem(await client.get(f"/langserve/{name}/playground"), 404)
            is_problem(await client.get(f"/langserve/{name}/playground/"), 404)
            is_problem(await client.post(f"/langserve/{name}/stream_log", json=SAYS, headers=SAME), 404)


def test_a_service_that_cannot_serve_it_does_not_start(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    check(settings, in_sandbox=True)
    with pytest.raises(ConfigurationError, match="langserve"):
        check(replace(settings, playground=True), in_sandbox=True)


async def test_it_asks_for_a_key_as_a_browser_understands_it(enter: Enter) -> None:
    stranger, wrong = await enter(), await enter("audit", "status")
    for path in (PAGE, *(PAGE + file for file in FILES)):
        refused = await stranger.get(path)
        assert is_problem(refused, 401) and refused.headers["WWW-Authenticate"].startswith('Basic realm="agent-ops"')
    is_problem(await wrong.get(PAGE), 403)
    me = await at_a_browser(enter, "task:read")
    for name in ("planner", *load_agents()):
        assert (await me.get(f"/langserve/{name}/playground/")).status_code == 200
    me.headers["Authorization"] = basic("ao_aaaaaaaaaa_" + "A" * 43)
    statuses = [(await me.get(PAGE)).status_code for _ in range(70)]
    before = len((PAGE, *FILES))
    assert statuses == [401] * (60 - before) + [429] * (10 + before)


async def test_a_password_that_is_no_key(enter: Enter) -> None:
    stranger = await enter()
    for sent in NO_KEYS:
        is_problem(await stranger.get(PAGE, headers={"Authorization": sent}), 401)


async def test_a_password_opens_nothing_else(app: FastAPI, enter: Enter) -> None:
    me = await at_a_browser(enter)
    for path in ("/api/runs", "/api/agents", "/metrics", "/langserve/planner/input_schema"):
        refused = await me.get(path)
        assert is_problem(refused, 401) and refused.headers["WWW-Authenticate"].startswith("Bearer")
    for way in ("invoke", "batch", "stream"):
        is_problem(await me.post(f"/langserve/planner/{way}", json=SAYS, headers=SAME), 401)
    is_problem(await me.post("/api/execute_task", json=LIST, headers=SAME), 401)


async def test_no_other_page_can_use_the_browsers_key(enter: Enter) -> None:
    me, audit = await at_a_browser(enter), await enter("audit", "status")
    for headers in ELSEWHERE:
        is_problem(await me.post(LOG, json=SAYS, headers=headers), 403)
    for twice in (
        [*SAME.items(), ("Sec-Fetch-Site", "cross-site")],
        [("Origin", "http://service"), ("Origin", "http://e.example")],
    ):
        is_problem(await me.post(LOG, json=SAYS, headers=[("Authorization", me.headers["Authorization"]), *twice]), 403)
    assert (await audit.get("/api/runs")).json() == []


async def test_a_form_of_another_page_could_not_even_say_it(enter: Enter) -> None:
    me = await at_a_browser(enter)
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/json", ""):
        sent = {**SAME, "Content-Type": kind}
        is_problem(await me.post(LOG, content=json.dumps(SAYS).encode(), headers=sent), 415)


async def test_its_own_page_runs_a_task(app: FastAPI, enter: Enter) -> None:
    me = await at_a_browser(enter, "task:read", "pii")
    hostile = {"configurable": {"thread_id": "x", "agent_ops_hands": 1}, "callbacks": [1], "run_id": "x"}
    for said in ({"Origin": "http://service"}, {"Origin": "https://SERVICE"}):
        assert (await me.post(LOG, json=SAYS, headers=said)).status_code == 200
    answer = await me.post(LOG, json={"input": LIST, "config": hostile}, headers=SAME)
    state = state_of(answer)
    assert (state["final_output"]["status"], state["logs"]) == ("done", {})
    assert state["streamed_output"][0].startswith("run queued: task: ") and "acme/web#14" in state["final_output"]["summary"]
    assert state["id"] == state["final_output"]["run_id"]
    run, grant = await app.state.ops._system.store.read(lambda tx: (tx.tasks.get(state["id"]), tx.runs.grant(state["id"])))
    assert (run.caller, grant.caller, grant.effects) == ("key:me", "key:me", ())


async def test_a_bearer_key_does_not_come_by_itself_and_needs_no_page(enter: Enter) -> None:
    state = state_of(await (await enter("desk", "task:read")).post(LOG, json=SAYS))
    assert state["final_output"]["status"] == "done"
    assert all("read" not in line for line in state["streamed_output"][:-1])  # without pii: no words


async def test_what_nobody_filled_in_is_not_said(enter: Enter, fakes: FakeServices) -> None:
    """The page's forms send empty texts, lists and objects along, and half a hire with every task."""
    me = await at_a_browser(enter)
    blank: dict[str, Any] = {"name": "", "access_items": [], "evidence": {}, "manager": None}
    task = {"task": LIST["task"], "hire": blank, "context": {**blank, "evidence": {}}, "idempotency_key": ""}
    assert state_of(await me.post(LOG, json={"input": task}, headers=SAME))["final_output"]["status"] == "done"
    hire = {"task": "", "hire": {**blank, **HIRE}, "context": blank}
    told = state_of(await me.post(LOG, json={"input": hire}, headers=SAME))["final_output"]
    assert told["summary"] == "account and 4 of 4 access items in place"  # an empty list of items would mean none
    form = for_forms(PlannerInput.model_json_schema())
    assert '"default"' not in json.dumps(form) and '"null"' not in json.dumps(form) and "mode" not in json.dumps(form)


async def test_a_refusal_has_its_status_and_can_be_seen(enter: Enter) -> None:
    me = await at_a_browser(enter, "task:read", "onboard")
    assert (await me.post(LOG, json={"input": {"hire": HIRE}}, headers=SAME)).status_code == 200
    for given, status, words in REFUSED:
        answer = await me.post(LOG, json=given, headers=SAME)
        (shown,) = state_of(answer)["streamed_output"]
        assert (answer.status_code, shown["status"], shown["request_id"]) == (status, status, answer.headers["X-Request-ID"])
        assert words in json.dumps(shown)


async def test_a_body_that_is_no_json_does_not_break_it(enter: Enter) -> None:
    me = await at_a_browser(enter)
    for body in (b"", b"{not json", b"\xff{", b"[" * 60_000, b'{"input": NaN}'):
        sent = {**SAME, "Content-Type": "application/json"}
        assert (await me.post(LOG, content=body, headers=sent)).status_code == 422
    is_problem(await me.post(LOG, content=b" " * 70_000, headers={**SAME, "Content-Type": "application/json"}), 413)


async def test_no_path_leads_to_another_file(enter: Enter) -> None:
    me = await at_a_browser(enter)
    for path in TRICKS:
        answer = await me.get(httpx.URL(PAGE).copy_with(raw_path=f"{PAGE}{path}".encode()))
        assert answer.status_code == 404, f"{path}: {answer.text}"
    is_problem(await me.get(f"{PAGE}favicon.ico?x=1"), 422)


async def test_scripts_come_from_here_or_not_at_all(enter: Enter) -> None:
    me = await at_a_browser(enter)
    page = await me.get(PAGE)
    rules = dict(rule.strip().split(" ", 1) for rule in page.headers["Content-Security-Policy"].split(";"))
    assert (rules["default-src"], rules["script-src"], rules["connect-src"]) == ("'none'", "'self'", "'self'")
    assert (rules["frame-ancestors"], page.headers["X-Frame-Options"]) == ("'none'", "DENY")
    assert "<script>" not in page.text and "____" not in page.text and "http" not in page.text
    for path in (*(PAGE + file for file in FILES[1:]), "/langserve/planner/playgrounds", "/healthz"):
        assert (await me.get(path)).headers["Content-Security-Policy"] == POLICY
    shown = await me.post(LOG, json=SAYS, headers={**SAME, "Origin": "http://evil.example"})
    assert not [name for name in shown.headers if name.startswith("access-control")]


async def test_the_log_has_no_password(enter: Enter, tmp_path: Path) -> None:
    configure_logging(tmp_path / "log", "DEBUG")
    me = await at_a_browser(enter)
    assert (await me.get(PAGE)).status_code == 200
    await me.post(LOG, json=SAYS, headers=SAME)
    await me.post(LOG, json=SAYS)
    sent = me.headers["Authorization"].removeprefix("Basic ")
    key = base64.b64decode(sent).decode().partition(":")[2]
    lines = (tmp_path / "log").read_text(encoding="utf-8")
    assert '"route": "/langserve/planner/playground/{file}"' in lines and '"caller": "key:me"' in lines
    assert sent not in lines and key not in lines and key.split("_", 2)[2] not in lines
