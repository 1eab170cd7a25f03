"""The Graph application permissions that the program needs, and what for.

https://learn.microsoft.com/graph/permissions-reference
"""

from __future__ import annotations

from dataclasses import dataclass

from agent_ops.runtime.doctor.lines import Line, missing, warning, works

_WRITE_ALL = ("Directory.ReadWrite.All",)
_READ_ALL = ("Directory.Read.All", *_WRITE_ALL)


@dataclass(frozen=True)
class Permission:
    """One permission by its name; each of ``instead`` includes it. An optional one only takes something away when absent."""

    name: str
    purpose: str
    instead: tuple[str, ...] = ()
    optional: bool = False

    def held_in(self, roles: frozenset[str]) -> bool:
        return not roles.isdisjoint((self.name, *self.instead))


PERMISSIONS = (
    Permission("User.ReadWrite.All", "creates accounts and sets their attributes and managers", _WRITE_ALL),
    Permission("GroupMember.ReadWrite.All", "adds accounts to groups", ("Group.ReadWrite.All", *_WRITE_ALL)),
    Permission("Domain.Read.All", "sees that the addresses' domain is verified", ("Domain.ReadWrite.All", *_READ_ALL)),
    Permission("Organization.Read.All", "counts free licence seats", ("Organization.ReadWrite.All", *_READ_ALL)),
    Permission("OrgContact.Read.All", "sees addresses that contacts have already", _READ_ALL, optional=True),
    Permission(
        "RoleManagement.Read.Directory",
        "sees whether an account to be linked holds a role",
        ("RoleManagement.ReadWrite.Directory", *_READ_ALL),
        optional=True,
    ),
    Permission(
        "UserAuthenticationMethod.ReadWrite.All", "makes the pass with which a hire signs in the first time", optional=True
    ),
    Permission(
        "Application.Read.All",
        "sees when the client secret ends",
        ("Application.ReadWrite.All", "Application.ReadWrite.OwnedBy", *_READ_ALL),
        optional=True,
    ),
)


def permission_lines(roles: frozenset[str]) -> list[Line]:
    """A line for each permission that is absent, or one that says that all are there."""
    return [_absent(p) for p in PERMISSIONS if not p.held_in(roles)] or [works(f"all {len(PERMISSIONS)} are granted")]


def _absent(permission: Permission) -> Line:
    remedy = f"Add Microsoft Graph's application permission {permission.name} and grant admin consent."
    kind = warning if permission.optional else missing
    return kind(f"{permission.name} is absent: it {permission.purpose}", remedy, permission.name)
