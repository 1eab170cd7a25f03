"""Verification by reading: what would show that an access is really there, and what was seen of it.

A pipeline's word that it has done its work makes an item ``completed``. Where the catalogue says how to see the access itself,
code (never a model) looks, once an item and run: then it is ``verified``, or the contradiction is told.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from agent_ops.domain.errors import PolicyError

_KIND = re.compile(r"[a-z][a-z0-9_]{0,31}")
_MAX_TARGET = 128


@dataclass(frozen=True)
class VerifyRule:
    """Where an access can be seen: ``kind`` says how ('aws_tag'), ``target`` what is looked at, in the kind's own words."""

    kind: str
    target: str

    @classmethod
    def from_table(cls, where: str, table: Any) -> VerifyRule:
        """The rule of an item's ``verify``, such as ``{ aws_tag = "owner" }``.

        Raises:
            PolicyError: it does not name exactly one kind with one target.
        """
        if not isinstance(table, Mapping) or len(table) != 1:
            raise PolicyError(f'{where} verify must name one kind and its target, such as {{ aws_tag = "owner" }}')
        kind, target = next(iter(table.items()))
        if not _KIND.fullmatch(str(kind)) or not isinstance(target, str) or not 0 < len(target) <= _MAX_TARGET:
            raise PolicyError(f'{where} verify.{kind} must be a text of 1 to {_MAX_TARGET} characters, such as "owner"')
        return cls(str(kind), target)


class Sight(str, Enum):
    """What came of looking; also the status of the event that tells it."""

    VERIFIED = "verified"  # it is there
    CONTRADICTED = "contradicted"  # we were told that it is done, and it is not there
    UNVERIFIED = "unverified"  # nobody could be asked


@dataclass(frozen=True)
class Sighting:
    """What came of looking once; ``words`` say where it was seen, what was missed, or why nobody could be asked."""

    sight: Sight
    words: str


class NoInspection:
    """Looks at nothing: plans, and graphs that are drawn only."""

    async def verify(self, run_id: str) -> None:
        """Do nothing."""
