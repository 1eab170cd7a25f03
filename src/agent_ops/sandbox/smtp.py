"""The mail twin: aiosmtpd with a login, over STARTTLS and over TLS, and a mailbox of .eml files that a person can open."""

from __future__ import annotations

import asyncio
import email
import email.policy
import ssl
from pathlib import Path

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from agent_ops.sandbox.faults import Fault, FaultBook, FaultKind
from agent_ops.sandbox.records import Call, Records
from agent_ops.sandbox.tls import Tls
from agent_ops.sandbox.world import World

MAX_BYTES = 10_000_000
_WORDS = {
    421: "4.3.2 Service not available, closing transmission channel",
    450: "4.2.0 {to}: Recipient address rejected: Greylisted, try again later",
    451: "4.3.0 Requested action aborted: local error in processing",
    452: "4.2.2 {to}: The recipient's mailbox is over its storage limit",
    550: "5.1.1 {to}: Recipient address rejected: User unknown in virtual mailbox table",
    551: "5.1.6 {to}: User not local; please try another address",
    552: "5.2.2 {to}: The recipient's mailbox is full",
    553: "5.1.3 {to}: Mailbox name not allowed",
    554: "5.7.1 Message rejected as spam by content filtering",
}
"""What real servers say with these codes (RFC 5321, 4.2.3; RFC 3463)."""


class MailTwin:
    """Accepts mail from one account. ``mailbox`` gets one numbered file per message.

    Faults strike at the commands MAIL, RCPT, DATA and QUIT; their path is the address that the command is about. ``max_bytes``
    is the size limit that it announces (RFC 1870); it holds for connections that begin after a change.
    """

    def __init__(self, world: World, records: Records, faults: FaultBook, mailbox: Path, tls: Tls) -> None:
        self._world, self._records, self._faults, self._mailbox = world, records, faults, mailbox
        self.context = tls.server_context()
        self.max_bytes = MAX_BYTES
        mailbox.mkdir(parents=True, exist_ok=True)
        self._count = len(list(mailbox.glob("*.eml")))

    def starttls_protocol(self) -> SMTP:
        """A server for one connection that begins in plain text (RFC 3207)."""
        return self._protocol(self.context)

    def tls_protocol(self) -> SMTP:
        """A server for one connection that is encrypted from the first byte (RFC 8314)."""
        return self._protocol(None)

    def _protocol(self, starttls: ssl.SSLContext | None) -> SMTP:
        return SMTP(
            self,
            hostname="mail.sandbox",
            data_size_limit=self.max_bytes,
            tls_context=starttls,
            require_starttls=starttls is not None,
            auth_required=True,
            auth_require_tls=starttls is not None,  # of encryption from the first byte aiosmtpd does not know
            authenticator=self._authenticate,
        )

    def _authenticate(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object) -> AuthResult:
        known = (self._world.smtp_user.encode(), self._world.credentials.smtp_password.encode())
        given = (data.login, data.password) if isinstance(data, LoginPassword) else None
        return AuthResult(success=given == known, handled=given == known)

    async def handle_MAIL(  # noqa: N802 - these are aiosmtpd's names
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        refusal = await self._struck(server, "MAIL", address)
        if refusal is None:
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return refusal or "250 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        refusal = await self._struck(server, "RCPT", address)
        if refusal is None:
            envelope.rcpt_tos.append(address)
        return refusal or "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take one message (RFC 5321, 4.1.1.4)."""
        to = ",".join(envelope.rcpt_tos)
        faults = self._drawn("DATA", to)
        refusal = await self._refusal(server, "DATA", to, faults)
        if refusal is None:
            self._keep(to, envelope)
        if FaultKind.DROP_AFTER in faults:
            _cut(server)
        return refusal or "250 OK"

    async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        return await self._struck(server, "QUIT", "") or "221 Bye"

    async def _struck(self, server: SMTP, command: str, to: str) -> str | None:
        return await self._refusal(server, command, to, self._drawn(command, to))

    def _drawn(self, command: str, to: str) -> dict[FaultKind, Fault]:
        return {fault.kind: fault for fault in self._faults.draw("mail", command, to)}

    async def _refusal(self, server: SMTP, command: str, to: str, faults: dict[FaultKind, Fault]) -> str | None:
        """The answer of a call that goes wrong, recorded; None for one that goes well."""
        for kind in (FaultKind.LATENCY, FaultKind.HANG):
            if kind in faults:
                await asyncio.sleep(faults[kind].seconds)
        if FaultKind.DROP_BEFORE in faults or FaultKind.HANG in faults:
            _cut(server)
            status, words = 0, "451 the connection is gone"
        elif FaultKind.STATUS in faults:
            status = faults[FaultKind.STATUS].status
            said = faults[FaultKind.STATUS].words or _WORDS.get(status, "told to fail").format(to=f"<{to}>")
            words = f"{status} {said}"
            if faults[FaultKind.STATUS].echo:
                words += f"; you logged in with {self._world.credentials.smtp_password}"
        else:
            return None
        self._records.record(Call("mail", command, to, status))
        return words

    def _keep(self, to: str, envelope: Envelope) -> None:
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        message = email.message_from_bytes(content, policy=email.policy.default)
        self._count += 1
        file = self._mailbox / f"{self._count:05d}.eml"
        file.write_bytes(content)
        detail = {
            "to": to,
            "from": envelope.mail_from,
            "subject": str(message["Subject"]),
            "message_id": str(message["Message-ID"]),
            "file": file.name,
        }
        self._records.record(Call("mail", "DATA", to, 250, "mail", detail))


def _cut(server: SMTP) -> None:
    if isinstance(server.transport, asyncio.Transport):
        server.transport.abort()
