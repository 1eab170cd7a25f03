"""Mail over the wire: what each answer and each silence of a server becomes, and whether the mail may have gone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import aiosmtplib
import pytest

from agent_ops import Sandbox, Settings
from agent_ops.domain.effects import Completed
from agent_ops.domain.errors import AccessRefused, ServiceAmbiguous, ServiceError, ServiceRefused, ServiceUnavailable
from agent_ops.effectors.mail import MailConfig, MailEffector
from agent_ops.sandbox import Fault, FaultKind
from agent_ops.sandbox.tls import ensure_tls
from tests.contract.mail_bench import CUT, DEAF, FIRST, SILENCE, mail, read_mail, scripted


def kept(box: Sandbox, message_id: str) -> int:
    return sum(call.detail["message_id"] == message_id for call in box.effects("mail"))


@pytest.fixture(params=["starttls", "tls"])
def secured(request: pytest.FixtureRequest, sandbox: Sandbox, sandbox_settings: Settings) -> MailConfig:
    """The twin by either way of encryption."""
    implicit = replace(sandbox_settings.mail, security="tls", port=sandbox.addresses.smtps_port)
    return implicit if request.param == "tls" else sandbox_settings.mail


async def test_a_mail_arrives_as_it_was_pinned(box: Sandbox, secured: MailConfig) -> None:
    body = "山田 花子\n.\n..dots\n" + "x" * 2000 + "\n"
    intent = mail(subject="Access: 3 of 4 in place for 山田 花子", body=body)
    assert await MailEffector(secured).send(intent) == Completed({"recipient": FIRST, "message_id": intent.pinned["message_id"]})
    call = next(call for call in box.effects("mail") if call.detail["message_id"] == intent.pinned["message_id"])
    assert (call.detail["to"], call.detail["from"]) == (FIRST, "agent-ops@acme.example")
    file = box.mailbox(FIRST)[-1]
    raw = file.read_bytes()
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    read = read_mail(file)
    assert (read["Subject"], read["Auto-Submitted"]) == (intent.pinned["subject"], "auto-generated")
    text, html = read.iter_parts()
    assert text.get_content().replace("\r\n", "\n") == body  # type: ignore[attr-defined]
    assert html.get_content().replace("\r\n", "\n") == intent.pinned["html"]  # type: ignore[attr-defined]


async def test_a_certificate_of_an_unknown_authority_is_not_trusted(secured: MailConfig) -> None:
    with pytest.raises(ServiceRefused, match=r"certificate is not trusted.*CA_FILE"):
        await MailEffector(replace(secured, ca_file=None)).send(mail())


async def test_a_certificate_of_another_host_is_not_trusted(sandbox: Sandbox) -> None:
    tls = ensure_tls(sandbox.directory / "tls")
    async with scripted({}, "127.0.0.2", tls.server_context()) as (config, heard):
        with pytest.raises(ServiceRefused, match=r"certificate is not trusted.*127\.0\.0\.2"):
            await MailEffector(replace(config, ca_file=str(tls.ca_file))).send(mail())
        assert heard == []


async def test_a_server_without_starttls_gets_neither_password_nor_mail() -> None:
    async with scripted({"EHLO": "250-here\r\n250 AUTH PLAIN", "AUTH": "235 welcome"}) as (config, heard):
        with pytest.raises(ServiceRefused, match=r"STARTTLS.*AGENT_OPS_SMTP_SECURITY"):
            await MailEffector(replace(config, security="starttls", username="me", password="canary")).send(mail())
        assert heard == ["EHLO"]


async def test_a_wrong_password_is_told_without_it(box: Sandbox, secured: MailConfig) -> None:
    with pytest.raises(AccessRefused, match=r"535.*SMTP_PASSWORD") as caught:
        await MailEffector(replace(secured, password="wrong-canary")).send(mail())
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("command", "status", "expected", "words"),
    [
        ("RCPT", 550, ServiceRefused, r"refused the recipient it-desk@acme.example: 550 5.1.1 .*User unknown.*points of contact"),
        ("RCPT", 551, ServiceRefused, "551 5.1.6 .*not local"),
        ("RCPT", 552, ServiceRefused, "552 5.2.2 .*mailbox is full"),
        ("RCPT", 553, ServiceRefused, "553 5.1.3 .*not allowed"),
        ("RCPT", 450, ServiceUnavailable, "does not take mail now for.*450 4.2.0 .*Greylisted"),
        ("RCPT", 451, ServiceUnavailable, "451 4.3.0 "),
        ("RCPT", 452, ServiceUnavailable, "452 4.2.2 .*over its storage limit"),
        ("MAIL", 421, ServiceUnavailable, "421 4.3.2 "),
        ("MAIL", 550, ServiceRefused, "answered 550"),
        ("DATA", 451, ServiceUnavailable, "answered 451"),
        ("DATA", 552, ServiceRefused, "answered 552"),
        ("DATA", 554, ServiceRefused, "554 5.7.1 .*spam"),
    ],
)
async def test_a_refusal_is_told_in_the_servers_words_and_nothing_went(
    box: Sandbox, sandbox_settings: Settings, command: str, status: int, expected: type[ServiceError], words: str
) -> None:
    effector, intent = MailEffector(sandbox_settings.mail), mail()
    await box.fault(Fault("mail", FaultKind.STATUS, command, status=status, times=1))
    with pytest.raises(expected, match=words) as caught:
        await effector.send(intent)
    assert type(caught.value) is expected
    assert kept(box, intent.pinned["message_id"]) == 0
    assert isinstance(await effector.send(intent), Completed)
    assert kept(box, intent.pinned["message_id"]) == 1


async def test_a_message_that_is_too_large_is_refused_before_it_travels(box: Sandbox, sandbox_settings: Settings) -> None:
    await box.mail_limit(5_000)
    intent = mail(body="x\n" * 10_000)
    with pytest.raises(ServiceRefused, match="552") as caught:
        await MailEffector(sandbox_settings.mail).send(intent)
    assert isinstance(caught.value.__cause__, aiosmtplib.SMTPSenderRefused)
    await box.clear_faults()
    assert isinstance(await MailEffector(sandbox_settings.mail).send(intent), Completed)


async def test_a_dead_server_is_told_and_comes_back(box: Sandbox, sandbox_settings: Settings) -> None:
    effector, intent = MailEffector(sandbox_settings.mail), mail()
    await box.mail_down()
    with pytest.raises(ServiceUnavailable, match="cannot be reached") as caught:
        await effector.send(intent)
    assert not isinstance(caught.value, ServiceAmbiguous)
    await box.mail_up()
    assert isinstance(await effector.send(intent), Completed)


@pytest.mark.parametrize(("kind", "gone"), [(FaultKind.DROP_BEFORE, 0), (FaultKind.DROP_AFTER, 1)])
async def test_a_connection_cut_in_the_message_is_ambiguous(
    box: Sandbox, sandbox_settings: Settings, kind: FaultKind, gone: int
) -> None:
    effector, intent = MailEffector(sandbox_settings.mail), mail()
    await box.fault(Fault("mail", kind, "DATA", times=1))
    with pytest.raises(ServiceAmbiguous, match="on its way"):
        await effector.send(intent)
    assert kept(box, intent.pinned["message_id"]) == gone
    await effector.send(intent)
    assert kept(box, intent.pinned["message_id"]) == gone + 1
    first, last = (read_mail(file)["Message-ID"] for file in (box.mailbox()[-1 - gone], box.mailbox()[-1]))
    assert first == last == intent.pinned["message_id"]


@pytest.mark.parametrize("answer", [CUT, SILENCE, "421 4.3.2 going down"])
@pytest.mark.parametrize("command", ["greeting", "EHLO", "MAIL", "RCPT"])
async def test_whatever_ends_before_the_message_did_not_send_it(command: str, answer: Any) -> None:
    timeout = 0.4 if answer is SILENCE else 10.0
    async with scripted({command: answer, "HELO": answer}, timeout=timeout) as (config, heard):
        with pytest.raises(ServiceUnavailable):
            await MailEffector(config).send(mail())
        assert "DATA" not in heard


@pytest.mark.parametrize(
    "script",
    [{"DATA": ("354 go on", CUT)}, {"message": CUT}, {"message": SILENCE}, {"message": "299 kept?"}, {"message": "what?"}],
)
async def test_whatever_ends_in_the_message_may_have_sent_it(script: dict[str, Any]) -> None:
    timeout = 1.5 if SILENCE in script.values() else 10.0
    async with scripted(script, timeout=timeout) as (config, _):
        with pytest.raises(ServiceAmbiguous):
            await MailEffector(config).send(mail())


@pytest.mark.parametrize("answer", [CUT, SILENCE, "500 what?", "421 going down"])
async def test_what_happens_after_the_message_was_taken_changes_nothing(answer: Any) -> None:
    async with scripted({"QUIT": answer}) as (config, heard):
        assert isinstance(await MailEffector(config).send(mail()), Completed)
        assert heard[-2:] == ["message", "QUIT"]


async def test_a_server_that_answers_slowly_is_given_up_as_a_whole(box: Sandbox, sandbox_settings: Settings) -> None:
    """Each single answer comes in time; all together do not, and the mail has not gone."""
    for command in ("MAIL", "RCPT"):
        await box.fault(Fault("mail", FaultKind.LATENCY, command, seconds=1.4, times=1))
    effector, intent = MailEffector(replace(sandbox_settings.mail, timeout=2.0)), mail()
    with pytest.raises(ServiceUnavailable, match="no answer in time"):
        await effector.send(intent)
    assert kept(box, intent.pinned["message_id"]) == 0


def sockets() -> set[int]:
    """This process's, by their inodes: others' may be closed meanwhile."""
    return {path.stat().st_ino for path in Path("/dev/fd").iterdir() if path.is_socket()}


async def test_a_server_that_falls_silent_keeps_no_socket_open(sandbox: Sandbox) -> None:
    """TLS's own farewell would wait half a minute for an answer."""
    tls = ensure_tls(sandbox.directory / "tls")
    async with scripted({"MAIL": (DEAF, SILENCE)}, "127.0.0.1", tls.server_context(), timeout=1.0) as (config, _):
        before = sockets()
        with pytest.raises(ServiceUnavailable):
            await MailEffector(replace(config, ca_file=str(tls.ca_file))).send(mail())
        assert len(sockets() - before) == 1  # the server's own end


async def test_hostile_words_of_a_server_are_harmless_and_bounded() -> None:
    answer = "550 5.1.1 \x1b[31mno\x1b[0m \u202e" + "x" * 490
    async with scripted({"RCPT": answer}) as (config, _):
        with pytest.raises(ServiceRefused) as caught:
            await MailEffector(config).send(mail())
    assert str(caught.value).isprintable()
    assert "5.1.1 no x" in str(caught.value)
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize(
    "pinned",
    [
        {"subject": "Hello\r\nBcc: everyone@evil.example"},
        {"recipient": "it-desk@acme.example, everyone@evil.example"},
        {"recipient": "it-desk@acme.example>\r\nRCPT TO:<everyone@evil.example"},
        {"message_id": "<x@y>\r\nBcc: everyone@evil.example"},
    ],
)
async def test_what_cannot_stand_in_a_header_is_not_sent(pinned: dict[str, str]) -> None:
    async with scripted({}) as (config, heard):
        with pytest.raises(ServiceRefused, match="cannot be written"):
            await MailEffector(config).send(mail(**pinned))
        assert heard == []
