"""Who comes in: each route names the scope that it needs, and nobody's body is read before they have it."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Annotated, Any

from fastapi import Depends, HTTPException, Request, Response, Security
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from pydantic import BaseModel
from starlette.types import Message, Receive

from agent_ops.api.problems import BEARER, TooMany
from agent_ops.domain.errors import InvalidRequest, NotAuthenticated
from agent_ops.domain.grants import Caller
from agent_ops.runtime.agent_ops import AgentOps

bearer = HTTPBearer(
    auto_error=False, scheme_name="key", description="An API key (`agent-ops token create`), or an Entra ID access token."
)
MAX_BODY_BYTES = 64 * 1024
_TWICE = "A field stands twice in the body, and only one of its values would be heeded. Say it once; nothing was done."
_TOO_LARGE = f"The body is larger than {MAX_BODY_BYTES} bytes."
_MOST_CALLERS = 10_000
_NOTHING = (b"", b"{}", b"null")
Known = Callable[[Request], Awaitable[Caller]]


class Rates:
    """A bucket of requests for each caller, which fills again steadily. Each worker process has its own.

    Args:
        per_minute: as many at once, and in every minute.
        clock: the seconds by which a bucket fills.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute, self._clock = per_minute, clock
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, name: str) -> None:
        """Count one request of a caller.

        Raises:
            TooMany: the bucket is empty; it says when to come again.
        """
        now = self._clock()
        left, since = self._buckets.get(name, (float(self._per_minute), now))
        left = min(self._per_minute, left + (now - since) * self._per_minute / 60)
        if left < 1:
            raise TooMany(int((1 - left) * 60 / self._per_minute) + 1)
        if len(self._buckets) >= _MOST_CALLERS:  # whoever has not called for a minute has a full bucket anyway
            self._buckets = {key: bucket for key, bucket in self._buckets.items() if now - bucket[1] < 60}
        self._buckets[name] = (left - 1, now)


async def by_key(request: Request) -> Caller:
    """Who asks, by the bearer key. Raises NotAuthenticated: there is none, or none that is good."""
    kind, _, text = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not text:
        raise NotAuthenticated("a key is missing")
    caller: Caller = await request.app.state.ops.caller_of(text.strip())
    return caller


class Gate:
    """Lets callers in: by their key, at their rate. Who brings no good key is counted by address, at the same rate."""

    def __init__(self, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._callers, self._strangers = Rates(per_minute, clock), Rates(per_minute, clock)

    async def caller(self, request: Request, known: Known) -> Caller:
        """Who asks, as ``known`` tells it.

        Raises:
            NotAuthenticated: no key, or none that is good. TooMany: too many requests of this caller, or of wrong keys.
        """
        try:
            caller = await known(request)
        except NotAuthenticated:
            self._strangers.take(request.client.host if request.client else "")
            raise
        self._callers.take(caller.name)
        return caller

    def more(self, caller: Caller, count: int) -> None:
        """Count further requests that came in one, such as a batch's. Raises ``TooMany``."""
        for _ in range(count):
            self._callers.take(caller.name)


class Needs:
    """A route's dependency that names the scope which its caller must have."""

    def __init__(self, scope: str) -> None:
        self.scope = scope

    async def __call__(self, request: Request, key: Annotated[Any, Security(bearer)] = None) -> Caller:
        """The caller, whom the route let in."""
        caller: Caller = request.state.caller
        return caller


def needs(scope: str) -> Any:
    """What a guarded route lists among its dependencies."""
    return Depends(Needs(scope))


class GuardedRoute(APIRoute):
    """A route that lets its caller in before it reads anything else of the request, and overlooks nothing in it.

    Who names what to delete in a body that nobody reads would delete something else; a parameter misspelt is no filter.
    """

    known: Known = staticmethod(by_key)
    challenge = BEARER

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler behind the gate."""
        handler = super().get_route_handler()
        scopes = [one.dependency.scope for one in self.dependencies if isinstance(one.dependency, Needs)]
        known = {name for field in self.dependant.query_params for name in _names(field)}
        bodiless = self.include_in_schema and self.body_field is None and "GET" not in (self.methods or ())
        if not scopes:
            raise AssertionError(f"{self.path} names no scope")

        async def guarded(request: Request) -> Response:
            request.state.challenge = self.challenge
            caller = await request.app.state.gate.caller(request, self.known)
            request.state.caller = caller
            caller.require(*scopes)
            if unknown := sorted(set(request.query_params) - known):
                raise InvalidRequest(f"query.{unknown[0][:40]}", "is no parameter of this route")
            if len(said := [name for name, _ in request.query_params.multi_items()]) > len(set(said)):
                raise InvalidRequest(f"query.{max(said, key=said.count)}", "is given more than once")
            limited = Reading(request.scope, _limited(request))
            if bodiless and (await limited.body()).strip() not in _NOTHING:
                raise InvalidRequest("body", "is not read by this route: what it is about is named in the URL")
            return await handler(limited)

        return guarded


class Reading(Request):
    """A request whose body is heeded whole: of a field that stands twice, JSON as Python reads it keeps the last."""

    async def json(self) -> Any:
        """The body. Raises an ``HTTPException`` when something stands twice in it."""
        return said_once(await self.body())


def said_once(body: bytes) -> Any:
    """What a body says, which is JSON. Raises an ``HTTPException`` when something stands twice in it."""
    return json.loads(body, object_pairs_hook=_once)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(found := dict(pairs)) < len(pairs):
        raise HTTPException(400, _TWICE)
    return found


def _names(parameter: Any) -> Iterable[str]:
    """The names of a query parameter, which may be a whole model of them."""
    kind = parameter.field_info.annotation
    return kind.model_fields if isinstance(kind, type) and issubclass(kind, BaseModel) else [parameter.alias]


def _limited(request: Request) -> Receive:
    """The request's body, up to the limit. Raises an ``HTTPException`` beyond it."""
    receive, read = request.receive, 0
    if int(request.headers.get("Content-Length", 0)) > MAX_BODY_BYTES:
        raise HTTPException(413, _TOO_LARGE)

    async def limited() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > MAX_BODY_BYTES:
            raise HTTPException(413, _TOO_LARGE)
        return message

    return limited


def acting(request: Request) -> AgentOps:
    """The system in the hands of the request's caller, which name the request in every run that they make."""
    ops: AgentOps = request.app.state.ops
    return ops.on_behalf_of(request.state.caller, request.state.request_id)


def calling(request: Request) -> Caller:
    """The request's caller."""
    caller: Caller = request.state.caller
    return caller


Acting = Annotated[AgentOps, Depends(acting)]
Calling = Annotated[Caller, Depends(calling)]
