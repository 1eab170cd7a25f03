"""The handle that readers get: it reads, follows pages, stays at Graph's host, and can change nothing."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from aiohttp import web

from agent_ops import Sandbox, Settings
from agent_ops.domain.errors import AccessRefused, ServiceAmbiguous, ServiceRefused, ServiceUnavailable
from agent_ops.effectors.graph import GraphSession
from agent_ops.sandbox import Fault, FaultKind
from agent_ops.transport.graph import GraphError, GraphReads
from agent_ops.transport.graph_token import EntraToken


@pytest.fixture
async def graph(sandbox_settings: Settings) -> AsyncIterator[GraphReads]:
    reads = GraphReads(sandbox_settings.entra)
    yield reads
    await reads.close()


async def test_it_reads_and_says_how_far_the_clock_is_off(graph: GraphReads) -> None:
    assert graph.seconds_ahead is None
    assert (await graph.get("/domains"))["value"]
    assert graph.seconds_ahead is not None
    assert abs(graph.seconds_ahead) < 5


async def test_pages_are_followed_to_the_end(graph: GraphReads) -> None:
    names = [user["userPrincipalName"] async for user in graph.items("/users?$top=1&$select=userPrincipalName")]
    assert len(names) == len(set(names)) >= 3


async def test_a_refusal_has_graphs_words(graph: GraphReads) -> None:
    with pytest.raises(GraphError, match="Resource") as told:
        await graph.get("/users/nobody@acme.example")
    assert told.value.status == 404


def test_it_has_no_public_way_to_change_anything() -> None:
    """What a reader can call, besides what only effectors have."""
    public = {name for name, _ in inspect.getmembers(GraphReads, inspect.isfunction) if not name.startswith("_")}
    assert public == {"get", "items", "close"}
    assert hasattr(GraphSession, "call")


async def test_a_next_page_elsewhere_gets_no_token(graph: GraphReads, aiohttp_elsewhere: tuple[str, list[str]]) -> None:
    url, seen = aiohttp_elsewhere
    graph.root = url
    with pytest.raises(ServiceRefused, match="elsewhere"):
        [item async for item in graph.items("/users")]
    assert seen == ["/users"]


async def test_an_answer_that_is_no_json_is_told(graph: GraphReads, aiohttp_elsewhere: tuple[str, list[str]]) -> None:
    graph.root = aiohttp_elsewhere[0]
    with pytest.raises(ServiceAmbiguous, match="no JSON object"):
        await graph.get("/page")


@pytest.fixture
async def aiohttp_elsewhere() -> AsyncIterator[tuple[str, list[str]]]:
    """A server that is not Graph."""
    seen: list[str] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        seen.append(request.path)
        if request.path == "/page":
            return web.Response(text="<html>a captive portal</html>", content_type="text/html")
        return web.json_response({"value": [], "@odata.nextLink": "http://127.0.0.1:9/v1.0/users?$skiptoken=x"})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    yield f"http://{host}:{port}", seen
    await runner.cleanup()


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        ({"tenant_id": "garbage"}, AccessRefused, "AADSTS900023"),
        ({"tenant_id": "00000000-0000-0000-0000-00000000000a"}, AccessRefused, "AADSTS90002"),
        ({"client_id": "garbage"}, AccessRefused, "AADSTS700016"),
        ({"client_secret": "garbage"}, AccessRefused, "AADSTS7000215"),
        ({"authority": "https://127.0.0.1:9"}, ServiceUnavailable, "cannot be reached"),
        ({"ca_file": None}, ServiceUnavailable, "CERTIFICATE_VERIFY_FAILED"),
    ],
)
async def test_each_reason_for_no_token_is_an_error_of_ours(
    sandbox_settings: Settings, change: dict[str, str | None], kind: type[Exception], words: str
) -> None:
    """msal raises ValueError for some of them and answers others."""
    token = EntraToken(replace(sandbox_settings.entra, **change))  # type: ignore[arg-type]
    try:
        with pytest.raises(kind, match=words):
            await token.value()
    finally:
        token.close()


@pytest.mark.parametrize(("times", "passes"), [(3, True), (4, False)])
async def test_a_read_that_fails_for_a_moment_is_tried_again_in_place(
    box: Sandbox, sandbox_settings: Settings, times: int, passes: bool
) -> None:
    fault = Fault("entra", FaultKind.STATUS, method="GET", path="/v1.0/domains", status=503, times=times)
    await box.fault(fault)
    reads = GraphReads(sandbox_settings.entra)
    try:
        if passes:
            assert (await reads.get("/domains"))["value"]
        else:
            with pytest.raises(GraphError, match="told to fail"):
                await reads.get("/domains")
    finally:
        await reads.close()
    assert [rule["struck"] for rule in await box.struck()] == [times]


async def test_a_read_that_is_refused_or_throttled_for_long_is_not_tried_again(box: Sandbox, sandbox_settings: Settings) -> None:
    await box.fault(Fault("entra", FaultKind.STATUS, method="GET", path="/v1.0/domains", status=403))
    await box.fault(Fault("entra", FaultKind.STATUS, method="GET", path="/v1.0/users", status=429, retry_after=30))
    reads = GraphReads(sandbox_settings.entra)
    try:
        for path in ("/domains", "/users"):
            with pytest.raises(GraphError):
                await reads.get(path)
    finally:
        await reads.close()
    assert [rule["struck"] for rule in await box.struck()] == [1, 1]
