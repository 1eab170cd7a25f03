"""Sees that somebody is in a GitHub organisation, or in a team of it, by the login that their address signs in with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from agent_ops.domain.employee import Employee
from agent_ops.domain.readings import Reading


class MemberLookup(Protocol):
    """Who can look for a member."""

    async def login_of(self, organisation: str, address: str) -> str:
        """The login of whoever signs in to the organisation with an address; empty when nobody does."""

    async def membership(self, organisation: str, login: str, team: str = "") -> Reading:
        """Whether a login is in the organisation, or the team: ``membership`` is active, pending or none."""


@dataclass(frozen=True)
class GithubMemberVerifier:
    """The kind ``github_member``: the employee's account is an active member of ``organisation``, or of ``organisation/team``."""

    lookup: MemberLookup

    async def look(self, target: str, employee: Employee) -> str:
        """The place and the login; empty when nobody with the address has signed in, is a member, or has accepted the invitation.

        Raises:
            ServiceError: GitHub cannot be asked, does not let us, or has no single sign-on that would know the address.
        """
        organisation, _, team = target.partition("/")
        login = await self.lookup.login_of(organisation, employee.address) if employee.address else ""
        if not login:
            return ""
        found = await self.lookup.membership(organisation, login, team)
        active = isinstance(found.facts, dict) and found.facts["membership"] == "active"
        return f"{target} at GitHub, as {login}" if active else ""
