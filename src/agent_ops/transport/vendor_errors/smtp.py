"""The errors of aiosmtplib."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import aiosmtplib

from agent_ops.domain.errors import (
    AccessRefused,
    ServiceAmbiguous,
    ServiceError,
    ServiceRefused,
    ServiceUnavailable,
)
from agent_ops.domain.plain import one_line
from agent_ops.transport.vendor_errors.http import MAX_WORDS


@contextmanager
def smtp_errors(service: str, *, may_be_done: bool) -> Iterator[None]:
    """For aiosmtplib. An answer decides by its first digit (RFC 5321, 4.2.1): 4 may change by itself, 5 will not.

    ``may_be_done``: the message is on its way; an end without an answer then leaves open whether the server took it.
    """
    try:
        yield
    except aiosmtplib.SMTPResponseException as error:
        raise _smtp_answer(service, error, may_be_done) from error
    except (aiosmtplib.SMTPException, OSError, asyncio.TimeoutError) as error:
        raise _smtp_silence(service, error, may_be_done) from error


def _smtp_answer(service: str, error: aiosmtplib.SMTPResponseException, may_be_done: bool) -> ServiceError:
    said = f"{error.code} {one_line(str(error.message), MAX_WORDS)}"
    if not 400 <= error.code <= 599:
        kind = ServiceAmbiguous if may_be_done else ServiceUnavailable
        return kind(service, f"gave an answer that does not belong here: {said}")
    later = error.code < 500
    if isinstance(error, aiosmtplib.SMTPAuthenticationError) and not later:
        return AccessRefused(service, f"refused the login: {said}", "Check SMTP_USERNAME and SMTP_PASSWORD.")
    if isinstance(error, aiosmtplib.SMTPRecipientRefused):
        what = f"{'does not take mail now for' if later else 'refused'} the recipient {error.recipient}: {said}"
        advice = "Check the points of contact: the policy's [teams.X] contacts, else the two in the settings."
        return ServiceUnavailable(service, what) if later else ServiceRefused(service, what, advice)
    return (ServiceUnavailable if later else ServiceRefused)(service, f"answered {said}")


def _smtp_silence(service: str, error: Exception, may_be_done: bool) -> ServiceError:
    """No answer, or none that the client library could use."""
    cause = error.__cause__ if isinstance(error.__cause__, ssl.SSLError) else error
    words = one_line(str(cause), MAX_WORDS) or "no answer in time"
    if isinstance(cause, ssl.SSLCertVerificationError):
        advice = "Name its certificate authority with CA_FILE, or correct SMTP_HOST."
        return ServiceRefused(service, f"its certificate is not trusted: {cause.verify_message}", advice)
    if type(error) in (aiosmtplib.SMTPException, aiosmtplib.SMTPNotSupported):  # STARTTLS or login not offered
        return ServiceRefused(service, f"cannot be used as configured: {words}", "Check AGENT_OPS_SMTP_SECURITY and SMTP_PORT.")
    if may_be_done:
        return ServiceAmbiguous(service, f"the connection ended while the message was on its way: {words}")
    return ServiceUnavailable(service, f"cannot be reached: {words}")
