"""Why Entra gives no token: its AADSTS numbers, each mapped to the setting that causes it.

https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping

from agent_ops.domain.errors import ServiceError, ServiceUnavailable
from agent_ops.runtime.doctor.lines import Line, wrong
from agent_ops.runtime.doctor.reach import unreachable

_TENANT = ("TENANT_ID", "no such tenant", "Set TENANT_ID to the directory (tenant) id of the app registration's overview page.")
_CLIENT = ("CLIENT_ID", "no such application in the tenant", "Set CLIENT_ID to the application (client) id of the same page.")
_NO_TENANT = ("no such tenant", "Discovery failed")
_NUMBERS: dict[int, tuple[str, str, str]] = {
    90002: _TENANT,
    900021: _TENANT,
    900023: _TENANT,
    900971: _TENANT,
    50059: _TENANT,
    50020: _TENANT,
    700016: _CLIENT,
    900144: _CLIENT,
    7000112: ("CLIENT_ID", "the application is disabled", "Enable the enterprise application whose id is in CLIENT_ID."),
    7000215: ("CLIENT_SECRET", "not accepted", "Set CLIENT_SECRET to the secret's value, not to its id, or make a new one."),
    7000216: ("CLIENT_SECRET", "no secret was sent", "Set CLIENT_SECRET to the secret's value."),
    7000222: ("CLIENT_SECRET", "expired", "Make a new client secret in the app registration and set CLIENT_SECRET to its value."),
    700024: ("clock", "the assertion's times do not fit", "Set this machine's clock by NTP."),
    700027: (
        "certificate",
        "not the application's",
        "Upload the certificate to the app registration, or use the right one.",
    ),
    53003: ("conditional access", "blocks the application", "Exempt the application's workload identity from the policy."),
    500011: (
        "AGENT_OPS_GRAPH_URL",
        "Graph is unknown to this cloud",
        "Set it and AGENT_OPS_AUTHORITY to one cloud.",
    ),
}


def token_refused(error: ServiceError, authority: str) -> Line:
    """The line for a token that was not given."""
    number = re.search(r"AADSTS(\d+)", error.what)
    if number and int(number[1]) in _NUMBERS:
        about, found, remedy = _NUMBERS[int(number[1])]
        return wrong(f"{about}: {found} (AADSTS{number[1]})", remedy, about)
    if number:
        return wrong(error.what, "See the AADSTS number's page; check TENANT_ID, CLIENT_ID and CLIENT_SECRET.")
    if isinstance(error, ServiceUnavailable) or not any(sign in error.what for sign in _NO_TENANT):
        return unreachable(error, "AGENT_OPS_AUTHORITY", authority)
    return wrong(error.what, _TENANT[2], "TENANT_ID")


def read_roles(token: str) -> frozenset[str]:
    """The application permissions in an access token (its claim ``roles``). It is not verified: Graph does that."""

    try:
        body = token.split(".")[1]
        claims: Mapping[str, object] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
        roles = claims.get("roles") or []
    except (IndexError, ValueError):
        return frozenset()
    return frozenset(str(role) for role in roles) if isinstance(roles, list) else frozenset()
