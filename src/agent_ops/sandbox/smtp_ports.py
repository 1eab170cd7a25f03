"""Where the mail twin listens, and how it is made to be dead for a while."""

from __future__ import annotations

import asyncio
import socket

from agent_ops.sandbox.smtp import MailTwin


class MailPorts:
    """The twin's ports: one for STARTTLS, one for TLS from the first byte.

    While it is down they are bound but not listened on: connections are refused, and nobody else can take them.
    """

    def __init__(self, twin: MailTwin, starttls: socket.socket, implicit: socket.socket) -> None:
        self.twin = twin
        self._where: tuple[tuple[str, int], ...] = (starttls.getsockname(), implicit.getsockname())
        self._servers: list[asyncio.Server] = []
        self._bound = [starttls, implicit]
        self._return: asyncio.Task[None] | None = None

    async def up(self) -> None:
        """Listen; nothing changes where it does already."""
        if self._servers:
            return
        if self._return is not None and self._return is not asyncio.current_task():
            self._return.cancel()
        starttls, implicit = self._bound
        self._bound, loop = [], asyncio.get_running_loop()
        self._servers = [
            await loop.create_server(self.twin.starttls_protocol, sock=starttls),
            await loop.create_server(self.twin.tls_protocol, sock=implicit, ssl=self.twin.context),
        ]

    def down(self, seconds: float | None = None) -> None:
        """Refuse connections, for some seconds or until :meth:`up`."""
        self.close()
        self._bound = [_bound(where) for where in self._where]
        if seconds is not None:
            self._return = asyncio.ensure_future(self._come_back(seconds))

    def close(self) -> None:
        if self._return is not None:
            self._return.cancel()
        for server in self._servers:
            server.close()
        for sock in self._bound:
            sock.close()
        self._servers, self._bound = [], []

    async def _come_back(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        await self.up()


def _bound(where: tuple[str, int]) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(where)
    return sock
