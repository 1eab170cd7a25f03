"""Mails to the points of contact: which there are, to whom they go and what they say. Plain text, no secrets, no links."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from agent_ops.domain.access import AccessItem, ItemStatus
from agent_ops.domain.employee import Employee


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
    """The points of contact: the first hears of the account, the second of the access."""

    first: str
    second: str

    def recipient(self, notice: Notice) -> str:
        return self.first if notice is Notice.ACCOUNT else self.second


@dataclass(frozen=True)
class Letter:
    """A mail's subject and plain-text body."""

    subject: str
    body: str


def compose(notice: Notice, employee: Employee, items: tuple[AccessItem, ...]) -> Letter:
    """Write a notice from what is stored."""
    return _account(employee) if notice is Notice.ACCOUNT else _access(employee, items)


def _account(employee: Employee) -> Letter:
    name = employee.profile.name
    if employee.address:
        return Letter(
            f"Account created for {name}",
            f"{name} ({employee.profile.team}) now has the company account\n\n    {employee.address}\n\n"
            "Access is being provisioned; a further mail tells the outcome.\n",
        )
    return Letter(
        f"No account for {name}",
        f"The company account of {name} ({employee.profile.team}) could not be created:\n\n    {employee.reason}\n\n"
        "No access was provisioned. Once the cause is mended, retry the run.\n",
    )


def _access(employee: Employee, items: tuple[AccessItem, ...]) -> Letter:
    due = [item for item in items if item.status is not ItemStatus.DENIED]
    in_place = [item for item in due if item.status.in_place]
    name = employee.profile.name
    head = f"{len(in_place)} of {len(due)} access items of {name} ({employee.address or 'no account'}) are in place.\n"
    return Letter(
        f"Access for {name}: {len(in_place)} of {len(due)} in place", "\n".join([head, *map(_item_lines, items)]) + "\n"
    )


def _item_lines(item: AccessItem) -> str:
    line = f"  {item.item:<20} {item.status.value}" + (f": {item.reason}" if item.reason else "")
    return line + "".join(f"\n      | {detail}" for detail in item.detail.splitlines())
