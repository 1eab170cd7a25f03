"""The dates of a query: absolute, relative ('-5d', '4w 2d'), or a function's (startOfWeek(), now()). All in UTC."""

from __future__ import annotations

import calendar
import re
from datetime import datetime, timedelta, timezone

from agent_ops.sandbox.atlassian.parser import Function

_FORMATS = ("%Y/%m/%d %H:%M", "%Y-%m-%d %H:%M", "%Y/%m/%d", "%Y-%m-%d")
_PERIOD = re.compile(r"([+-]?)\s*((?:\d{1,6}[wdhm]\s*)+)")
_STEP = re.compile(r"([+-]?)(\d{1,4})([yMwdhm]?)")
_UNITS = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes"}
_FUNCTION = re.compile(r"(start|end)of(day|week|month|year)", re.IGNORECASE)
_OWN_UNIT = {"day": "d", "week": "w", "month": "M", "year": "y"}


def moment_of(text: str, now: float) -> float | None:
    """Seconds since 1970 of an absolute or relative date; None when it is neither."""
    for form in _FORMATS:
        try:
            return datetime.strptime(text.strip(), form).replace(tzinfo=timezone.utc).timestamp()
        except ValueError:
            continue
    period = _PERIOD.fullmatch(text.strip())
    if period is None:
        return None
    parts = re.findall(r"(\d+)([wdhm])", period[2])
    seconds = sum(timedelta(**{_UNITS[unit]: int(count)}).total_seconds() for count, unit in parts)
    return now + (-seconds if period[1] == "-" else seconds)


def function_moment(function: Function, now: float) -> float | None:
    """Seconds since 1970 of a function's date; None when there is no such function, or its argument is none."""
    at = datetime.fromtimestamp(now, timezone.utc)
    if function.name.lower() == "now":
        stepped = _stepped(at, function.arguments, "d")
        return stepped.timestamp() if stepped else None
    found = _FUNCTION.fullmatch(function.name)
    if found is None:
        return None
    edge, unit = found[1].lower(), found[2].lower()
    start = _stepped(_start(at, unit), function.arguments, _OWN_UNIT[unit])
    if start is None:
        return None
    if edge == "start":
        return start.timestamp()
    following = _stepped(_start(start, unit), ("1",), _OWN_UNIT[unit])
    return following.timestamp() - 1 if following else None


def _start(at: datetime, unit: str) -> datetime:
    """The beginning of a day, week (on Sunday, as in the account's locale en_US), month or year."""
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    if unit == "week":
        return day - timedelta(days=(day.weekday() + 1) % 7)
    return {"day": day, "month": day.replace(day=1), "year": day.replace(month=1, day=1)}[unit]


def _stepped(at: datetime, arguments: tuple[str, ...], own: str) -> datetime | None:
    """The moment moved on or back by the one argument that may be given, such as "-1w"."""
    if not arguments:
        return at
    step = _STEP.fullmatch(arguments[0]) if len(arguments) == 1 else None
    if step is None:
        return None
    count, unit = int(step[2]) * (-1 if step[1] == "-" else 1), step[3] or own
    if unit in _UNITS:
        return at + timedelta(**{_UNITS[unit]: count})
    months = at.year * 12 + at.month - 1 + count * (12 if unit == "y" else 1)
    year, month = divmod(months, 12)
    if not 1 <= year <= 9998:
        return None
    return at.replace(year=year, month=month + 1, day=min(at.day, calendar.monthrange(year, month + 1)[1]))
