"""Points in time as Graph reads and writes them: ISO 8601, UTC, whole seconds, ``Z``."""

from __future__ import annotations

import re
from datetime import datetime, timezone

_WRITTEN = re.compile(r"\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,12})?)?(Z|[+-]\d\d:\d\d)?)?")


def timestamp(seconds: float) -> str:
    """A Unix time."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def normal_moment(text: str) -> str | None:
    """A written time in UTC, ``None`` when it is none; one without a zone counts as UTC."""
    if not _WRITTEN.fullmatch(text):
        return None
    try:
        moment = datetime.fromisoformat(re.sub(r"\.\d+", "", text).replace("Z", "+00:00"))
        moment = moment.astimezone(timezone.utc) if moment.tzinfo else moment
    except (ValueError, OverflowError):
        return None  # the thirtieth of February, the year zero
    return f"{moment.year:04}-{moment:%m-%dT%H:%M:%S}Z"
