"""What the mail tests share: a mail to send, and a server that misbehaves line by line."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Mapping
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from agent_ops.domain.effects import Action, Intent
from agent_ops.effectors.mail import MailConfig
from tests.contract.test_effect_adapters import intent_for, pinned_for

FIRST = "it-desk@acme.example"
CUT = None
SILENCE = ...
DEAF = 0
WELL = {
    "greeting": "220 here",
    "EHLO": "250-here\r\n250 SIZE 100000",
    "MAIL": "250 ok",
    "RCPT": "250 ok",
    "DATA": "354 go on",
    "message": "250 kept",
    "QUIT": "221 bye",
}
Script = Mapping[str, Any]


def mail(**pinned: Any) -> Intent:
    """A mail that nobody else sends."""
    return intent_for(Action.SEND_MAIL, {**pinned_for(Action.SEND_MAIL), "html": "<p>Grüße</p>\n", **pinned})


def read_mail(path: Path) -> EmailMessage:
    message = message_from_bytes(path.read_bytes(), policy=default)
    assert isinstance(message, EmailMessage)
    return message


class Conversation:
    """One connection, answered by a script: a line, ``CUT``, ``SILENCE``, ``DEAF``, or several of them for one command.

    A deaf server takes no byte any more from its socket, those of TLS among them.
    """

    def __init__(self, script: Script, heard: list[str], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.script, self.heard, self.reader, self.writer = {**WELL, **script}, heard, reader, writer

    async def hold(self) -> None:
        try:
            await self._answer("greeting")
            in_message = False
            async for raw in self.reader:
                line = raw.decode("utf-8", "replace").rstrip("\r\n")
                if in_message and line != ".":
                    continue
                word = "message" if in_message else line[:4].upper()
                self.heard.append(word)
                await self._answer(word)
                in_message = word == "DATA"
        except ConnectionError:
            return  # cut, by the script or by the client
        finally:
            self.writer.transport.abort()

    async def _answer(self, word: str) -> None:
        told = self.script.get(word, "502 what?")
        for answer in told if isinstance(told, tuple) else (told,):
            if answer is SILENCE:
                await asyncio.Event().wait()
            if answer is DEAF:
                self.writer.transport.pause_reading()  # type: ignore[attr-defined]
                continue
            if answer is CUT:
                raise ConnectionResetError
            self.writer.write(f"{answer}\r\n".encode())
            await self.writer.drain()


@contextlib.asynccontextmanager
async def scripted(
    script: Script, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None, timeout: float = 10.0
) -> AsyncIterator[tuple[MailConfig, list[str]]]:
    """A scripted server: the configuration of a client for it, and the commands that it heard."""
    heard: list[str] = []
    conversations: set[asyncio.Task[None]] = set()

    def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        conversations.add(asyncio.ensure_future(Conversation(script, heard, reader, writer).hold()))

    server = await asyncio.start_server(begin, host, 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    try:
        yield MailConfig(host, port, "agent-ops@acme.example", security="tls" if tls else "none", timeout=timeout), heard
    finally:
        server.close()
        for conversation in conversations:
            conversation.cancel()
        await asyncio.gather(*conversations, return_exceptions=True)
        await asyncio.sleep(0)  # aborted sockets close in the loop's next round
