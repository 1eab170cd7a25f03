"""Other machines' clocks, as far as their answers show them."""

from __future__ import annotations

from datetime import datetime, timezone
from email.utils import parsedate_to_datetime


def seconds_ahead(date_header: str | None) -> float | None:
    """By how many seconds the sender of a Date header (RFC 9110, 6.6.1) is ahead of us; None when it says nothing."""
    try:
        said = parsedate_to_datetime(date_header or "")
    except (TypeError, ValueError):
        return None
    return (said - datetime.now(timezone.utc)).total_seconds()
