"""Mail by SMTP (RFC 5321), submitted with STARTTLS or TLS.

A mail server cannot be asked whether it took a message, so an uncertain mail is sent again under the same Message-ID
(RFC 5322, 3.6.4), by which mailboxes recognise a repeat. Whatever a server answers is an error and never ``Failed``: a
refused recipient may be accepted tomorrow, and mails are tried again later.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from ipaddress import ip_address

import aiosmtplib

from agent_ops.domain.effects import Accepted, Action, Completed, Failed, Finding, Intent, Presence
from agent_ops.domain.errors import AgentOpsError, ConfigurationError, ServiceRefused
from agent_ops.effectors.message import address_of, wire_bytes
from agent_ops.transport.calls import logged_call
from agent_ops.transport.vendor_errors import smtp_errors

_SERVICE = "mail"
_QUIT_SECONDS = 1.0


@dataclass(frozen=True)
class MailConfig:
    """The mail server. Times are in seconds.

    Args:
        sender: an address, or 'Display Name <address>'.
        security: 'starttls', 'tls' (from the first byte) or 'none' (loopback only).
        ca_file: certificate authorities (PEM) to trust instead of the system's.
        timeout: for reaching the server, for its answers up to the message, and for the message, each as a whole.

    Raises:
        ConfigurationError: the sender is no address, or mail would travel unencrypted.
    """

    host: str
    port: int
    sender: str
    username: str = ""
    password: str = field(default="", repr=False)
    security: str = "starttls"
    ca_file: str | None = None
    timeout: float = 15.0

    def __post_init__(self) -> None:
        if self.security not in ("starttls", "tls", "none"):
            raise ConfigurationError(f"AGENT_OPS_SMTP_SECURITY {self.security!r} is not one of starttls, tls, none")
        if self.security == "none" and not _is_loopback(self.host):
            raise ConfigurationError(
                f"AGENT_OPS_SMTP_SECURITY is none, but {self.host} is not on this machine: mail would travel unencrypted",
                "Use starttls or tls.",
            )
        try:
            address_of(self.sender)
        except ValueError as error:
            raise ConfigurationError(f"SMTP_FROM: {error}") from None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


class MailEffector:
    """Sends notices with the pinned recipient, subject, bodies and Message-ID, each over a connection of its own.

    Raises:
        ConfigurationError: the file of certificate authorities cannot be used.
    """

    actions = frozenset({Action.SEND_MAIL})

    def __init__(self, config: MailConfig) -> None:
        self._config = config
        try:
            self._tls = ssl.create_default_context(cafile=config.ca_file) if config.security != "none" else None
        except OSError as error:
            raise ConfigurationError(f"CA_FILE {config.ca_file} cannot be used: {error}") from error

    @property
    def call_timeout(self) -> float:
        return 3 * self._config.timeout + 2 * _QUIT_SECONDS  # its own time-outs come first, and say more

    async def look_up(self, intent: Intent) -> Finding:
        """Never known: counts as absent, so that it is sent again under its Message-ID."""
        return Finding(Presence.ABSENT, why="mail servers cannot be asked", resend_is_safe=True)

    async def send(self, intent: Intent) -> Accepted | Completed | Failed:
        """Hand the message over. Done once the server has answered 250 to it; what happens after that changes nothing.

        Raises:
            ServiceUnavailable: not sent (server dead, busy or silent before the message, a 4xx: greylisting, full mailbox).
            ServiceRefused: not sent (a 5xx: unknown recipient, message too large, no STARTTLS, certificate not trusted).
            AccessRefused: not sent; the login was refused.
            ServiceAmbiguous: the connection ended while the message was on its way.
        """
        with logged_call(_SERVICE, "send") as call:
            await self._deliver(intent.pinned["recipient"], _message(self._config.sender, intent))
            call.status = 250  # RFC 5321, 4.2.3
        return Completed({"recipient": intent.pinned["recipient"], "message_id": intent.pinned["message_id"]})

    async def _deliver(self, recipient: str, message: bytes) -> None:
        client = self._client()
        with smtp_errors(_SERVICE, may_be_done=False):
            await asyncio.wait_for(client.connect(), self._config.timeout)
        async with _hanging_up(client):
            with smtp_errors(_SERVICE, may_be_done=False):
                await asyncio.wait_for(self._envelope(client, recipient, len(message)), self._config.timeout)
            with smtp_errors(_SERVICE, may_be_done=True):
                await asyncio.wait_for(client.data(message), self._config.timeout)
            with contextlib.suppress(aiosmtplib.SMTPException, OSError, asyncio.TimeoutError):
                await asyncio.wait_for(client.execute_command(b"QUIT"), _QUIT_SECONDS)

    async def follow(self, intent: Intent) -> Completed | Failed:
        raise AgentOpsError("mail has no result to wait for")

    def _client(self) -> aiosmtplib.SMTP:
        config = self._config
        return aiosmtplib.SMTP(
            hostname=config.host,
            port=config.port,
            username=config.username or None,
            password=config.password or None,
            local_hostname=address_of(config.sender).partition("@")[2],  # else the machine's name is looked up
            use_tls=config.security == "tls",
            start_tls=config.security == "starttls",
            tls_context=self._tls,
            timeout=config.timeout,
        )

    async def _envelope(self, client: aiosmtplib.SMTP, recipient: str, size: int) -> None:
        """Sender and recipient, and the size where the server has a limit (RFC 1870): it refuses before the message travels."""
        options = [f"SIZE={size}"] if client.supports_extension("size") else []
        await client.mail(address_of(self._config.sender), options=options)
        await client.rcpt(recipient)


@contextlib.asynccontextmanager
async def _hanging_up(client: aiosmtplib.SMTP) -> AsyncIterator[None]:
    """Close the socket at once in the end: TLS's own farewell may take half a minute with a server that is silent."""
    transport = client.transport
    try:
        yield
    finally:
        if isinstance(transport, asyncio.WriteTransport):
            transport.abort()
        client.close()
        await asyncio.sleep(0)  # the loop closes an aborted socket in its next round


def _message(sender: str, intent: Intent) -> bytes:
    pinned = intent.pinned
    try:
        return wire_bytes(
            sender=sender,
            recipient=pinned["recipient"],
            subject=pinned["subject"],
            message_id=pinned["message_id"],
            date=intent.opened_at,
            text=pinned["body"],
            html=pinned.get("html"),  # absent in what an older version pinned
        )
    except ValueError as error:
        raise ServiceRefused(_SERVICE, f"the message cannot be written: {error}") from error
