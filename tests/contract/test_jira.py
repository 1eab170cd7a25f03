"""The Jira twin and the Jira reader: the reader against the twin, the twin against Atlassian's description."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from jsonschema import Draft202012Validator

from agent_ops.domain.errors import AccessRefused, RateLimited, ServiceRefused, ServiceUnavailable
from agent_ops.readers.jira import JiraConfig, JiraReader
from agent_ops.sandbox.faults import Fault, FaultBook, FaultKind
from agent_ops.sandbox.jira import JiraTwin
from agent_ops.sandbox.listener import Listener
from agent_ops.sandbox.records import Records
from agent_ops.sandbox.world import Credentials, ProjectSeed, UserSeed, World
from tests.contract.jenkins_bench import basic

TOKEN = "ATATT-canary-token"
WORLD = World(
    credentials=Credentials(**{secret.name: TOKEN for secret in fields(Credentials)}),
    domain="acme.example",
    users=(UserSeed("dana@acme.example", "Dana Whitfield"),),
    projects=(ProjectSeed("SEC", "Access approvals"),),
)


@dataclass
class Bench:
    twin: JiraTwin
    records: Records
    faults: FaultBook
    config: JiraConfig

    def issue(self, summary: str = "database for Ana", description: str = "one\ntwo", status: str = "To Do") -> str:
        words = {"summary": summary, "description": description, "status": status}
        return self.twin.site.create("SEC", {**words, "reporter": self.dana}, time.time() - 100)

    @property
    def dana(self) -> str:
        return self.twin.site.person("dana@acme.example").account_id


@asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[str]:
    listener = Listener()
    await listener.start(app)
    try:
        yield f"http://127.0.0.1:{listener.port}"
    finally:
        await listener.close()


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    records, faults, listener = Records(tmp_path / "records.db"), FaultBook(), Listener()
    url = f"http://127.0.0.1:{listener.port}"
    twin = JiraTwin(WORLD, records, faults, url)
    await listener.start(twin.app())
    yield Bench(twin, records, faults, JiraConfig(url, WORLD.jira_user, TOKEN, timeout=2, deadline=3))
    await listener.close()
    records.close()


@asynccontextmanager
async def reading(config: JiraConfig) -> AsyncIterator[JiraReader]:
    reader = JiraReader(config)
    try:
        yield reader
    finally:
        await reader.close()


# --- the reader


async def test_an_issue_is_read_with_who_moved_it_and_what_it_says(bench: Bench) -> None:
    key, now = bench.issue(), time.time()
    bench.twin.site.change(key, "status", "Waiting for approval", bench.dana, now - 50)
    bench.twin.site.change(key, "description", "three", bench.dana, now - 40)
    bench.twin.site.change(key, "status", "Approved", bench.dana, now - 30)
    async with reading(bench.config) as reader:
        found = await reader.find(key)
        assert await reader.myself() == WORLD.jira_user
    assert found is not None
    assert (found.reference, found.project, found.status, found.category) == (key, "SEC", "Approved", "done")
    assert found.text.split() == ["database", "for", "Ana", "three"]
    assert [move.to for move in found.moves] == ["10100", "10101"]
    assert found.decided is not None
    assert (found.decided.by.email, found.decided.by.name) == ("dana@acme.example", "Dana Whitfield")
    assert abs(found.decided.at.timestamp() - (now - 30)) < 0.01
    assert found.reworded_at is not None
    assert found.reworded_at < found.decided.at
    reads = [(call.method, call.path.partition("?")[0]) for call in bench.records.calls("jira")]
    assert reads == [("GET", f"/rest/api/3/issue/{key}"), ("GET", "/rest/api/3/myself")]


async def test_changes_at_one_moment_are_told_in_their_order(bench: Bench) -> None:
    key, now = bench.issue(), float(int(time.time()))
    for status in ("In Progress", "To Do", "Approved"):
        bench.twin.site.change(key, "status", status, bench.dana, now)
    async with reading(bench.config) as reader:
        found = await reader.find(key)
    assert found is not None
    assert [move.to for move in found.moves] == ["3", "10000", "10101"]


async def test_a_custom_field_that_is_called_status_moves_nothing(bench: Bench) -> None:
    key = bench.issue()
    issue = {**bench.twin.site.issues[key], "customfield_10001": "To Do"}
    bench.twin.site.issues[key] = issue
    bench.twin.site.change(key, "customfield_10001", "Approved", bench.dana, time.time())
    async with reading(bench.config) as reader:
        found = await reader.find(key)
    assert found is not None
    assert found.moves == ()


async def test_a_history_of_which_jira_left_out_a_part_tells_no_approver(bench: Bench) -> None:
    key = bench.issue()
    for turn in range(101):
        bench.twin.site.change(key, "status", "Approved" if turn % 2 == 0 else "To Do", bench.dana, time.time() - 200 + turn)
    async with reading(bench.config) as reader:
        found = await reader.find(key)
    assert found is not None
    assert (found.status, found.decided) == ("Approved", None)


async def test_what_does_not_exist_or_may_not_be_seen_is_none(bench: Bench) -> None:
    key = bench.issue()
    async with reading(bench.config) as reader:
        assert await reader.find("SEC-404") is None
        bench.twin.closed = {"SEC"}
        assert await reader.find(key) is None


async def test_a_url_at_which_there_is_no_jira_is_no_missing_issue(bench: Bench) -> None:
    async with reading(replace(bench.config, url=f"{bench.config.url}/wrong")) as reader:
        with pytest.raises(ServiceRefused, match="404"):
            await reader.find("SEC-1")


async def test_refusals_say_what_to_check_and_no_secret(bench: Bench) -> None:
    async with reading(replace(bench.config, token="wrong-canary")) as reader:
        with pytest.raises(AccessRefused, match="JIRA_API_TOKEN") as refused:
            await reader.find("SEC-1")
    assert "canary" not in str(refused.value)
    bench.twin.forbidden = True
    async with reading(bench.config) as reader:
        with pytest.raises(AccessRefused, match="403: The user does not have access"):
            await reader.myself()
        with pytest.raises(AccessRefused, match="403"):
            await reader.find("SEC-1")


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault("jira", FaultKind.STATUS, status=500), ServiceUnavailable),
        (Fault("jira", FaultKind.STATUS, status=503), ServiceUnavailable),
        (Fault("jira", FaultKind.STATUS, status=504), ServiceUnavailable),
        (Fault("jira", FaultKind.DROP_BEFORE), ServiceUnavailable),
        (Fault("jira", FaultKind.HANG, seconds=30), ServiceUnavailable),
        (Fault("jira", FaultKind.STATUS, status=429, retry_after=600), RateLimited),
    ],
    ids=lambda value: f"{value.kind.value}{value.status}" if isinstance(value, Fault) else "",
)
async def test_a_jira_that_is_down_is_unavailable_within_the_bound(bench: Bench, fault: Fault, error: type[Exception]) -> None:
    key = bench.issue()
    bench.faults.add(fault)
    began = time.monotonic()
    async with reading(replace(bench.config, timeout=1)) as reader:
        with pytest.raises(error):
            await reader.find(key)
    assert time.monotonic() - began < 10
    assert len(list(bench.records.calls("jira"))) <= 1, "nothing is tried again unasked"


async def test_nobody_listens_at_the_port(bench: Bench) -> None:
    async with reading(replace(bench.config, url="http://127.0.0.1:9")) as reader:
        with pytest.raises(ServiceUnavailable, match="refused"):
            await reader.find("SEC-1")


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_no_redirect_is_followed_so_that_no_token_leaves_the_host(bench: Bench, status: int) -> None:
    seen: list[str] = []

    async def elsewhere(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization", "none"))
        return web.json_response({})

    other = web.Application()
    other.router.add_get("/{path:.*}", elsewhere)
    async with served(other) as target:

        async def away(request: web.Request) -> web.Response:
            return web.Response(status=status, headers={"Location": target.replace("127.0.0.1", "localhost") + request.path})

        first = web.Application()
        first.router.add_get("/{path:.*}", away)
        async with served(first) as url, reading(replace(bench.config, url=url)) as reader:
            with pytest.raises(ServiceRefused, match="redirect, which is not followed"):
                await reader.find("SEC-1")
    assert seen == []


@pytest.mark.parametrize(
    "body", [[], "no", {"key": "SEC-1"}, {"key": "SEC-1", "fields": {}, "changelog": {"histories": [{}], "total": 1}}]
)
async def test_an_answer_that_is_no_issue_is_no_approval(bench: Bench, body: Any) -> None:
    async def odd(request: web.Request) -> web.Response:
        return web.json_response(body)

    app = web.Application()
    app.router.add_get("/{path:.*}", odd)
    async with served(app) as url, reading(replace(bench.config, url=url)) as reader:
        with pytest.raises(ServiceUnavailable):
            await reader.find("SEC-1")


# --- the twin, by what its vendor says of the service


@pytest.fixture(scope="module")
def described(shared: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((shared / "contracts" / "jira-cloud-v3.json").read_text(encoding="utf-8"))
    for schema in found["components"]["schemas"].values():  # the description knows no null, which Jira writes for what is unset
        for name, inner in schema.get("properties", {}).items():
            schema["properties"][name] = {"anyOf": [inner, {"type": "null"}]}
    return found


@pytest.mark.parametrize(("path", "schema"), [("issue/{}?expand=changelog", "IssueBean"), ("myself", "User")])
async def test_the_twin_answers_as_the_description_says(bench: Bench, described: dict[str, Any], path: str, schema: str) -> None:
    key = bench.issue()
    bench.twin.site.change(key, "status", "Approved", bench.dana, time.time())
    url, login = f"{bench.config.url}/rest/api/3/{path.format(key)}", {"Authorization": basic(WORLD.jira_user, TOKEN)}
    async with aiohttp.ClientSession(headers=login) as http, http.get(url) as answer:
        assert answer.status == 200
        body = await answer.json()
    validator = Draft202012Validator({"$ref": f"#/components/schemas/{schema}", "components": described["components"]})
    assert [(list(error.path), error.message) for error in validator.iter_errors(body)] == []


async def test_the_twin_lets_nobody_in_without_the_token(bench: Bench) -> None:
    key = bench.issue()
    async with aiohttp.ClientSession() as http:
        for login in ("", basic(WORLD.jira_user, ""), basic("x", TOKEN)):
            url, headers = f"{bench.config.url}/rest/api/3/issue/{key}", {"Authorization": login}
            async with http.get(url, headers=headers) as answer:
                assert answer.status == 401
    assert [call.status for call in bench.records.calls("jira")] == [401, 401, 401]


async def test_a_second_twin_on_the_same_records_goes_on(bench: Bench) -> None:
    key = bench.issue()
    bench.twin.site.change(key, "status", "Approved", bench.dana, time.time())
    again = JiraTwin(WORLD, bench.records, bench.faults, bench.config.url)
    assert again.site.issues == bench.twin.site.issues
    assert again.site.create("SEC", {"summary": "", "description": "", "status": "To Do", "reporter": None}, 0.0) == "SEC-2"
