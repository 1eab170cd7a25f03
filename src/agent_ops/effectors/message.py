"""A mail as the bytes that go over the wire (RFC 5322, 2045, 2047).

The header is put together here, from checked and encoded values only: the email package's own header objects decode encoded
words in what they are given, and would write a line break that was hidden in one (CVE-2024-6923). The bodies are the
email package's.
"""

from __future__ import annotations

import re
from datetime import datetime
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr, parseaddr

from agent_ops.domain.notices import is_plain_address

_POLICY = SMTP.clone(cte_type="7bit")  # no 8BITMIME needed; lines of at most 78 octets (RFC 5322, 2.1.1: 998 at most)
_MESSAGE_ID = re.compile(r"<[A-Za-z0-9._-]{1,100}@[A-Za-z0-9.-]{1,253}>")
_MAX_SUBJECT = 300


def address_of(mailbox: str) -> str:
    """The plain address of 'name@domain' or 'Display Name <name@domain>'.

    Raises:
        ValueError: it has none, or more than that.
    """
    address = parseaddr(mailbox)[1]
    if not mailbox.isprintable() or not is_plain_address(address) or mailbox not in (address, _written(mailbox, address)):
        raise ValueError(f"{mailbox!r} is no mail address")
    return address


def wire_bytes(
    *, sender: str, recipient: str, subject: str, message_id: str, date: datetime, text: str, html: str | None
) -> bytes:
    """The whole message with CRLF line ends, in ASCII.

    Raises:
        ValueError: a value cannot stand in a header.
    """
    if not is_plain_address(recipient):
        raise ValueError(f"{recipient!r} is no plain mail address")
    if not _MESSAGE_ID.fullmatch(message_id):
        raise ValueError(f"{message_id!r} is no message id")
    header = {
        "From": formataddr((parseaddr(sender)[0], address_of(sender))),
        "To": recipient,
        "Subject": _encoded(subject),
        "Message-ID": message_id,
        "Date": format_datetime(date),
        "Auto-Submitted": "auto-generated",  # RFC 3834: no automatic answers, please
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in header.items())
    return lines.encode("ascii") + _body(text, html).as_bytes(policy=_POLICY)


def _written(mailbox: str, address: str) -> str:
    """The mailbox as it must have been written if it is one display name and one address."""
    return f"{mailbox[: -len(address) - 2].rstrip()} <{address}>"


def _encoded(subject: str) -> str:
    """The subject, as encoded words unless it is short and plain ASCII that cannot be taken for one (RFC 2047, 5)."""
    if len(subject) > _MAX_SUBJECT or not subject.isprintable():
        raise ValueError("the subject is too long or has control characters")
    if subject.isascii() and "=?" not in subject and len(subject) <= 60:
        return subject
    return Header(subject, "utf-8", header_name="Subject", maxlinelen=75).encode(linesep="\r\n")


def _body(text: str, html: str | None) -> EmailMessage:
    message = EmailMessage(policy=_POLICY)
    message.set_content(text)
    if html is not None:
        message.add_alternative(html, subtype="html")
    return message
