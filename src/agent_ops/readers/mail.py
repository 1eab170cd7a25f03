"""What a mail server would do with our mail, found out without sending any (RFC 5321, 3.3: RSET drops what was begun)."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from email.utils import parseaddr
from typing import Protocol

import aiosmtplib

from agent_ops.domain.errors import ServiceError
from agent_ops.transport.vendor_errors import smtp_errors

_SERVICE = "mail"


class MailServer(Protocol):
    """Where the server is and who we are there; ``security`` is 'starttls', 'tls' or 'none'."""

    @property
    def host(self) -> str: ...
    @property
    def port(self) -> int: ...
    @property
    def sender(self) -> str: ...
    @property
    def username(self) -> str: ...
    @property
    def password(self) -> str: ...
    @property
    def security(self) -> str: ...
    @property
    def ca_file(self) -> str | None: ...


class MailReader:
    """One conversation with the server, step by step, which ends before a message is handed over.

    Raises:
        ServiceError: from every step; the message has the server's own words.
    """

    def __init__(self, server: MailServer, timeout: float = 15.0) -> None:
        self._server = server
        tls = ssl.create_default_context(cafile=server.ca_file) if server.security != "none" else None
        self._smtp = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            use_tls=server.security == "tls",
            start_tls=server.security == "starttls",
            tls_context=tls,
            timeout=timeout,
        )

    async def connect(self) -> None:
        """Connect, with TLS as configured."""
        with smtp_errors(_SERVICE, may_be_done=False):
            await self._smtp.connect()

    async def log_in(self) -> None:
        """Log in, when a user name is configured."""
        if self._server.username:
            with smtp_errors(_SERVICE, may_be_done=False):
                await self._smtp.login(self._server.username, self._server.password)

    async def offer_sender(self) -> None:
        with smtp_errors(_SERVICE, may_be_done=False):
            await self._smtp.mail(parseaddr(self._server.sender)[1])

    async def offer_recipient(self, address: str) -> None:
        with smtp_errors(_SERVICE, may_be_done=False):
            await self._smtp.rcpt(address)

    async def close(self) -> None:
        """Drop what was begun and leave; what the server says to that changes nothing any more."""
        transport = self._smtp.transport
        if self._smtp.is_connected:
            with contextlib.suppress(ServiceError), smtp_errors(_SERVICE, may_be_done=False):
                await self._smtp.rset()
                await self._smtp.execute_command(b"QUIT")
        if isinstance(transport, asyncio.WriteTransport):
            transport.abort()  # TLS's own farewell would outlast us
        self._smtp.close()
        await asyncio.sleep(0)  # the loop closes an aborted socket in its next round
