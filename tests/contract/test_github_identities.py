"""Whose account an address is: the one GraphQL question, what GitHub answers to it, and that nothing else can be sent by POST."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from agent_ops.domain.errors import AccessRefused, RateLimited, ServiceError, ServiceRefused, ServiceUnavailable
from agent_ops.sandbox.faults import Fault, FaultKind
from agent_ops.sandbox.github.site import SignOn
from agent_ops.sandbox.listener import Listener
from agent_ops.transport.github_question import WHO_IS, asks_who_is, who_is
from agent_ops.transport.github_session import ReadOnlySession, github_requester
from tests.contract.github_bench import TOKEN, Bench, reading, served

ASKED = who_is("acme", "ana.silva@acme.example")
ADDRESS = "ana.silva@acme.example"
MUTATION = "mutation { addStar(input: {starrableId: 1}) { clientMutationId } }"


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with served(tmp_path / "records.db") as bench:
        yield bench


OTHERS: dict[str, Any] = {
    "a mutation": {"query": MUTATION},
    "a mutation with our values": {**ASKED, "query": MUTATION},
    "another query": {**ASKED, "query": "query { viewer { login } }"},
    "a mutation behind our query": {**ASKED, "query": f"{WHO_IS} {MUTATION}"},
    "an operation of another name": {**ASKED, "operationName": "x"},
    "another value": {**ASKED, "variables": {**ASKED["variables"], "more": "x"}},
    "a value that is no text": {**ASKED, "variables": {**ASKED["variables"], "address": {"x": 1}}},
    "several at once": [ASKED, ASKED],
    "no values": {"query": WHO_IS},
}


@pytest.mark.parametrize("body", OTHERS.values(), ids=OTHERS)
async def test_no_other_document_is_sent(bench: Bench, body: Any) -> None:
    client, url = github_requester(bench.config), f"{bench.config.url}/graphql"
    with pytest.raises(PermissionError):
        client.requestJsonAndCheck("POST", "/graphql", input=body)
    with pytest.raises(PermissionError):
        ReadOnlySession().post(url, data=json.dumps(body))
    assert bench.calls() == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/repos/acme/web", json.dumps(ASKED)),
        ("POST", "/graphql?x=1", json.dumps(ASKED)),
        ("PATCH", "/graphql", json.dumps(ASKED)),
        ("POST", "/graphql", json.dumps(ASKED, indent=1)),
        ("POST", "/graphql", json.dumps(ASKED)[:-1] + f', "query": {json.dumps(MUTATION)}}}'),
        ("POST", "/graphql", f'{{"query": {json.dumps(MUTATION)}, ' + json.dumps(ASKED)[1:]),
        ("POST", "/graphql", json.dumps(ASKED).encode() + b"\xff"),
        ("POST", "/graphql", None),
    ],
)
async def test_the_bytes_are_the_questions_own(bench: Bench, method: str, path: str, body: Any) -> None:
    with pytest.raises(PermissionError):
        ReadOnlySession().request(method, f"{bench.config.url}{path}", data=body)
    assert bench.calls() == []
    assert asks_who_is("POST", f"{bench.config.url}/graphql", json.dumps(ASKED))


async def test_the_question_is_one_call_whose_values_cannot_become_its_words(bench: Bench) -> None:
    odd = 'ana"){viewer{login}}#@acme.example'
    bench.twin.site.identity(ADDRESS, "ana-s")
    bench.twin.site.identity("not.yet@acme.example", "")
    async with reading(bench.config) as reader:
        found = [await reader.login_of("acme", who) for who in (ADDRESS, ADDRESS.upper(), "not.yet@acme.example", odd)]
    assert found == ["ana-s", "ana-s", "", ""]
    assert [(call.method, call.path, call.status) for call in bench.calls()] == [("POST", "/graphql", 200)] * 4
    assert {call.effect for call in bench.calls()} == {""}


async def _asked(bench: Bench, organisation: str = "acme") -> ServiceError:
    async with reading(bench.config) as reader:
        with pytest.raises(ServiceError) as caught:
            await reader.login_of(organisation, ADDRESS)
    return caught.value


async def test_what_cannot_be_told_is_said_in_one_line(bench: Bench) -> None:
    bench.twin.site.sign_on = SignOn.NONE
    none = await _asked(bench)
    assert isinstance(none, ServiceRefused)
    assert "acme shows us no single sign-on of its own" in str(none)
    bench.twin.site.sign_on = SignOn.HIDDEN
    hidden = await _asked(bench)
    assert isinstance(hidden, AccessRefused)
    assert "Resource not accessible by personal access token" in str(hidden)
    bench.twin.site.sign_on = SignOn.THERE
    assert "there is no organisation acme-inc" in str(await _asked(bench, "acme-inc"))
    bench.twin.revoked = True
    assert isinstance(await _asked(bench), AccessRefused)
    assert all("\n" not in str(error) for error in (none, hidden))


async def test_two_accounts_for_one_address_are_nobodys(bench: Bench) -> None:
    bench.twin.site.identity(ADDRESS, "ana-s")
    bench.twin.site.identity(ADDRESS.upper(), "mallory-x")
    assert "several accounts for one address" in str(await _asked(bench))


async def test_an_identity_with_another_address_is_not_taken(bench: Bench) -> None:
    """Should GitHub ever answer with more than was asked for."""

    async def generous(request: web.Request) -> web.Response:
        del request
        identity = {"user": {"login": "mallory-x"}, "samlIdentity": {"nameId": "mallory@acme.example"}, "scimIdentity": None}
        answer = {"organization": {"samlIdentityProvider": {"externalIdentities": {"nodes": [identity]}}}}
        return web.json_response({"data": answer})

    assert await _answered_by(generous, bench) == ""


async def test_an_answer_of_another_form_is_no_answer(bench: Bench) -> None:
    async def odd(request: web.Request) -> web.Response:
        del request
        return web.json_response({"data": None})

    with pytest.raises(ServiceUnavailable, match="as no GitHub does"):
        await _answered_by(odd, bench)


async def test_the_question_follows_no_redirect(bench: Bench) -> None:
    asked: list[str] = []

    async def moved(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(status=307, headers={"Location": f"http://{request.host}/api/graphql"})

    with pytest.raises(ServiceRefused, match="leads to another address"):
        await _answered_by(moved, bench)
    assert asked == ["/graphql"]


async def _answered_by(handler: Any, bench: Bench, root: str = "") -> str:
    app, listener = web.Application(), Listener()
    app.router.add_post("/graphql", handler)
    app.router.add_post("/api/graphql", handler)
    await listener.start(app)
    try:
        async with reading(replace(bench.config, url=f"http://127.0.0.1:{listener.port}{root}")) as reader:
            return await reader.login_of("acme", ADDRESS)
    finally:
        await listener.close()


async def test_an_enterprise_server_is_asked_beside_its_rest_root(bench: Bench) -> None:
    asked: list[str] = []

    async def noted(request: web.Request) -> web.Response:
        asked.append(request.path)
        nodes: list[Any] = []
        return web.json_response({"data": {"organization": {"samlIdentityProvider": {"externalIdentities": {"nodes": nodes}}}}})

    assert await _answered_by(noted, bench, "/api/v3") == ""
    assert asked == ["/api/graphql"]


async def test_its_limit_is_its_own_and_is_heeded(bench: Bench) -> None:
    bench.twin.limits.exhaust("graphql", 600)
    async with reading(bench.config) as reader:
        for _ in range(2):
            with pytest.raises(RateLimited):
                await reader.login_of("acme", ADDRESS)
        assert (await reader.membership("acme", "jane-doe")).facts["membership"] == "active"
    assert [call.path for call in bench.calls()].count("/graphql") == 1


async def test_a_failing_server_is_asked_again(bench: Bench) -> None:
    bench.twin.site.identity(ADDRESS, "ana-s")
    bench.faults.add(Fault("github", FaultKind.STATUS, status=502, times=1))
    async with reading(bench.config) as reader:
        assert await reader.login_of("acme", ADDRESS) == "ana-s"


async def test_the_twin_answers_graphql_as_github_does(bench: Bench) -> None:
    url = f"{bench.config.url}/graphql"
    async with aiohttp.ClientSession() as http:
        async with http.post(url, json=ASKED) as answer:
            assert answer.status == 401
        login = {"Authorization": f"Bearer {TOKEN}"}

        async def told(body: Any) -> Any:
            async with http.post(url, json=body, headers=login) as answer:
                assert answer.headers["X-RateLimit-Resource"] == "graphql"
                return answer.status, await answer.json()

        status, found = await told({**ASKED, "variables": {"organisation": "nobody", "address": "x"}})
        assert (status, found["data"], found["errors"][0]["type"]) == (200, {"organization": None}, "NOT_FOUND")
        assert found["errors"][0]["path"] == ["organization"]
        bench.twin.site.sign_on = SignOn.HIDDEN
        status, found = await told(ASKED)
        assert (status, found["data"]) == (200, {"organization": {"samlIdentityProvider": None}})
        assert [error["type"] for error in found["errors"]] == ["FORBIDDEN"]
        bench.twin.site.sign_on = SignOn.NONE
        assert await told(ASKED) == (200, {"data": {"organization": {"samlIdentityProvider": None}}})
        status, found = await told({"query": MUTATION})
        assert (status, "data" in found) == (200, False)
        assert (await told({"no": "query"}))[0] == 400
