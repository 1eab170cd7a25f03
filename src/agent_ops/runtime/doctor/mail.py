"""Mail: the conversation with the server up to the point where a message would be handed over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from agent_ops.domain.errors import ServiceError
from agent_ops.readers.mail import MailReader
from agent_ops.runtime.doctor.checks import Check
from agent_ops.runtime.doctor.examination import PROBE_SECONDS, Examination
from agent_ops.runtime.doctor.lines import Line, works, wrong
from agent_ops.runtime.doctor.reach import unreachable, words

_NEEDS = ("SMTP_HOST", "SMTP_PORT", "SMTP_FROM", "SMTP_USERNAME", "SMTP_PASSWORD", "AGENT_OPS_SMTP_SECURITY", "CA_FILE")
_CONTACTS = ("AGENT_OPS_FIRST_CONTACT", "AGENT_OPS_SECOND_CONTACT")


async def mail_server(exam: Examination) -> Sequence[Line]:
    reader = MailReader(exam.settings.mail, PROBE_SECONDS)
    try:
        return [await _conversation(exam, reader)]
    finally:
        await reader.close()


async def _conversation(exam: Examination, reader: MailReader) -> Line:
    config = exam.settings.mail
    try:
        await reader.connect()
    except ServiceError as error:
        return _no_connection(error, f"{config.host}:{config.port}")
    try:
        await reader.log_in()
    except ServiceError as error:
        if "AUTH extension is not supported" in error.what:
            return _wants_tls(error)
        remedy = "Correct SMTP_USERNAME and SMTP_PASSWORD; some servers want a password made for applications."
        return wrong(f"login as {config.username} (SMTP_USERNAME, SMTP_PASSWORD): {words(error)}", remedy, "SMTP_PASSWORD")
    try:
        await reader.offer_sender()
    except ServiceError as error:
        return _no_sender(error, config.sender)
    for name, address in _recipients(exam):
        try:
            await reader.offer_recipient(address)
        except ServiceError as error:
            return wrong(f"{address}: {words(error)}", f"Correct {name}, or allow mail to it.", name)
    return works(f"{config.host}:{config.port} takes mail from {config.sender} to the contacts; none was sent")


def _recipients(exam: Examination) -> Iterator[tuple[str, str]]:
    """Every point of contact, with the setting or the policy's table that names it."""
    contacts, teams = exam.settings.contacts, exam.policy.teams.values() if exam.policy else ()
    yield from zip(_CONTACTS, (contacts.first, contacts.second), strict=True)
    for team in teams:
        named = {"first": team.contacts.first, "second": team.contacts.second}
        yield from ((f"[teams.{team.key}] contacts.{which}", address) for which, address in named.items() if address)


def _no_connection(error: ServiceError, where: str) -> Line:
    words = error.what
    if "WRONG_VERSION_NUMBER" in words or "STARTTLS" in words.upper():
        remedy = "Set AGENT_OPS_SMTP_SECURITY as the server wants it: starttls (mostly port 587) or tls (465)."
        return wrong(f"{where} does not speak TLS in this way", remedy, "AGENT_OPS_SMTP_SECURITY")
    unknown_host = any(sign in words for sign in ("Name or service not known", "nodename nor servname", "name resolution"))
    variable = "SMTP_HOST" if unknown_host else "SMTP_PORT"
    return unreachable(error, variable, where, more=" SMTP_HOST and SMTP_PORT name the server.")


def _wants_tls(error: ServiceError) -> Line:
    """Many servers offer a login, or take mail, over TLS only."""
    remedy = "Set AGENT_OPS_SMTP_SECURITY to starttls, or to tls with port 465."
    return wrong(f"the server wants TLS: {words(error)}", remedy, "AGENT_OPS_SMTP_SECURITY")


def _no_sender(error: ServiceError, sender: str) -> Line:
    if "STARTTLS" in error.what.upper():
        return _wants_tls(error)
    if "530" in error.what or "uthentication" in error.what:
        return wrong(f"the server wants a login: {words(error)}", "Set SMTP_USERNAME and SMTP_PASSWORD.", "SMTP_USERNAME")
    return wrong(f"{sender}: {words(error)}", "Correct SMTP_FROM, or allow the account to send as it.", "SMTP_FROM")


CHECKS = (Check("mail", "mail server", mail_server, needs=(*_NEEDS, *_CONTACTS), after=("policy",)),)
