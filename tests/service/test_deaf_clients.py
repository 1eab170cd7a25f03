"""A client that asks and then reads nothing is let go, whatever it asked for; nothing of it stays, and others are served."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from agent_ops.api import patience, serving
from agent_ops.storage import Tx
from tests.service.conftest import ADMIN, Enter

MANY = 1000
BUFFER_BYTES = 4096
_AT = "2026-01-01T00:00:00.000+00:00"
_EMPLOYEE = (
    "INSERT INTO employees (id, name_key, profile, request, status, address, created_at) VALUES (?, ?, ?, ?, 'onboarded', '', ?)"
)


@contextlib.asynccontextmanager
async def served(app: FastAPI, listener: socket.socket) -> AsyncIterator[uvicorn.Server]:
    """The service over fakes on a real socket, whose buffers are small."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="critical", access_log=False))
    running = asyncio.create_task(server.serve([listener]))
    try:
        yield server
    finally:
        server.should_exit = True
        await running


async def everybody(app: FastAPI) -> str:
    """Where a long list is told, page after page."""

    def hired(tx: Tx) -> None:
        for number in range(MANY):
            profile = {"name": f"Ana {number}", "team": "Engineering", "external_id": f"M-{number}"}
            row = (f"{number:032x}", f"ana {number}", json.dumps(profile), json.dumps({"profile": profile}), _AT)
            tx.people._db.execute(_EMPLOYEE, row)

    await app.state.ops._system.store.transaction(hired)
    return "/api/users/status_all"


async def events(app: FastAPI) -> str:
    """Where a long story is told, message after message."""
    run = (await app.state.ops.on_behalf_of(ADMIN).submit_task("List EC2 instances")).id

    def happened(tx: Tx) -> None:
        for number in range(MANY):
            tx.logs.event(run, "thought", f"thought {number}")

    await app.state.ops._system.store.transaction(happened)
    return f"/api/runs/{run}/events"


async def until(true: Callable[[], bool]) -> None:
    async def waited() -> None:
        while not true():
            await asyncio.sleep(0.01)

    await asyncio.wait_for(waited(), 60)


async def judged(app: FastAPI, listener: socket.socket, path: str, key: str) -> None:
    """One client asks and reads nothing; another one gets everything; then nothing of either is left."""
    where = listener.getsockname()
    async with served(app, listener) as server:
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
            deaf.setblocking(False)
            await asyncio.get_running_loop().sock_connect(deaf, where)
            deaf.send(f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: {key}\r\n\r\n".encode())
            await until(lambda: bool(server.server_state.tasks))
            async with httpx.AsyncClient(headers={"Authorization": key}) as hearing:
                answer = await hearing.get(f"http://127.0.0.1:{where[1]}{path}")
                assert len(answer.text) > 100_000 and answer.text.rstrip()[-1] in "]}"
            await until(lambda: not server.server_state.tasks and not server.server_state.connections)


@pytest.mark.parametrize("long", [everybody, events])
async def test_a_client_that_stops_reading_is_let_go(
    app: FastAPI, enter: Enter, monkeypatch: pytest.MonkeyPatch, long: Callable[[FastAPI], Awaitable[str]]
) -> None:
    """By the application, whichever server it runs in."""
    monkeypatch.setattr(patience, "SEND_SECONDS", 0.3)
    path, key = await long(app), (await enter("reader")).headers["Authorization"]
    await judged(app, socket.create_server(("127.0.0.1", 0)), path, key)


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="Linux has it")
async def test_what_is_still_in_buffers_of_a_whole_answer_is_let_go_too(
    app: FastAPI, enter: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The application is done with it; our own listener sees to it."""
    path, key = f"{await everybody(app)}?limit={MANY}", (await enter("reader")).headers["Authorization"]
    with monkeypatch.context() as impatient:
        impatient.setattr(patience, "SEND_SECONDS", 0.3)
        listener = serving._listening("127.0.0.1", 0)
    await judged(app, listener, path, key)


async def test_what_came_before_the_bells_first_look_is_not_missed(app: FastAPI) -> None:
    """A run may end between a reader's last look and the first of the bell, which looked for nobody until then."""
    ops = app.state.ops.on_behalf_of(ADMIN)
    run = await ops.submit_task("List EC2 instances")
    while not (await ops.run_status(run.id)).ended:
        await asyncio.sleep(0.02)
    with app.state.bell.heard(run.id) as news:
        await asyncio.wait_for(news.wait(), 60)
