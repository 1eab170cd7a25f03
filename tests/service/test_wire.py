"""What no route sees, over a real socket: bytes that are no HTTP, and who asks for a WebSocket."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator

import pytest
import uvicorn
from fastapi import FastAPI

from agent_ops.api.envelope import HEADERS
from agent_ops.api.problems import MEDIA_TYPE, Problem
from agent_ops.api.serving import HTTP


@contextlib.asynccontextmanager
async def listening(app: FastAPI) -> AsyncIterator[int]:
    """The service as `agent-ops serve` hands it to uvicorn, on a port of its own."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(app, http=HTTP, ws="websockets-sansio", lifespan="off", log_config=None, server_header=False)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve([listener]))
        yield listener.getsockname()[1]
        server.should_exit = True
        await serving


async def told(port: int, sent: bytes) -> tuple[int, dict[str, str], Problem]:
    """Status, headers and problem of the answer, after which the connection ends."""
    reading, writing = await asyncio.open_connection("127.0.0.1", port)
    writing.write(sent)
    head, _, body = (await asyncio.wait_for(reading.read(), 60)).partition(b"\r\n\r\n")
    writing.close()
    line, *lines = head.decode("ascii").split("\r\n")
    headers = {name.lower(): value for name, _, value in (one.partition(": ") for one in lines)}
    assert len(body) == int(headers["content-length"])
    return int(line.split()[1]), headers, Problem.model_validate_json(body)


@pytest.mark.parametrize(
    "sent",
    [
        b"GARBAGE\r\n\r\n",
        b"get /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /api/runs HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"POST /api/runs HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
)
async def test_what_is_no_http_is_answered_like_every_error(app: FastAPI, sent: bytes) -> None:
    async with listening(app) as port:
        status, headers, problem = await told(port, sent)
    assert (status, headers["content-type"], headers["connection"]) == (400, MEDIA_TYPE, "close")
    assert {name: headers.get(name.lower()) for name in HEADERS} == dict(HEADERS)
    assert (problem.status, problem.request_id) == (400, headers["x-request-id"])


async def test_who_asks_for_a_websocket_is_answered_like_every_error(app: FastAPI) -> None:
    upgrade = (
        b"GET /api/runs HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nX-Request-ID: mine\r\n\r\n"
    )
    async with listening(app) as port:
        status, headers, problem = await told(port, upgrade)
    assert (status, headers["content-type"], headers["x-request-id"]) == (404, MEDIA_TYPE, "mine")
    assert {name: headers.get(name.lower()) for name in HEADERS} == dict(HEADERS)
    assert (problem.status, problem.request_id) == (404, "mine")
