"""What a company account is to look like: the policy's rules, and the attributes that follow from a profile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timezone
from typing import Any
from zoneinfo import ZoneInfo

from agent_ops.domain.employee import Profile

ACCOUNT_KEYS = {"employee_type", "disabled_until_start", "usage_location"}


@dataclass(frozen=True)
class AccountRules:
    """The policy's table ``[account]``.

    Args:
        employee_type: for teams that name none of their own.
        disabled_until_start: create accounts disabled and enable them on the first working day.
        usage_location: ISO 3166-1 alpha-2 country of hires whose request names no location.
    """

    employee_type: str = "Employee"
    disabled_until_start: bool = False
    usage_location: str = ""


@dataclass(frozen=True)
class Post:
    """What the policy says of a profile's place in the company."""

    department: str
    job_title: str
    employee_type: str
    country: str
    zone: str


def attributes(profile: Profile, post: Post) -> dict[str, Any]:
    """The user properties that complete an account: https://learn.microsoft.com/graph/api/resources/user.

    What is not known is left out, not emptied. The hire date is the first working day's midnight in UTC, as the directory
    shows dates to people of every zone.
    """
    hired = profile.joining_date and datetime.combine(profile.joining_date, time(), timezone.utc)
    known: Mapping[str, Any] = {
        "usageLocation": post.country,
        "employeeType": post.employee_type,
        "employeeHireDate": hired.strftime("%Y-%m-%dT%H:%M:%SZ") if hired else None,
        "department": post.department,
        "jobTitle": post.job_title,
    }
    return {name: value for name, value in known.items() if value}


def start_of(profile: Profile, post: Post) -> datetime | None:
    """The first working day's midnight in the location's time zone; None when no date is known."""
    if profile.joining_date is None:
        return None
    return datetime.combine(profile.joining_date, time(), ZoneInfo(post.zone) if post.zone else timezone.utc)
