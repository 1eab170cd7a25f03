"""Mails to the points of contact: which there are, to whom they go, and what a written one consists of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from agent_ops.domain.errors import PolicyError

# RFC 5321, 4.1.2 without quoted strings, source routes and address literals; ASCII only, so that SMTPUTF8 is never needed
_ADDRESS = re.compile(
    r"(?=[^@]{1,64}@.{1,253}$)[A-Za-z0-9_+'=&~#-]+(?:\.[A-Za-z0-9_+'=&~#-]+)*"
    r"@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
)


def is_plain_address(text: str) -> bool:
    """Whether the text is one mail address and nothing else: no display name, no list, no comment."""
    return _ADDRESS.fullmatch(text) is not None


class Notice(str, Enum):
    """Each notice is sent once per run, by code and not by a planner's choice."""

    ACCOUNT = "account"  # to the first contact: the address exists, or why it does not
    ACCESS = "access"  # to the second contact: what was provisioned and what was not

    @classmethod
    def of(cls, item: str) -> Notice:
        """The notice of a mail's item: 'access', or 'access.2' when a second run tells of the same employee."""
        return cls(item.partition(".")[0])


@dataclass(frozen=True)
class Contacts:
    """The points of contact: the first hears of the account, the second of the access. Empty: not named here."""

    first: str = ""
    second: str = ""

    @classmethod
    def from_table(cls, where: str, table: Any) -> Contacts:
        """Contacts as an entitlement policy names them.

        Raises:
            PolicyError: beginning with ``where``.
        """
        if not isinstance(table, Mapping) or not table.keys() <= {"first", "second"}:
            raise PolicyError(f'{where} must be a table of nothing but first = "..." and second = "..."')
        for key, address in table.items():
            if not isinstance(address, str) or not is_plain_address(address):
                raise PolicyError(f"{where}.{key} is no plain mail address: {address!r}")
        return cls(**table)

    def recipient(self, notice: Notice) -> str:
        return self.first if notice is Notice.ACCOUNT else self.second

    def or_else(self, fallback: Contacts) -> Contacts:
        """These, and the fallback's where one is not named."""
        return Contacts(self.first or fallback.first, self.second or fallback.second)


@dataclass(frozen=True)
class Letter:
    """A written notice: its subject on one line, and the same content as plain text and as HTML."""

    subject: str
    text: str
    html: str
