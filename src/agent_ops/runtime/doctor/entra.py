"""Entra ID: token, permissions, domain, licences, groups, expiry of the client secret, the marker attribute."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from datetime import datetime, timezone

from agent_ops.domain.errors import AccessRefused, ServiceError
from agent_ops.domain.policy import GroupItem
from agent_ops.readers.directory import DirectoryReader
from agent_ops.runtime.doctor.checks import Check
from agent_ops.runtime.doctor.examination import Examination
from agent_ops.runtime.doctor.lines import Line, missing, warning, works, wrong
from agent_ops.runtime.doctor.login import read_roles, token_refused
from agent_ops.runtime.doctor.permissions import permission_lines
from agent_ops.runtime.doctor.reach import unreachable, words

_SERVICE = "Entra ID"
_EXPIRES_SOON_DAYS, _FEW_SEATS = 30, 5
_OUR_MARKER = re.compile(r"[0-9a-f]{32}(\.\d+)?")
_CERTIFICATE = "AGENT_OPS_CLIENT_CERTIFICATE_FILE"
_LOGIN = ("TENANT_ID", "CLIENT_ID", "CLIENT_SECRET", _CERTIFICATE, "CA_FILE", "AGENT_OPS_AUTHORITY")


async def token(exam: Examination) -> Sequence[Line]:
    try:
        exam.roles = read_roles(await exam.graph_reads.token.value())
    except ServiceError as error:
        return [token_refused(error, exam.settings.entra.authority)]
    return [works(f"given to application {exam.settings.entra.client_id}")]


async def graph(exam: Examination) -> Sequence[Line]:
    """Whether Graph answers at all; a refusal is an answer."""
    synchronised = False
    try:
        synchronised = await _reader(exam).synchronised()
    except AccessRefused as error:
        if "answered 403" not in error.what:
            return [wrong(words(error), "Check AGENT_OPS_GRAPH_URL: the token is for another Graph.", "AGENT_OPS_GRAPH_URL")]
    except ServiceError as error:
        return [unreachable(error, "AGENT_OPS_GRAPH_URL", exam.settings.entra.graph_url)]
    exam.saw_clock("Graph", exam.graph_reads.seconds_ahead)
    if synchronised:
        found = "the tenant is synchronised with an on-premises directory"
        return [warning(found, "New accounts are made in the cloud only: make none on-premises for the same people.")]
    return [works("answers")]


async def permissions(exam: Examination) -> Sequence[Line]:
    return permission_lines(exam.roles)


async def domain(exam: Examination) -> Sequence[Line]:
    name = exam.known_policy.domain
    known = {found.name: found for found in await _reader(exam).domains()}
    found = known.get(name)
    if found is None:
        others = ", ".join(sorted(known)) or "none"
        remedy = f"Add {name} in Entra, or correct [company] domain in the policy."
        return [wrong(f"{name} is no domain of the tenant (it has: {others})", remedy)]
    if not found.verified:
        return [wrong(f"{name} is not verified", f"Verify {name} in Entra (by a DNS record): accounts cannot have it yet.")]
    if found.federated:
        remedy = f"Name a managed domain in [company] domain: accounts of {name} are made elsewhere."
        return [wrong(f"{name} is federated", remedy)]
    return [works(f"{name} is verified and managed")]


async def groups(exam: Examination) -> Sequence[Line]:
    items = [item for item in exam.known_policy.catalogue.values() if isinstance(item, GroupItem)]
    found = await asyncio.gather(*(_group_line(exam, item) for item in items))
    return [line for line in found if line] or [works(f"all {len(items)} are there and take members")]


async def _group_line(exam: Examination, item: GroupItem) -> Line | None:
    about = f"[items.{item.key}]"
    group = await _reader(exam).group(item.group)
    if group is None:
        return missing(f"{about} group {item.group} does not exist", f"Correct the group's object id in {about}.", about)
    if group.obstacle:
        return wrong(f"{about} group {group.name} {group.obstacle}", f"Name a plain cloud security group in {about}.", about)
    return None


async def licences(exam: Examination) -> Sequence[Line]:
    """Seats of the licences that the policy's groups give (their key ``licence``)."""
    items = exam.known_policy.catalogue.values()
    named = {item.licence for item in items if isinstance(item, GroupItem) and item.licence}
    if not named:
        return [works("no group of the policy names one")]
    seats = await _reader(exam).free_seats()
    lines = [_seat_line(licence, seats) for licence in sorted(named)]
    good = ", ".join(f"{name}: {seats[name][0]} seats free" for name in sorted(named) if name in seats)
    return [line for line in lines if line] or [works(good)]


def _seat_line(licence: str, seats: dict[str, tuple[int, int]]) -> Line | None:
    if licence not in seats:
        found = f"the tenant has no licence {licence} (it has: {', '.join(sorted(seats)) or 'none'})"
        return missing(found, f"Buy {licence}, or correct licence in the policy.", licence)
    free, total = seats[licence]
    remedy = f"Buy seats of {licence}, or take some back."
    if free == 0:
        return wrong(f"no seat of {licence} is free ({total} of {total} used)", remedy, licence)
    return warning(f"only {free} of {total} seats of {licence} are free", remedy, licence) if free < _FEW_SEATS else None


async def credential(exam: Examination) -> Sequence[Line]:
    """Only what we log in with: other secrets of the application may expire as they like."""
    certificate = exam.settings.entra.certificate
    if certificate is not None:
        remedy = f"Make a new certificate, add it to the app registration and put it into the file that {_CERTIFICATE} names."
        return [_expiry_line(f"{_CERTIFICATE}'s certificate", certificate.ends, remedy)]
    found = await _reader(exam).client_credentials(exam.settings.entra.client_id)
    secret = exam.configured.values.get("CLIENT_SECRET", "")
    ours = [c for c in found if c.kind == "client secret" and c.hint and secret.startswith(c.hint)]
    if not ours:
        return [works("expiry unknown: no secret of the application begins like ours")]
    latest = max(ours, key=lambda c: c.ends)
    remedy = "Make a new client secret in the app registration and set CLIENT_SECRET to its value."
    return [_expiry_line(f"CLIENT_SECRET {latest.name!r}", latest.ends, remedy)]


def _expiry_line(what: str, ends: datetime, remedy: str) -> Line:
    """What has ended already gives no token, and is told there."""
    days = (ends - datetime.now(timezone.utc)).total_seconds() / 86400
    found = f"{what} ends on {ends:%Y-%m-%d}"
    return warning(f"{found}: in {days:.0f} days", remedy) if days < _EXPIRES_SOON_DAYS else works(found)


async def marker(exam: Examination) -> Sequence[Line]:
    name = exam.settings.entra.marker_attribute
    values = await _reader(exam).attribute_values(name)
    foreign = [value for value in values if not _OUR_MARKER.fullmatch(value)]
    if foreign:
        remedy = "Name an attribute that nobody uses in AGENT_OPS_MARKER_ATTRIBUTE, before the first run."
        found = f"{name} has values that are not ours, on at least {len(foreign)} accounts"
        return [wrong(found, remedy, "AGENT_OPS_MARKER_ATTRIBUTE")]
    return [works(f"{name} is free for us")]


def _reader(exam: Examination) -> DirectoryReader:
    return DirectoryReader(exam.graph_reads)


CHECKS = (
    Check(_SERVICE, "token", token, needs=_LOGIN),
    Check(_SERVICE, "Graph", graph, needs=("token", "AGENT_OPS_GRAPH_URL")),
    Check(_SERVICE, "permissions", permissions, needs=("token",), by_parts=True),
    Check(_SERVICE, "domain", domain, needs=("policy", "Graph", "Domain.Read.All"), after=("permissions",)),
    Check(_SERVICE, "groups", groups, needs=("policy", "Graph", "GroupMember.ReadWrite.All"), after=("permissions",)),
    Check(_SERVICE, "licences", licences, needs=("policy", "Graph", "Organization.Read.All"), after=("permissions",)),
    Check(_SERVICE, "credential", credential, needs=("Graph", "Application.Read.All"), after=("permissions",)),
    Check(
        _SERVICE, "marker", marker, needs=("Graph", "User.ReadWrite.All", "AGENT_OPS_MARKER_ATTRIBUTE"), after=("permissions",)
    ),
)
