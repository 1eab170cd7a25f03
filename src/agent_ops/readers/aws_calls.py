"""One call to AWS by a client that can only read: in a thread, logged, its errors mapped, tried again within a deadline."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Sequence
from typing import Any

from agent_ops.domain.errors import RateLimited, ServiceError, ServiceUnavailable
from agent_ops.domain.readings import MAX_READING
from agent_ops.transport.aws_session import AwsConfig, reading_client
from agent_ops.transport.calls import logged_call
from agent_ops.transport.threads import ClientPool
from agent_ops.transport.vendor_errors import aws_read_errors

SERVICE = "AWS"
MAX_BODY = 6_000
"""Bytes of an object that are read at once: what a model can be shown in one answer."""
_MAX_FACTS = MAX_READING - 1_400  # characters; a page, whose key may be long, and what stands around the rows need the rest
_THREADS = 4
_TRIES = 3
_FIRST_PAUSE = 0.3  # seconds; doubled each time


class AwsCalls:
    """The base of all questions to AWS.

    Args:
        config: which AWS, as whom.
        rows: how many rows an answer has at most.
        deadline: seconds that one call may take in all, its repetitions among it.
    """

    def __init__(self, config: AwsConfig, rows: int = 50, deadline: float = 30.0) -> None:
        self._config, self.rows, self._deadline = config, rows, deadline
        self._lock, self._clients = threading.Lock(), dict[str, Any]()
        self._pool = ClientPool("aws", _THREADS, lambda: self._client)  # boto3's clients may be used by several threads

    async def close(self) -> None:
        self._pool.close()

    async def call(self, service: str, operation: str, **asked: Any) -> dict[str, Any]:
        """AWS's answer to one operation ('list_buckets'); a ``Body`` in it is read, at most :data:`MAX_BODY` bytes of it.

        Raises:
            ServiceUnavailable: AWS cannot be asked now; RateLimited says when again. ServiceRefused: it does not answer us.
        """
        until = time.monotonic() + self._deadline
        for attempt in range(1, _TRIES + 1):
            try:
                return await self._once(service, operation, asked, until)
            except ServiceUnavailable as error:
                pause = error.retry_after if isinstance(error, RateLimited) else _FIRST_PAUSE * 2 ** (attempt - 1)
                if attempt == _TRIES or time.monotonic() + pause >= until:
                    raise _come_again(error, pause) from error
                await asyncio.sleep(pause)
        raise AssertionError("the last try returns or raises")

    async def _once(self, service: str, operation: str, asked: dict[str, Any], until: float) -> dict[str, Any]:
        try:
            work = self._pool.call(lambda client: _answer(client(service), service, operation, asked))
            return await asyncio.wait_for(work, max(0.0, until - time.monotonic()))
        except asyncio.TimeoutError:
            raise ServiceUnavailable(SERVICE, f"gave no answer within {self._deadline:g} s") from None

    def _client(self, service: str) -> Any:
        with self._lock:  # sessions, which make clients, are not safe in threads
            if service not in self._clients:
                self._clients[service] = reading_client(self._config, service)
            return self._clients[service]


def _answer(client: Any, service: str, operation: str, asked: dict[str, Any]) -> dict[str, Any]:
    with aws_read_errors(SERVICE), logged_call(SERVICE, f"{service}:{operation}") as call:
        answer: dict[str, Any] = getattr(client, operation)(**asked)
        call.status = int(answer["ResponseMetadata"]["HTTPStatusCode"])
        if "Body" in answer:
            with answer["Body"] as body:
                answer["Body"] = body.read(MAX_BODY)
    return answer


def _come_again(error: ServiceUnavailable, pause: float) -> ServiceError:
    """The error with when to ask again, when AWS said so."""
    if not isinstance(error, RateLimited):
        return error
    words = error.what.removeprefix(f"{SERVICE}: ")
    return RateLimited(SERVICE, f"{words}; it takes no more calls now", pause, f"Ask again in {pause:g} s.")


def fitting(rows: Sequence[Any]) -> int:
    """How many of the rows fit into one answer, which is shown whole or loses its end; at least one."""
    length = 0
    for count, row in enumerate(rows):
        length += len(json.dumps(row, ensure_ascii=False)) + 2
        if length > _MAX_FACTS:
            return max(1, count)
    return len(rows)
