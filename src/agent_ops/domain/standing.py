"""Where an employee stands, as lists show it: what the ledger knows, and what somebody asserted by hand since."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from agent_ops.domain.access import AccessItem, ItemStatus
from agent_ops.domain.employee import Employee, EmployeeStatus
from agent_ops.domain.runs import Run

ASSERTABLE = tuple(status for status in EmployeeStatus if status not in (EmployeeStatus.HELD, EmployeeStatus.ERASED))
"""What somebody may say of an employee as a whole: holding and erasing are done, not said."""


@dataclass(frozen=True)
class Assertion:
    """A status that a caller asserted, of an item or (``item`` empty) of the employee. Nothing is decided or learned by it."""

    employee_id: str
    item: str
    status: str
    by: str
    reason: str
    at: datetime


@dataclass(frozen=True)
class Standing:
    """An employee with the items that they are due and their latest run.

    ``assertions`` are those in force: of an item until the ledger has news of it, of the employee until a newer run.
    """

    employee: Employee
    items: tuple[AccessItem, ...]
    run: Run | None = None
    assertions: tuple[Assertion, ...] = ()
    created_at: datetime | None = None

    @property
    def status(self) -> EmployeeStatus:
        """The status as asserted, else as known."""
        said = next((one.status for one in self.assertions if not one.item), None)
        return EmployeeStatus(said) if said else self.employee.status

    @property
    def item_statuses(self) -> dict[str, ItemStatus]:
        """The items' statuses as asserted, else as known."""
        said = {one.item: ItemStatus(one.status) for one in self.assertions if one.item}
        return {**{item.item: item.status for item in self.items}, **said}


@dataclass(frozen=True)
class Wanted:
    """Which employees or runs a list is to hold, and which page of it: at most ``limit`` after the one that ``cursor`` names.

    ``limit`` 0 means all.
    """

    status: str | None = None
    team: str | None = None
    employee: str | None = None
    cursor: str | None = None
    limit: int = 0


@dataclass(frozen=True)
class Said:
    """What is asserted of somebody: the employee's status, items' statuses, and why."""

    status: EmployeeStatus | None = None
    items: Mapping[str, ItemStatus] = field(default_factory=dict)
    reason: str = ""
