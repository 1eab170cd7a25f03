"""The bytes of a mail: exactly the expected header, whatever stands in it, and within the RFCs' bounds."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from email import message_from_bytes
from email.header import decode_header, make_header
from email.policy import default
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_ops.domain.access import AccessItem, ItemStatus
from agent_ops.domain.employee import Employee, Profile
from agent_ops.domain.errors import ConfigurationError
from agent_ops.domain.notices import Notice
from agent_ops.effectors.mail import MailConfig, MailEffector
from agent_ops.effectors.message import wire_bytes
from agent_ops.notices import compose

HEADER = ["From", "To", "Subject", "Message-ID", "Date", "Auto-Submitted"]
SMUGGLED = [
    "x\r\nBcc: everyone@evil.example",
    "x\nBcc: everyone@evil.example",
    "x\rTo: everyone@evil.example",
    "=?utf-8?q?x=0D=0ABcc:_everyone@evil.example?=",
    "=?utf-8?b?eA0KQmNjOiBldmVyeW9uZUBldmlsLmV4YW1wbGU=?=",
    "x\x0bBcc: y\x0cBcc: z\x85Bcc: a\u2028Bcc: b",
    "\r\n\r\n.\r\nQUIT\r\n",
    "a" * 400,
    "山" * 120,
]
ANY_TEXT = st.text(st.one_of(st.characters(), st.sampled_from("\r\n\t =?.:<>\x00\x1b\u2028\ud800")), max_size=200)
HOSTILE = ANY_TEXT | st.sampled_from(SMUGGLED)
ROWS = st.lists(st.tuples(HOSTILE, st.sampled_from(ItemStatus), HOSTILE, HOSTILE), max_size=3)
LETTERS = st.text(st.characters(categories=["Lu", "Ll", "Lt", "Lo", "Lm"]), min_size=1, max_size=60)
WORDS = st.lists(LETTERS, min_size=1, max_size=3).map(" ".join)


def wire(**changed: Any) -> bytes:
    values: dict[str, Any] = {
        "sender": "agent-ops@acme.example",
        "recipient": "it-desk@acme.example",
        "subject": "Hello",
        "message_id": "<0a1b.1@agent-ops.acme.example>",
        "date": datetime(2026, 12, 1, tzinfo=timezone.utc),
        "text": "text\n",
        "html": "<p>html</p>\n",
    }
    return wire_bytes(**{**values, **changed})


def assert_sound(message: bytes) -> None:
    """RFC 5322, 2.1.1 and 2.3; RFC 2047, 2: what any server and reader may rely on."""
    assert message.isascii()
    assert b"\x00" not in message
    assert not re.search(rb"(?<!\r)\n|\r(?!\n)", message), "a bare CR or LF"
    assert max(map(len, message.split(b"\r\n"))) <= 998
    header, _, _ = message.partition(b"\r\n\r\n")
    assert max(map(len, header.split(b"\r\n"))) <= 78
    assert all(len(word) <= 75 for word in re.findall(rb"=\?[^ \r\n]*\?=", header))
    names = [line.partition(b":")[0].decode() for line in header.split(b"\r\n") if not line.startswith((b" ", b"\t"))]
    assert names[:6] == HEADER
    assert sorted(names[6:]) == ["Content-Type", "MIME-Version"]
    read = message_from_bytes(message, policy=default)
    assert read["To"] == "it-desk@acme.example"
    assert (read.get_all("Bcc"), read.get_all("Cc"), len(read.get_all("To", []))) == (None, None, 1)
    assert read.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in read.iter_parts()] == ["text/plain", "text/html"]
    assert not read.defects


@given(
    WORDS,
    HOSTILE,
    st.lists(st.tuples(HOSTILE, st.sampled_from(ItemStatus), HOSTILE, HOSTILE), max_size=3),
    HOSTILE,
    st.booleans(),
)
def test_nothing_in_a_notice_reaches_the_header(
    name: str, team: str, rows: list[tuple[str, ItemStatus, str, str]], reason: str, account: bool
) -> None:
    profile = Profile("Ana Silva", "Data")
    object.__setattr__(profile, "name", name)  # and whatever the checks on names would let through one day
    object.__setattr__(profile, "team", team)
    employee = Employee("id", profile, address="ana.silva@acme.example" if account else None, reason=reason)
    for notice in Notice:
        letter = compose(notice, employee, tuple(AccessItem(*row) for row in rows))
        message = wire(subject=letter.subject, text=letter.text, html=letter.html)
        assert_sound(message)
        read = message_from_bytes(message, policy=default)
        assert read["Subject"] == letter.subject
        assert [part.get_content().replace("\r\n", "\n") for part in read.iter_parts()] == [letter.text, letter.html]


@given(HOSTILE)
def test_a_hostile_name_reaches_no_header(name: str) -> None:
    profile = Profile("Ana Silva", "Data")
    object.__setattr__(profile, "name", name)
    letter = compose(Notice.ACCOUNT, Employee("id", profile), ())
    assert_sound(wire(subject=letter.subject, text=letter.text, html=letter.html))


@given(HOSTILE)
def test_a_hostile_subject_is_encoded_or_refused(subject: str) -> None:
    try:
        message = wire(subject=subject)
    except ValueError:
        return
    assert_sound(message)
    assert "\n" not in subject
    assert "\r" not in subject


@pytest.mark.parametrize("subject", ["=?utf-8?q?x=0D=0ABcc:_everyone@evil.example?=", "Zoë =?utf-8?q?x=0AY?=", "山田 花子" * 20])
def test_what_looks_encoded_is_shown_as_it_stands(subject: str) -> None:
    message = wire(subject=subject)
    assert_sound(message)
    raw = re.search(rb"\r\nSubject: (.*?)\r\nMessage-ID", message, re.DOTALL)
    assert raw is not None
    assert str(make_header(decode_header(raw[1].decode()))) == subject


@pytest.mark.parametrize("value", [*SMUGGLED[:5], "a@b.example, c@d.example", "Ana <a@b.example>", "zoë@acme.example", ""])
@pytest.mark.parametrize("field", ["recipient", "message_id", "sender"])
def test_an_address_or_id_that_is_none_is_refused(field: str, value: str) -> None:
    if field == "sender" and value == "Ana <a@b.example>":
        pytest.skip("a sender may have a display name")
    with pytest.raises(ValueError, match="is no "):
        wire(**{field: value})


@pytest.mark.parametrize(
    ("sender", "written"),
    [
        ("Agent Ops <agent-ops@acme.example>", b"From: Agent Ops <agent-ops@acme.example>\r\n"),
        ('"Ops, Agent" <agent-ops@acme.example>', b'From: "Ops, Agent" <agent-ops@acme.example>\r\n'),
        ("Zoë <agent-ops@acme.example>", b"From: =?utf-8?q?Zo=C3=AB?= <agent-ops@acme.example>\r\n"),
    ],
)
def test_a_sender_may_have_a_name(sender: str, written: bytes) -> None:
    message = wire(sender=sender)
    assert message.startswith(written)
    assert_sound(message)


def test_what_an_older_version_pinned_is_sent_as_text() -> None:
    read = message_from_bytes(wire(html=None), policy=default)
    assert read.get_content_type() == "text/plain"


@pytest.mark.parametrize("host", ["mail.acme.example", "10.0.0.1", "localhost.evil.example", "0.0.0.0"])
def test_mail_never_leaves_the_machine_unencrypted(host: str) -> None:
    with pytest.raises(ConfigurationError, match="AGENT_OPS_SMTP_SECURITY"):
        MailConfig(host, 25, "a@b.example", security="none")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
def test_on_this_machine_it_may(host: str) -> None:
    assert MailConfig(host, 25, "a@b.example", security="none").host == host


def test_a_wrong_configuration_is_told_by_its_setting() -> None:
    with pytest.raises(ConfigurationError, match="SMTP_FROM"):
        MailConfig("mail.acme.example", 25, "agent-ops")
    with pytest.raises(ConfigurationError, match="AGENT_OPS_SMTP_SECURITY"):
        MailConfig("mail.acme.example", 25, "a@b.example", security="ssl")
    with pytest.raises(ConfigurationError, match="CA_FILE"):
        MailEffector(MailConfig("mail.acme.example", 25, "a@b.example", ca_file="absent.pem"))
    assert "canary" not in repr(MailConfig("mail.acme.example", 25, "a@b.example", password="canary"))
