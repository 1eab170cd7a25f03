"""Mail by SMTP (RFC 5321, 5322).

A mail server cannot be asked whether it took a message, so an uncertain mail is sent again under the same Message-ID
(RFC 5322, 3.6.4), by which mailboxes recognise a repeat.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import parseaddr

import aiosmtplib

from agent_ops.domain.effects import Accepted, Action, Completed, Failed, Finding, Intent, Presence
from agent_ops.domain.errors import AgentOpsError, ServiceRefused
from agent_ops.transport.calls import logged_call
from agent_ops.transport.vendor_errors import smtp_errors

_SERVICE = "mail"


@dataclass(frozen=True)
class MailConfig:
    """The mail server. ``security``: 'starttls', 'tls' (from the first byte) or 'none' (loopback only)."""

    host: str
    port: int
    sender: str
    username: str = ""
    password: str = field(default="", repr=False)
    security: str = "starttls"
    ca_file: str | None = None
    timeout: float = 15.0


class MailEffector:
    """Sends notices with the pinned recipient, subject, body and Message-ID."""

    actions = frozenset({Action.SEND_MAIL})

    def __init__(self, config: MailConfig) -> None:
        self._config = config
        self._tls = ssl.create_default_context(cafile=config.ca_file) if config.security != "none" else None

    @property
    def call_timeout(self) -> float:
        return 3 * self._config.timeout

    async def look_up(self, intent: Intent) -> Finding:
        """Never known: counts as absent, so that it is sent again under its Message-ID."""
        return Finding(Presence.ABSENT, why="mail servers cannot be asked", resend_is_safe=True)

    async def send(self, intent: Intent) -> Accepted | Completed | Failed:
        config = self._config
        with smtp_errors(_SERVICE), logged_call(_SERVICE, "send") as call:
            await aiosmtplib.send(
                _message(config.sender, intent),
                hostname=config.host,
                port=config.port,
                username=config.username or None,
                password=config.password or None,
                use_tls=config.security == "tls",
                start_tls=config.security == "starttls",
                tls_context=self._tls,
                timeout=config.timeout,
            )
            call.status = 250  # RFC 5321, 4.2.3
        return Completed({"recipient": intent.pinned["recipient"], "message_id": intent.pinned["message_id"]})

    async def follow(self, intent: Intent) -> Completed | Failed:
        raise AgentOpsError("mail has no result to wait for")


def _message(sender: str, intent: Intent) -> EmailMessage:
    """Headers are set by the email package, which refuses line breaks in them."""
    try:
        return _written(sender, intent)
    except ValueError as error:
        raise ServiceRefused(_SERVICE, f"the message cannot be written: {error}") from error


def _written(sender: str, intent: Intent) -> EmailMessage:
    message = EmailMessage()
    message["From"] = sender
    message["To"] = parseaddr(intent.pinned["recipient"])[1]
    message["Subject"] = intent.pinned["subject"]
    message["Message-ID"] = intent.pinned["message_id"]
    message["Date"] = intent.opened_at
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no automatic answers, please
    message.set_content(intent.pinned["body"])
    return message
