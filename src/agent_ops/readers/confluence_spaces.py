"""Sees that somebody may see a Confluence space: the account of their address by Jira, what it may see by Confluence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from agent_ops.domain.employee import Employee


class AccountLookup(Protocol):
    """Who can look for an account; an account is the same in all of Atlassian's cloud."""

    async def account_of(self, address: str) -> str:
        """The id of the account that has an address; empty when none has."""


class SpaceLookup(Protocol):
    """Who can look into a space's permissions."""

    async def let_in(self, key: str, account: str) -> str:
        """By what an account may see a space; empty when by nothing."""


@dataclass(frozen=True)
class ConfluenceSpaceVerifier:
    """The kind ``confluence_space``: the employee's account may see the space whose key the policy names."""

    accounts: AccountLookup
    spaces: SpaceLookup

    async def look(self, target: str, employee: Employee) -> str:
        """The space, and by what; empty when there is no account, or it may not see the space.

        Raises:
            ServiceError: one of the two cannot be asked, does not let us, or does not tell.
        """
        account = await self.accounts.account_of(employee.address) if employee.address else ""
        return await self.spaces.let_in(target, account) if account else ""
