"""The mail twin, judged by a client that nobody here wrote: smtplib."""

from __future__ import annotations

import smtplib
import ssl
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from agent_ops import Sandbox
from agent_ops.sandbox import Fault, FaultKind
from tests.contract.mail_bench import read_mail

SENDER, RECIPIENT = "agent-ops@acme.example", "smtplib@acme.example"


def context(box: Sandbox) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=box.addresses.ca_file)


@contextmanager
def by_starttls(box: Sandbox) -> Iterator[smtplib.SMTP]:
    with smtplib.SMTP(box.addresses.smtp_host, box.addresses.smtp_port, timeout=10) as client:
        client.starttls(context=context(box))
        client.login(box.addresses.smtp_user, box.addresses.smtp_password)
        yield client


@contextmanager
def by_tls(box: Sandbox) -> Iterator[smtplib.SMTP]:
    where = box.addresses
    with smtplib.SMTP_SSL(where.smtp_host, where.smtps_port, context=context(box), timeout=10) as client:
        client.login(where.smtp_user, where.smtp_password)
        yield client


def letter(tag: str) -> bytes:
    return f"From: {SENDER}\r\nTo: {RECIPIENT}\r\nSubject: {tag}\r\nMessage-ID: <{tag}@x>\r\n\r\nHello\r\n".encode()


@pytest.mark.parametrize("way", [by_starttls, by_tls])
def test_it_takes_a_mail_and_keeps_it_as_a_file(sandbox: Sandbox, way: object) -> None:
    tag = uuid.uuid4().hex
    with way(sandbox) as client:  # type: ignore[operator]
        assert client.sendmail(SENDER, [RECIPIENT], letter(tag)) == {}
    assert read_mail(sandbox.mailbox(RECIPIENT)[-1])["Subject"] == tag


@pytest.mark.parametrize("port", ["smtp_port", "smtps_port"])
def test_it_wants_encryption_and_a_login(sandbox: Sandbox, port: str) -> None:
    where = sandbox.addresses
    plain = port == "smtp_port"
    client = (
        smtplib.SMTP(where.smtp_host, where.smtp_port, timeout=10)
        if plain
        else smtplib.SMTP_SSL(where.smtp_host, where.smtps_port, context=context(sandbox), timeout=10)
    )
    with client:
        client.ehlo()
        with pytest.raises(smtplib.SMTPSenderRefused):
            client.sendmail("a@x.example", ["b@x.example"], "hello")
        if plain:
            client.starttls(context=context(sandbox))
            client.ehlo()
        with pytest.raises(smtplib.SMTPSenderRefused):
            client.sendmail("a@x.example", ["b@x.example"], "hello")
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login(where.smtp_user, "wrong")


async def test_it_refuses_one_recipient_and_takes_another(box: Sandbox) -> None:
    await box.fault(Fault("mail", FaultKind.STATUS, "RCPT", "gone@.*", status=550))
    with by_starttls(box) as client:
        with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
            client.sendmail(SENDER, ["gone@acme.example"], letter("x"))
        assert caught.value.recipients["gone@acme.example"][0] == 550
        assert client.sendmail(SENDER, [RECIPIENT], letter(uuid.uuid4().hex)) == {}
    assert [c.status for c in box.effects("mail") if c.path == "gone@acme.example"] == []


async def test_it_greylists_once(box: Sandbox) -> None:
    await box.fault(Fault("mail", FaultKind.STATUS, "RCPT", status=450, times=1))
    with by_tls(box) as client:
        with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
            client.sendmail(SENDER, [RECIPIENT], letter("x"))
        assert b"Greylisted" in caught.value.recipients[RECIPIENT][1]
        assert client.sendmail(SENDER, [RECIPIENT], letter(uuid.uuid4().hex)) == {}


async def test_it_announces_its_size_limit_and_keeps_to_it(box: Sandbox) -> None:
    await box.mail_limit(2_000)
    with by_starttls(box) as client:
        client.ehlo()
        assert client.esmtp_features["size"] == "2000"
        with pytest.raises((smtplib.SMTPSenderRefused, smtplib.SMTPDataError)):
            client.sendmail(SENDER, [RECIPIENT], letter("x") + b"y" * 3_000)


async def test_it_is_dead_for_some_seconds_and_comes_back_by_itself(box: Sandbox) -> None:
    await box.mail_down(0.3)
    for way in (by_starttls, by_tls):
        with pytest.raises(ConnectionRefusedError), way(box):
            pass
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            with by_starttls(box) as client:
                assert client.noop()[0] == 250
                return
        except ConnectionRefusedError:
            continue
    pytest.fail("it did not come back")


async def test_it_comes_back_when_faults_are_cleared_and_survives_being_told_twice(box: Sandbox) -> None:
    await box.mail_down()
    await box.mail_down(60)
    with pytest.raises(ConnectionRefusedError), by_starttls(box):
        pass
    await box.clear_faults()
    await box.mail_up()
    for way in (by_starttls, by_tls):
        with way(box) as client:
            assert client.noop()[0] == 250


async def test_it_hangs_and_cuts_when_told(box: Sandbox) -> None:
    for kind in (FaultKind.DROP_BEFORE, FaultKind.HANG):
        await box.fault(Fault("mail", kind, "RCPT", seconds=0.1, times=1))
        with by_starttls(box) as client, pytest.raises(smtplib.SMTPServerDisconnected):
            client.sendmail(SENDER, [RECIPIENT], letter("x"))
