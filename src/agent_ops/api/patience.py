"""Clients that take nothing of what they asked for: whatever it was, they are let go, and nothing of them stays."""

from __future__ import annotations

import asyncio

import structlog
from fastapi import FastAPI
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

log = structlog.get_logger(__name__)
SEND_SECONDS = 60.0
"""How long a server may wait until a client has taken enough of an answer for the next part of it."""


class Patient(FastAPI):
    """An application that waits for its clients so long and no longer; outside all middleware, where it meets the server."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the application's own beginning and end."""
        await super().__call__(scope, receive, _patient(send) if scope["type"] == "http" else send)


def _patient(send: Send) -> Send:
    async def sending(message: Message) -> None:
        try:
            await asyncio.wait_for(send(message), SEND_SECONDS)
        except asyncio.TimeoutError:
            log.warning("client_let_go", seconds=SEND_SECONDS)
            _hang_up(send)

    return sending


def _hang_up(send: Send) -> None:
    """Cut the connection; then everything ends as when the client had hung up.

    ASGI has no word for it, and uvicorn's way of closing is to wait until the client has taken what is on its way: for ever.

    Raises:
        ClientDisconnect: the server is not uvicorn, and does what it does when an application breaks.
    """
    transport = getattr(getattr(send, "__self__", None), "transport", None)  # of uvicorn's RequestResponseCycle
    if transport is None:
        raise ClientDisconnect
    transport.abort()
