"""An adapter whose every answer is free of secrets: what services echo goes no further than this."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from agent_ops.domain.effects import Accepted, Completed, Failed, Finding, Foreseen, Held, Intent, Waiting
from agent_ops.domain.errors import AgentOpsError
from agent_ops.domain.ports import EffectAdapter, Foresight
from agent_ops.transport.redaction import redactor

A = TypeVar("A")


def redacted(adapter: EffectAdapter) -> EffectAdapter:
    """The adapter, wrapped; it foresees if the adapter does."""
    return _Foreseeing(adapter) if isinstance(adapter, Foresight) else _Redacted(adapter)


class _Redacted:
    """The ledger, and so database, events, mails and screen, see only what it lets through."""

    def __init__(self, adapter: EffectAdapter) -> None:
        self._adapter = adapter
        self.actions = adapter.actions

    @property
    def call_timeout(self) -> float:
        return self._adapter.call_timeout

    async def look_up(self, intent: Intent) -> Finding:
        return await _scrubbed(self._adapter.look_up, intent)

    async def send(self, intent: Intent) -> Accepted | Completed | Failed | Held:
        return await _scrubbed(self._adapter.send, intent)

    async def follow(self, intent: Intent) -> Completed | Failed | Waiting:
        return await _scrubbed(self._adapter.follow, intent)


class _Foreseeing(_Redacted):
    """The same for an adapter that can say beforehand what it would answer."""

    async def foresee(self, intent: Intent) -> Foreseen:
        if not isinstance(self._adapter, Foresight):
            raise TypeError("the adapter foresees nothing")
        return await _scrubbed(self._adapter.foresee, intent)


async def _scrubbed(call: Callable[[Intent], Awaitable[A]], intent: Intent) -> A:
    try:
        return redactor.scrub(await call(intent))
    except AgentOpsError as error:
        error.what = redactor.clean(error.what)
        error.args = redactor.scrub(error.args)
        raise
