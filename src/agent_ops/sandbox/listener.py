"""A loopback port of a twin, which can stop to listen for a while: connecting is then refused, as when a service is down."""

from __future__ import annotations

import asyncio
import socket
import ssl

from aiohttp import web


class Listener:
    """Serves one application on a port of its own.

    A second socket, bound but not listening, keeps the port ours while nothing listens; connecting is refused then.
    """

    def __init__(self) -> None:
        self._reserved = _bound(0)
        self.port: int = self._reserved.getsockname()[1]
        self._runner: web.AppRunner | None = None
        self._tls: ssl.SSLContext | None = None
        self._site: web.SockSite | None = None
        self._reopening: asyncio.Task[None] | None = None

    async def start(self, app: web.Application, tls: ssl.SSLContext | None = None) -> None:
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.5)
        self._tls = tls
        await self._runner.setup()
        await self._open()

    async def refuse(self, seconds: float) -> None:
        """Stop to listen at once, and listen again after so many seconds. Connections that are open are not touched."""
        if self._reopening is not None:
            self._reopening.cancel()
        if self._site is not None:
            await self._site.stop()
            self._site = None
        self._reopening = asyncio.create_task(self._reopen(seconds))

    async def close(self) -> None:
        if self._reopening is not None:
            self._reopening.cancel()
        if self._runner is not None:
            await self._runner.cleanup()
        self._reserved.close()

    async def _reopen(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self._open()

    async def _open(self) -> None:
        assert self._runner is not None  # noqa: S101 - started before it is opened
        self._site = web.SockSite(self._runner, _bound(self.port), ssl_context=self._tls)
        await self._site.start()


def _bound(port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.bind(("127.0.0.1", port))
    return sock
