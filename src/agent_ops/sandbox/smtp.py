"""The mail twin: aiosmtpd with STARTTLS and a login, and a mailbox of .eml files that a person can open."""

from __future__ import annotations

import asyncio
import email
import email.policy
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from agent_ops.sandbox.faults import Fault, FaultBook, FaultKind
from agent_ops.sandbox.records import Call, Records
from agent_ops.sandbox.tls import Tls
from agent_ops.sandbox.world import World


class MailTwin:
    """Accepts mail over STARTTLS from one account. ``mailbox`` gets one numbered file per message."""

    def __init__(self, world: World, records: Records, faults: FaultBook, mailbox: Path, tls: Tls) -> None:
        self._world, self._records, self._faults, self._mailbox = world, records, faults, mailbox
        self._context = tls.server_context()
        mailbox.mkdir(parents=True, exist_ok=True)
        self._count = len(list(mailbox.glob("*.eml")))

    def protocol(self) -> SMTP:
        """A server for one connection."""
        return SMTP(
            self,
            hostname="mail.sandbox",
            enable_SMTPUTF8=True,
            tls_context=self._context,
            require_starttls=True,
            auth_required=True,
            authenticator=self._authenticate,
        )

    def _authenticate(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object) -> AuthResult:
        known = (self._world.smtp_user.encode(), self._world.credentials.smtp_password.encode())
        given = (data.login, data.password) if isinstance(data, LoginPassword) else None
        return AuthResult(success=given == known, handled=given == known)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        """Take one message (RFC 5321, 4.1.1.4)."""
        to = ",".join(envelope.rcpt_tos)
        faults = {fault.kind: fault for fault in self._faults.draw("mail", "DATA", to)}
        refusal = await self._struck(server, faults)
        if refusal is None:
            self._keep(to, envelope)
        if FaultKind.DROP_AFTER in faults:
            _cut(server)
        return refusal or "250 OK"

    async def _struck(self, server: SMTP, faults: dict[FaultKind, Fault]) -> str | None:
        if FaultKind.LATENCY in faults:
            await asyncio.sleep(faults[FaultKind.LATENCY].seconds)
        if FaultKind.DROP_BEFORE in faults:
            _cut(server)
            return "451 dropped"
        if FaultKind.STATUS in faults:
            fault = faults[FaultKind.STATUS]
            login = f"; you logged in with {self._world.credentials.smtp_password}" if fault.echo else ""
            return f"{fault.status} told to fail{login}"
        return None

    def _keep(self, to: str, envelope: Envelope) -> None:
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        message = email.message_from_bytes(content, policy=email.policy.default)
        self._count += 1
        (self._mailbox / f"{self._count:05d}.eml").write_bytes(content)
        detail = {"to": to, "subject": str(message["Subject"]), "message_id": str(message["Message-ID"])}
        self._records.record(Call("mail", "DATA", to, 250, "mail", detail))


def _cut(server: SMTP) -> None:
    if isinstance(server.transport, asyncio.Transport):
        server.transport.abort()
