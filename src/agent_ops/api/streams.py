"""Events as they happen, to any number of readers: one look at the database for all of them, and no queue for anybody.

A reader is only told that their run has news; they read it themselves, as fast as they take it. Who never reads holds a
socket's buffer and nobody's time. https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any, TypeVar

import structlog
from sse_starlette import EventSourceResponse, ServerSentEvent
from starlette.requests import Request

from agent_ops.api.answers import EventAnswer
from agent_ops.domain.errors import StorageError
from agent_ops.domain.grants import Caller
from agent_ops.domain.runs import Event
from agent_ops.runtime.agent_ops import AgentOps

log = structlog.get_logger(__name__)
_LOOK_EVERY_SECONDS = 0.2
_LOOK_ANYWAY_SECONDS = 5.0
_ASK_ANYWAY_SECONDS = 1.0
_SOON_SECONDS = 2.0
_PING_SECONDS = 15
END, WAITING = "end", "waiting"
_MOST_RETRY_SECONDS = 60.0
GONE = 499
"""The status that the log and the metrics have of a request whose client hung up, as nginx counts it."""
T = TypeVar("T")


class Bell:
    """Looks for news of all runs, and wakes those who wait for a run's."""

    def __init__(self, ops: AgentOps) -> None:
        self._ops = ops
        self._waiting: dict[str, set[asyncio.Event]] = defaultdict(set)

    async def ring_for_ever(self) -> None:
        """Look every moment at which anybody waits."""
        after: int | None = None
        while True:
            await asyncio.sleep(_LOOK_EVERY_SECONDS)
            if not self._waiting:
                after = None
                continue
            first = after is None
            try:
                stirred, after = await self._ops.stirred(after)
            except StorageError as error:
                log.warning("events_unreadable", error=str(error))
                continue
            # the first look cannot tell what came since the waiting last read: they are to read again
            for run_id in self._waiting.keys() if first else stirred & self._waiting.keys():
                for waiting in self._waiting[run_id]:
                    waiting.set()

    @contextlib.contextmanager
    def heard(self, run_id: str) -> Iterator[asyncio.Event]:
        """An event that is set whenever the run has news."""
        news = asyncio.Event()
        self._waiting[run_id].add(news)
        try:
            yield news
        finally:
            self._waiting[run_id].discard(news)
            if not self._waiting[run_id]:
                del self._waiting[run_id]


async def over_within(ops: AgentOps, bell: Bell, run_id: str, seconds: float) -> bool:
    """Whether the run ends within so many seconds, whichever process drives it."""
    deadline = time.monotonic() + seconds
    with bell.heard(run_id) as news:
        while True:
            news.clear()
            if (await ops.run_status(run_id)).ended:
                return True
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(news.wait(), min(left, _ASK_ANYWAY_SECONDS))


async def unless_gone(request: Request, waiting: Coroutine[Any, Any, T]) -> T | None:
    """What is waited for; None when the client hangs up first: then nobody waits any more. The body has been read."""
    waited, left = asyncio.ensure_future(waiting), asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({waited, left}, return_when=asyncio.FIRST_COMPLETED)
        return waited.result() if waited.done() else None
    finally:
        for task in (waited, left):
            task.cancel()
        await asyncio.gather(waited, left, return_exceptions=True)


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def stream(ops: AgentOps, bell: Bell, run_id: str, after: int, caller: Caller) -> EventSourceResponse:
    """A run's events from the one after an id, until the run has ended, or waits for long; the last message says which."""
    return EventSourceResponse(
        _messages(ops, bell, run_id, after, caller),
        ping=_PING_SECONDS,
        headers={"Cache-Control": "no-store"},
    )


async def _messages(ops: AgentOps, bell: Bell, run_id: str, after: int, caller: Caller) -> AsyncIterator[ServerSentEvent]:
    async for event in follow(ops, bell, run_id, after):
        after = event.id
        yield ServerSentEvent(EventAnswer.of(event, caller).model_dump_json(), event=event.kind, id=str(event.id))
    _, over = await ops.news(run_id, after)
    if over:
        yield ServerSentEvent(json.dumps({"run_id": run_id}), event=END, id=str(after))
    else:  # also when it goes on at this very moment: an end that left out its last events would be wrong
        wakes_in = await ops.wakes_in(run_id) or 0.0
        data, retry = json.dumps({"run_id": run_id, "wakes_in": round(wakes_in, 1)}), min(wakes_in, _MOST_RETRY_SECONDS)
        yield ServerSentEvent(data, event=WAITING, id=str(after), retry=int(1000 * retry))


async def follow(ops: AgentOps, bell: Bell, run_id: str, after: int) -> AsyncIterator[Event]:
    """A run's events from the one after an id, as they happen, until the run has ended.

    One that waits, perhaps for days, holds no connection: after a silence its reader is let go, to come again.
    """
    with bell.heard(run_id) as news:
        while True:
            news.clear()
            events, over = await ops.news(run_id, after)
            for event in events:
                after = event.id
                yield event
            if over:
                return
            if events:
                continue
            try:
                await asyncio.wait_for(news.wait(), _LOOK_ANYWAY_SECONDS)
            except asyncio.TimeoutError:
                if (await ops.wakes_in(run_id) or 0.0) > _SOON_SECONDS:
                    return
