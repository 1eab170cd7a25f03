"""The person a request is about."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from datetime import date
from enum import Enum
from typing import Any

from agent_ops.domain.errors import InvalidRequest
from agent_ops.domain.names import clean_name, name_key

EARLIEST_JOINING = date(1950, 1, 1)
MAX_YEARS_AHEAD = 5
UNPLACED = "no team yet"
"""The team of somebody for whom only an address was reserved: no policy gives it anything."""
_PLAIN = re.compile(r"[^\x00-\x1f\x7f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]*")


class EmployeeStatus(str, Enum):
    """Where an employee stands as a whole."""

    PENDING = "pending"  # recorded, nothing done yet
    IN_PROGRESS = "in_progress"
    ONBOARDED = "onboarded"  # account and every due access in place
    PARTIAL = "partial"  # the account stands, some access does not
    HELD = "held"  # a person must decide whose account it is
    FAILED = "failed"  # no account
    WITHDRAWN = "withdrawn"  # the onboarding was undone: the account is disabled
    ERASED = "erased"  # nothing is known of the person any more


@dataclass(frozen=True)
class Profile:
    """What is known of an employee when the request arrives.

    Args:
        name: full name in the person's own script and order.
        team: a team of the entitlement policy, by key or title.
        level: a level of the policy, such as 'L2'; without one only the team's own entitlements count.
        location: a location of the policy, by key or title.
        manager: full name or address of the manager.
        joining_date: first working day.
        contact_number: a phone number; only its digits identify.
        email_wish: an address the person would like; a wish, never a link to an account.
        external_id: the HR system's number for the person; the surest identity.

    Raises:
        InvalidRequest: naming the field, what is wrong with it and what to do.
    """

    name: str
    team: str
    level: str | None = None
    location: str | None = None
    manager: str | None = None
    joining_date: date | None = None
    contact_number: str | None = None
    email_wish: str | None = None
    external_id: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", clean_name(self.name))
        object.__setattr__(self, "joining_date", checked_day("joining_date", self.joining_date))
        if self.manager and isinstance(self.manager, str):
            object.__setattr__(self, "manager", self.manager if "@" in self.manager else clean_name(self.manager, "manager"))
        if not isinstance(self.team, str) or not self.team.strip():
            raise InvalidRequest("team", "is empty", "Name a team of the entitlement policy (`agent-ops policy`).")
        for field in ("team", "level", "location", "manager", "contact_number", "email_wish", "external_id"):
            _check_plain(field, getattr(self, field))
        if self.contact_number and not re.search(r"\d{5}", re.sub(r"\D", "", self.contact_number)):
            raise InvalidRequest("contact_number", f"has fewer than five digits: {self.contact_number!r}")

    def to_json(self) -> dict[str, Any]:
        """A JSON object with ISO dates; :meth:`from_json` reads it back."""
        return {**vars(self), "joining_date": self.joining_date.isoformat() if self.joining_date else None}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Profile:
        """Read :meth:`to_json` back.

        Raises:
            InvalidRequest: a field is unknown or missing, or cannot be like that.
        """
        check_fields(data, {field.name for field in fields(cls)}, {"name", "team"})
        return cls(**data)


def check_fields(data: dict[str, Any], known: set[str], needed: set[str]) -> None:
    """Refuse what nobody asked for: a field that is ignored today may mean something tomorrow.

    Raises:
        InvalidRequest: naming the first field that is unknown, or missing.
    """
    for unknown in sorted(map(str, data.keys() - known)):
        raise InvalidRequest(repr(unknown[:40]), "is no field of a request", f"Use of: {', '.join(sorted(known))}.")
    for missing in sorted(needed - data.keys()):
        raise InvalidRequest(missing, "is missing")


def checked_day(field: str, value: date | str | None) -> date | None:
    """A day as a date, or as text in ISO 8601.

    Raises:
        InvalidRequest: naming the field.
    """
    if value is None:
        return None
    if isinstance(value, str):
        try:
            if not re.fullmatch(r"\d{4}-\d\d-\d\d", value):
                raise ValueError(value)
            value = date.fromisoformat(value)
        except ValueError as error:
            raise InvalidRequest(field, f"{value!r} is no date", "Write it as YYYY-MM-DD, a day that exists.") from error
    if type(value) is not date:  # a datetime is a date, too, and compares with none
        raise InvalidRequest(field, f"must be a date, not {type(value).__name__}")
    if not EARLIEST_JOINING <= value <= date(date.today().year + MAX_YEARS_AHEAD, 12, 31):
        raise InvalidRequest(field, f"{value.isoformat()} is not a plausible first working day")
    return value


def check_key(field: str, value: str | None, longest: int) -> None:
    """Refuse what is no short line of visible characters.

    Raises:
        InvalidRequest: naming the field.
    """
    if value is not None and not (isinstance(value, str) and 0 < len(value) <= longest and _PLAIN.fullmatch(value)):
        raise InvalidRequest(field, f"must have 1 to {longest} characters, all of them visible")


def _check_plain(field: str, value: str | None) -> None:
    if value is None:
        return
    if not isinstance(value, str) or len(value) > 200 or not _PLAIN.fullmatch(value) or not value.strip():
        raise InvalidRequest(field, "must be one line of at most 200 visible characters, not blank", "Leave it out when unknown.")


def identity_of(profile: Profile) -> str:
    """What makes two requests be about one person: external id, else name with date and number, else the name alone.

    The text is never stored: the employee id is its HMAC.
    """
    if profile.external_id:
        return f"external:{profile.external_id.strip()}"
    if profile.joining_date or profile.contact_number:
        day = profile.joining_date.isoformat() if profile.joining_date else ""
        digits = re.sub(r"\D", "", profile.contact_number or "")
        return f"person:{name_key(profile.name)}|{day}|{digits}"
    return f"name:{name_key(profile.name)}"


@dataclass(frozen=True)
class Employee:
    """An employee as stored. ``address`` is None until the account exists, and empty once it was cleared on request.

    ``holds`` are the access items that are in place, are being given, or may have been given.
    """

    id: str
    profile: Profile
    status: EmployeeStatus = EmployeeStatus.PENDING
    address: str | None = None
    entra_id: str | None = None
    reason: str = ""
    holds: frozenset[str] = frozenset()
