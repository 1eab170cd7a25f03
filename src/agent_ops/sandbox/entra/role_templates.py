"""The administrator roles that the twin knows: names and ids.

https://learn.microsoft.com/entra/identity/role-based-access-control/permissions-reference
"""

from __future__ import annotations

from agent_ops.sandbox.entra.errors import refused

TEMPLATES = {
    "Application Administrator": "9b895d92-2cd3-44c7-9d02-a6ac2d5ea5c3",
    "Directory Readers": "88d8e3e3-8f55-4a1e-953a-9b9898b8876b",
    "Global Administrator": "62e90394-69f5-4237-9190-012177145e10",
    "Guest Inviter": "95e79109-95c0-4d8e-aee3-d01accf2d47b",
    "Helpdesk Administrator": "729827e3-9c14-49f7-bb1b-9608f156bbb8",
    "License Administrator": "4d6ac14f-3453-41d0-bef9-a3e0c569773a",
    "Message Center Reader": "790c1fb9-7f7d-4f88-86a1-ef1f95c05c1b",
    "Privileged Role Administrator": "e8611ab8-c189-46e8-94e1-60213ab1f814",
    "Reports Reader": "4a5d8f65-41da-4de4-8968-e035b65339cf",
    "User Administrator": "fe930be7-5e62-47db-91af-98c3a49a38b1",
}
HARMLESS = {
    TEMPLATES[name]
    for name in ("Directory Readers", "Guest Inviter", "Helpdesk Administrator", "Message Center Reader", "Reports Reader")
}
"""Roles whose holders any application with User.ReadWrite.All may change: https://learn.microsoft.com/graph/api/user-update."""


def role_template(name: str) -> str:
    """The id of a role by its name."""
    if name not in TEMPLATES:
        raise refused(f"The twin knows no role '{name}', but these: {', '.join(TEMPLATES)}.")
    return TEMPLATES[name]
