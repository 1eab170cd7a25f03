"""The ways in over HTTP: the case's request, sent as it stands to the service on a loopback port, by the case's key.

Planner, model and memory are the case's, as in `ways`; the server is uvicorn in this process.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import httpx
import uvicorn
from pydantic import SecretStr

from agent_ops import AgentOps, Caller, Planner
from agent_ops.api.app import SERVICE, build_app
from agent_ops.domain.grants import SCOPES
from agent_ops.transport.model_config import ModelConfig
from tests.threats import flood, ways
from tests.threats.attackers import Handing, ObedientModel
from tests.threats.cases import Case
from tests.threats.place import CANARY, Evidence, HttpRefusal, Place

PREFIX = "rest:"
PLAYED = ("onboard", "repeated", "clear_address", "viewer", "lookup", "flood", "task")
"""The library's ways in that a request of the service takes, too."""
STRANGERS: tuple[dict[str, str], ...] = ({}, {"Authorization": "Bearer hr-key"}, {"X-API-Key": "hr-key"})
"""The headers of nobody whom the service knows: without a key, and with what could be taken for one."""
_ADMIN = Caller("os:root", frozenset(SCOPES))


@dataclass(frozen=True)
class Door:
    """The service that serves: the system behind it, and a client with the case's key."""

    ops: AgentOps
    client: httpx.AsyncClient

    async def send(self, evidence: Evidence, method: str, path: str, **options: Any) -> dict[str, Any] | None:
        """A request, and what was answered; None when it was refused."""
        answer = await self.client.request(method, path, **options)
        refused = HttpRefusal(answer.status_code, answer.text) if answer.status_code >= 400 else None
        evidence.answered(refused, answer.text)
        evidence.texts.append(str(answer.headers))
        return None if refused else answer.json()


def by_rest(case: Case) -> Case:
    """The case, to be played over HTTP."""
    return replace(case, id=f"{case.id}-HTTP", way=PREFIX + case.way)


@contextlib.asynccontextmanager
async def opened(
    place: Place,
    case: Case,
    evidence: Evidence,
    further: tuple[str, ...] = (),
    *,
    planner: Planner | None = None,
    **changed: Any,
) -> AsyncIterator[Door]:
    """The service in the case's world, until the block ends; the case's key has the ``further`` scopes, too."""
    model, patterns = ObedientModel(items=ways.items_of(place)), ways.memory_of(case)
    planner = planner or ways.planner_of(place, case)
    settings = replace(place.settings(evidence.data_dir), **changed)
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(ways.handles(model, patterns))
        ops = await stack.enter_async_context(AgentOps(settings, caller=SERVICE, planner=planner))
        url = await stack.enter_async_context(_served(place, evidence, ops))
        headers = await _signed(place, ops, case.request.get("as"), further)
        headers.update(case.request.get("headers", {}))
        client = httpx.AsyncClient(base_url=url, headers=headers, trust_env=False, timeout=httpx.Timeout(60, pool=None))
        yield Door(ops, await stack.enter_async_context(client))
    evidence.texts += model.shown
    ways.keep_grants(evidence)


@contextlib.asynccontextmanager
async def _served(place: Place, evidence: Evidence, ops: AgentOps) -> AsyncIterator[str]:
    @contextlib.asynccontextmanager
    async def opening() -> AsyncIterator[AgentOps]:
        yield ops

    listener = socket.create_server(("127.0.0.1", 0))
    host, port = listener.getsockname()[:2]
    evidence.configured.add((host, port))
    config = uvicorn.Config(build_app(place.policy, opening), log_config=None, access_log=False)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server._serve([listener]))
    try:
        yield f"http://{host}:{port}"
    finally:
        server.should_exit = True
        await serving
        listener.close()


async def _signed(place: Place, ops: AgentOps, name: str | None, further: tuple[str, ...]) -> dict[str, str]:
    """The headers of a caller of the case's world; of a stranger without a name."""
    if name is None:
        return {}
    _, secret = await ops.api_keys.create(_ADMIN, name, (*place.world.keys[name], *further), 1)
    return {"Authorization": f"Bearer {secret.take()}"}


async def _ended(door: Door, evidence: Evidence, queued: dict[str, Any] | None) -> None:
    if queued is not None:
        report = await door.ops.run_report(queued["run_id"])
        await ways.ended(door.ops, evidence, report.run)


async def onboard(place: Place, case: Case, evidence: Evidence) -> None:
    """The request; unless a planner attacks, its plan first, which may change nothing."""
    async with opened(place, case, evidence) as door:
        method, path = case.request["method"], case.request["path"]
        if ways.planner_of(place, case) is None:
            await door.send(evidence, "POST", "/api/plans", json=case.body)
        await _ended(door, evidence, await door.send(evidence, method, path, json=case.body))


async def repeated(place: Place, case: Case, evidence: Evidence) -> None:
    """The same request twice at once by two connections, again later, and once more when the service was started anew."""
    method, path = case.request["method"], case.request["path"]
    async with opened(place, case, evidence) as door:
        both = [door.send(evidence, method, path, json=case.body) for _ in range(2)]
        for queued in await asyncio.gather(*both):
            await _ended(door, evidence, queued)
        await _ended(door, evidence, await door.send(evidence, method, path, json=case.body))
    async with opened(place, case, evidence) as later:
        await _ended(later, evidence, await later.send(evidence, method, path, json=case.body))


async def clear_address(place: Place, case: Case, evidence: Evidence) -> None:
    """By a body, and by the query."""
    async with opened(place, case, evidence) as door:
        await door.send(evidence, "DELETE", case.request["path"], json=case.body)
        await door.send(evidence, "DELETE", case.request["path"], params=case.body)
    evidence.notes["rows after"] = ways.people_rows(evidence)


async def viewer(place: Place, case: Case, evidence: Evidence) -> None:
    """A key that may only read tries everything that writes."""
    run, employee = evidence.notes["known"].run.id, evidence.notes["known"].employee.id
    hire = {"name": "Priya Natarajan", "team": ways.ELSEWHERE.team, "external_id": "P-1"}
    async with opened(place, case, evidence) as door:
        for method, path, body in (
            (case.request["method"], case.request["path"], case.body),
            ("POST", "/api/users/onboard_user", hire),
            ("POST", "/api/plans", hire),
            ("POST", "/api/plans/apply", {"plan": "x"}),
            ("POST", f"/api/runs/{run}/retry", {}),
            ("POST", f"/api/runs/{run}/cancel", {}),
            ("POST", f"/api/runs/{run}/cancel", {"undo": True}),
            ("DELETE", "/api/users/delete_email_by_name", {"name": ways.ELSEWHERE.name}),
            ("POST", f"/api/users/{employee}/first_sign_in", {}),
            ("POST", f"/api/users/{employee}/erase", {}),
            ("POST", "/api/pauses", {}),
            ("DELETE", "/api/pauses", {}),
        ):
            await door.send(evidence, method, path, json=body)
    evidence.notes["rows after"] = ways.people_rows(evidence)


async def lookup(place: Place, case: Case, evidence: Evidence) -> None:
    """A hostile query as it stands, and as whatever else may be looked up."""
    hostile = case.request["path"].partition("?")[2]
    async with opened(place, case, evidence) as door:
        await door.send(evidence, "GET", case.request["path"])
        for path, query in (
            (f"/api/users/{httpx.URL('http://x/' + hostile.replace('/', '')).path[1:]}", {}),
            ("/api/users/status_all", {"cursor": hostile[:60]}),
            ("/api/runs", {"cursor": hostile}),
            ("/api/runs", {"status": hostile}),
        ):
            await door.send(evidence, "GET", path, params=query)
    evidence.notes["rows after"] = ways.people_rows(evidence)


async def task(place: Place, case: Case, evidence: Evidence) -> None:
    """The task, waited for, and its run as it is told of afterwards; by a key that may give one, if the case's may not."""
    planner = ways.planner_of(place, case) or Handing(str(case.body["task"]))
    async with opened(place, case, evidence, planner=planner) as door:
        await _carried_out(door, case, evidence)
    if isinstance(evidence.answers[0], HttpRefusal) and evidence.answers[0].status == 403:
        async with opened(place, case, evidence, ("task:read",), planner=planner) as door:
            await _carried_out(door, case, evidence)


async def _carried_out(door: Door, case: Case, evidence: Evidence) -> None:
    told = await door.send(evidence, case.request["method"], case.request["path"], json=case.body)
    if told is None:
        return
    found = await door.ops.told(told["run_id"])
    if found.run.employee_id:
        await ways.ended(door.ops, evidence, found.run)
    await door.send(evidence, "GET", told["status_url"])
    async with door.client.stream("GET", told["events_url"]) as lines:
        evidence.texts += [line async for line in lines.aiter_lines()]
    evidence.notes["task"] = await door.ops.task(told["run_id"])


async def stranger(place: Place, case: Case, evidence: Evidence) -> None:
    """The request as it stands, by nobody whom the service knows; then every other header that could be taken for a key."""
    method, path = case.request["method"], case.request["path"]
    async with opened(place, case, evidence) as door:
        for headers in (*STRANGERS, {"Prefer": "respond-async"}):
            await door.send(evidence, method, path, json=case.body, headers=headers)
        evidence.notes["runs"] = await door.ops.runs()
    if evidence.notes["runs"]:
        raise AssertionError(f"a stranger's task was taken on: {evidence.notes['runs']}")


async def pages(place: Place, case: Case, evidence: Evidence) -> None:
    """A runnable's page and schemas, with the playground on, asked for by strangers; then the schemas by a key that may."""
    runnable = case.request["path"].partition("/playground")[0]
    schemas = [f"{runnable}/{name}_schema" for name in ("config", "input", "output")]
    asked = [case.request["path"], case.request["path"].rstrip("/"), f"{runnable}/playground/start.js", *schemas]
    model = ModelConfig("openai:gpt-5-mini", api_key=SecretStr(f"{CANARY}model-key-0123456789"))
    async with opened(place, case, evidence, playground=True, model=model) as door:
        for path in asked:
            for headers in (*STRANGERS, {"Authorization": "Basic " + base64.b64encode(b"hr:hr-key").decode()}):
                await _page(door, evidence, path, headers)
        known = await _signed(place, door.ops, "hr-key", ())
        told = [await door.client.get(path, headers=known) for path in schemas]
    evidence.texts += [answer.text for answer in told]
    evidence.notes["schemas"] = [answer.text for answer in told if answer.status_code == 200]


async def _page(door: Door, evidence: Evidence, path: str, headers: dict[str, str]) -> None:
    answer = await door.client.get(path, headers=headers)
    evidence.answered(HttpRefusal(answer.status_code, answer.text) if answer.status_code >= 300 else None, answer.text)
    evidence.texts.append(str(answer.headers))


async def flooded(place: Place, case: Case, evidence: Evidence) -> None:
    """Every request at once; then the status of all, while the runs go on; then until the limit was met by many."""
    evidence.data_dir.mkdir()
    file = evidence.data_dir.parent / "limited.toml"
    file.write_text(place.policy_file.read_text(encoding="utf-8") + flood.LIMITS, encoding="utf-8")
    async with opened(place, case, evidence, policy_file=file, log_level="WARNING") as door:
        bodies = [{**case.body, "name": case.body["name"].replace("{i}", str(n))} for n in range(case.body["$repeat"])]
        for body in bodies:
            del body["$repeat"]
        sent = [door.send(evidence, case.request["method"], case.request["path"], json=body) for body in bodies]
        queued = await asyncio.gather(*sent)
        began = time.monotonic()
        everybody = (await door.client.get("/api/users/status_all")).json()
        evidence.notes["answered in"] = time.monotonic() - began
        evidence.notes["lost"] = {one["run_id"] for one in queued if one} - {user["run_id"] for user in everybody}
        await flood.until_limited(door.ops)
        evidence.reports = await door.ops.employees()
    evidence.notes["cap"] = flood.CAP


WAYS = {
    PREFIX + "onboard": onboard,
    PREFIX + "repeated": repeated,
    PREFIX + "clear_address": clear_address,
    PREFIX + "viewer": viewer,
    PREFIX + "lookup": lookup,
    PREFIX + "flood": flooded,
    PREFIX + "task": task,
    "stranger": stranger,
    "pages": pages,
}
