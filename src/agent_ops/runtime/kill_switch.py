"""The kill switch: changes are stopped and let go on again, durably, for every process on the database."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from agent_ops.domain.errors import Against, InvalidRequest
from agent_ops.domain.grants import Caller
from agent_ops.domain.runs import EVERYTHING, Pause
from agent_ops.storage import Store, Tx

SCOPE = "admin"


@dataclass(frozen=True)
class KillSwitch:
    """Pauses everything, one agent's changes or one access item's.

    The ledger looks at it before an intent is opened and before each send. What is under way at a service goes on there;
    runs wait, and go on by themselves.
    """

    store: Store
    items: Collection[str]
    agents: Collection[str]

    async def pause(self, caller: Caller, *, item: str | None = None, agent: str | None = None, reason: str = "") -> Pause:
        """Stop changes.

        Raises:
            NotPermitted: the caller is no administrator. InvalidRequest: there is no such item or agent.
        """
        scope = self._scope(caller, item, agent)

        def work(tx: Tx) -> Pause:
            tx.pauses.add(scope, caller.name, reason)
            tx.logs.audit("paused", "", caller.name, item=scope)
            return next(pause for pause in tx.pauses.all() if pause.scope == scope)

        return await self.store.transaction(work)

    async def resume(self, caller: Caller, *, item: str | None = None, agent: str | None = None) -> bool:
        """Let changes go on; every waiting run looks again at once. False when it was not paused.

        Raises:
            NotPermitted, InvalidRequest: as :meth:`pause`.
        """
        scope = self._scope(caller, item, agent)

        def work(tx: Tx) -> bool:
            if not tx.pauses.remove(scope):
                return False
            tx.runs.wake_all()
            tx.logs.audit("resumed", "", caller.name, item=scope)
            return True

        return await self.store.transaction(work)

    async def pauses(self) -> list[Pause]:
        """What is paused, the oldest first."""
        return await self.store.read(lambda tx: tx.pauses.all())

    def _scope(self, caller: Caller, item: str | None, agent: str | None) -> str:
        caller.require(SCOPE)
        named = {kind: name for kind, name in (("item", item), ("agent", agent)) if name is not None}
        for kind, name in named.items():
            known = self.items if kind == "item" else self.agents
            if name not in known:
                raise InvalidRequest(kind, f"there is no {name!r}", f"Use one of: {', '.join(sorted(known))}.")
        if len(named) > 1:
            raise Against("scope", "names an item and an agent", "Nothing was done. Name one, then the other.")
        return next((f"{kind}:{name}" for kind, name in named.items()), EVERYTHING)
