"""Sees by a tag that somebody has something of their own in AWS: a pipeline tags what it makes with the employee's address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from agent_ops.domain.employee import Employee


class TagLookup(Protocol):
    """Who can look for a tag."""

    async def tagged(self, tag: str, value: str) -> str:
        """The ARN of a resource with this tag; empty when none has it."""


@dataclass(frozen=True)
class AwsTagVerifier:
    """The kind ``aws_tag``: a resource of the region whose tag, named by the policy, is the employee's address."""

    lookup: TagLookup

    async def look(self, target: str, employee: Employee) -> str:
        """The resource's ARN; empty when none has the tag.

        Raises:
            ServiceError: AWS cannot be asked, or does not let us.
        """
        return await self.lookup.tagged(target, employee.address) if employee.address else ""
