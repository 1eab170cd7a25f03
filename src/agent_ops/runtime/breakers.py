"""Breakers, from a person's side: which tripped, and closing one."""

from __future__ import annotations

from dataclasses import dataclass

from agent_ops.domain.errors import InvalidRequest, NotFound, NotPermitted
from agent_ops.domain.grants import Caller
from agent_ops.domain.limits import Breaker
from agent_ops.storage import Store, Tx

SCOPE = "admin"


@dataclass(frozen=True)
class BreakerPanel:
    """Shows breakers and closes them; they trip in the ledger and at the edge."""

    store: Store

    async def all(self, *, closed: bool = False) -> list[Breaker]:
        """The open ones, the oldest first; with ``closed`` those of the past, too."""
        return [breaker for breaker in await self.store.read(lambda tx: tx.breakers.all()) if closed or breaker.is_open]

    async def close(self, caller: Caller, breaker_id: int) -> Breaker:
        """Let go on what a breaker holds; every waiting run looks again at once.

        Raises:
            NotPermitted: the caller is no administrator, or is who tripped it.
            NotFound: no such breaker. InvalidRequest: it is closed.
        """
        caller.require(SCOPE)

        def work(tx: Tx) -> Breaker:
            breaker = tx.breakers.get(breaker_id)
            if breaker is None:
                raise NotFound(f"there is no breaker {breaker_id}", "See `agent-ops breaker list`.")
            if not breaker.is_open:
                raise InvalidRequest("breaker", breaker.words, "Nothing is held by it.")
            if caller.name in breaker.tripped_by:
                raise NotPermitted(
                    f"{caller.name} tripped breaker {breaker_id}, so somebody else has to close it",
                    "Nothing was done. Another caller with the scope 'admin' can; the entitlement policy's [callers] names them.",
                )
            tx.breakers.close(breaker_id, caller.name)
            tx.runs.wake_all()
            tx.logs.audit("breaker_closed", breaker.run_id, caller.name, item=f"breaker.{breaker.kind.value}.{breaker_id}")
            return tx.breakers.get(breaker_id) or breaker

        return await self.store.transaction(work)
