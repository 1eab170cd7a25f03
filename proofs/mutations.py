"""Guarantees taken out on purpose: with one of these in the processes, the matrix must turn red."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

from agent_ops.domain.effects import Accepted, Action, Completed, Failed, Held, Intent, Outcome
from agent_ops.domain.grants import Grant
from agent_ops.ledger.attempt import Attempt
from agent_ops.ledger.door import Ledger
from agent_ops.storage import Store, runs
from proofs.patching import patch


def no_look_up() -> None:
    """Step 2 without its look-up: an intent that may have been sent is sent as if it had not."""

    async def nothing_found(attempt: Attempt) -> None:
        return None

    patch(Attempt, _find=nothing_found)


def intent_after_call() -> None:
    """The call first, then its intent: the intent is only rehearsed before the service is asked."""
    opened = Ledger._open

    async def call_first(ledger: Ledger, grant: Grant, proposal: Any, key: str, *more: Any) -> Intent | Outcome | None:
        rehearsed = await opened(replace(ledger, store=_Rehearsal(ledger.store)), grant, proposal, key, *more)  # type: ignore[arg-type]
        if not isinstance(rehearsed, Intent):
            return rehearsed
        answer = await ledger.adapters[proposal.action].send(replace(rehearsed, lands_by=None))
        written = await opened(ledger, grant, proposal, key, *more)
        adapters = cast("dict[Action, Any]", ledger.adapters)
        adapters[proposal.action] = _Asked(adapters[proposal.action], key, answer)
        return written

    patch(Ledger, _open=call_first)


def no_lease() -> None:
    """A run that another process drives may be claimed all the same, once."""
    due = runs._DUE
    assert "lease_until < ?" in due
    patch(runs, _DUE=due.replace("lease_until < ?", "(lease_until < ? OR epoch = 1)"))


class _RolledBack(Exception):
    def __init__(self, result: object) -> None:
        self.result = result


@dataclass(frozen=True)
class _Rehearsal:
    """A store whose transactions leave nothing behind."""

    store: Store

    async def transaction(self, work: Callable[[Any], object]) -> object:
        def rolled_back(tx: Any) -> None:
            raise _RolledBack(work(tx))

        try:
            await self.store.transaction(rolled_back)
        except _RolledBack as rehearsed:
            return rehearsed.result
        raise AssertionError("a rehearsal never commits")


@dataclass(frozen=True)
class _Asked:
    """An adapter that has the answer of one effect already."""

    adapter: Any
    key: str
    answer: Accepted | Completed | Failed | Held

    def __getattr__(self, name: str) -> Any:
        return getattr(self.adapter, name)

    async def send(self, intent: Intent) -> Accepted | Completed | Failed | Held:
        return self.answer if intent.key == self.key else await self.adapter.send(intent)


BY_NAME: dict[str, Callable[[], None]] = {"no-look-up": no_look_up, "intent-after-call": intent_after_call, "no-lease": no_lease}
NEED_A_CALL = frozenset({"no-look-up", "intent-after-call"})
"""What repeats a call only where the first one came through."""
