"""An adapter whose every answer is free of secrets: what services echo goes no further than this."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from agent_ops.domain.effects import Accepted, Completed, Failed, Finding, Foreseen, Held, Intent, Waiting
from agent_ops.domain.errors import AgentOpsError
from agent_ops.domain.ports import EffectAdapter, Foresight
from agent_ops.transport.redaction import redactor

A = TypeVar("A")
Q = TypeVar("Q")


class Redacted:
    """Wraps an adapter; the ledger, and so database, events, mails and screen, see only what it lets through."""

    def __init__(self, adapter: EffectAdapter) -> None:
        self._adapter = adapter
        self.actions = adapter.actions

    @property
    def call_timeout(self) -> float:
        return self._adapter.call_timeout

    async def look_up(self, intent: Intent) -> Finding:
        return await scrubbed(self._adapter.look_up, intent)

    async def send(self, intent: Intent) -> Accepted | Completed | Failed | Held:
        return await scrubbed(self._adapter.send, intent)

    async def follow(self, intent: Intent) -> Completed | Failed | Waiting:
        return await scrubbed(self._adapter.follow, intent)


class RedactedForesight(Redacted):
    """The same for an adapter that also foresees what it would answer."""

    def __init__(self, adapter: EffectAdapter, foresight: Foresight) -> None:
        super().__init__(adapter)
        self._foresight = foresight

    async def foresee(self, intent: Intent) -> Foreseen:
        return await scrubbed(self._foresight.foresee, intent)


def redacted(adapter: EffectAdapter) -> EffectAdapter:
    """The adapter, with whatever it offers, behind the redaction."""
    return RedactedForesight(adapter, adapter) if isinstance(adapter, Foresight) else Redacted(adapter)


async def scrubbed(call: Callable[[Q], Awaitable[A]], question: Q) -> A:
    """What a call answers, or raises, without secrets."""
    try:
        return redactor.scrub(await call(question))
    except AgentOpsError as error:
        error.what = redactor.clean(error.what)
        error.args = redactor.scrub(error.args)
        raise
