"""Reads that are tried again: they change nothing, so that only time limits how often."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta, timezone
from typing import TypeVar

from agent_ops.domain.errors import RateLimited, ServiceError, ServiceUnavailable

T = TypeVar("T")
_TRIES = 4
_FIRST_PAUSE = 0.3


async def read_patiently(ask: Callable[[float], Awaitable[T]], deadline: float) -> T:
    """Ask, and ask again after a growing pause while the service is unavailable; Retry-After is waited for.

    Args:
        ask: is given the seconds that are left for its answer.
        deadline: seconds for all of it. A wait that would go beyond is not begun.

    Raises:
        RateLimited: the service wants a longer wait than there is time; it says until when.
        ServiceError: whatever ``ask`` raised last.
    """
    ends = time.monotonic() + deadline
    for turn in range(_TRIES):
        try:
            return await ask(ends - time.monotonic())
        except ServiceUnavailable as error:
            pause = _FIRST_PAUSE * 2**turn * random.uniform(0.8, 1.2)  # noqa: S311 - jitter
            wait = max(error.retry_after, pause) if isinstance(error, RateLimited) else pause
            if turn == _TRIES - 1 or time.monotonic() + wait >= ends:
                raise _final(error) from error
        await asyncio.sleep(wait)
    raise AssertionError("the last turn returns or raises")


def _final(error: ServiceUnavailable) -> ServiceError:
    if not isinstance(error, RateLimited):
        return error
    when = datetime.now(timezone.utc) + timedelta(seconds=error.retry_after)
    words = f"limits how often we may ask: come again in {error.retry_after:.0f} s, at {when:%H:%M:%S} UTC"
    limited = RateLimited(error.service, words, error.retry_after)
    limited.status = error.status
    return limited
