"""Licences that a group assigns: free seats before, the assignment and its mailbox afterwards.

https://learn.microsoft.com/entra/fundamentals/concept-group-based-licensing
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote

from agent_ops.domain.effects import NOT_YET, Completed, Failed, Intent, Waiting
from agent_ops.transport.graph import GraphError, GraphReads


class Licences:
    """Reads only."""

    def __init__(self, graph: GraphReads) -> None:
        self._graph = graph

    async def exhausted(self, intent: Intent) -> str | None:
        """Why no licence can be had; None when a seat is free, or when the account has one from this group already."""
        licence = intent.pinned["licence"]
        skus = [sku for sku in (await self._read("/subscribedSkus"))["value"] if sku["skuPartNumber"] == licence]
        if not skus:
            return f"the tenant has no licence {licence}"
        seats, used = skus[0]["prepaidUnits"]["enabled"], skus[0]["consumedUnits"]
        if used < seats or (intent.pinned["member"] != NOT_YET and await self._state(intent) is not None):
            return None
        return f"no free seat of {licence}: {used} of {seats} are in use"

    async def assigned(self, intent: Intent) -> Completed | Failed | Waiting:
        """Whether the group's licence is on the account, and its mailbox, if it brings one, there."""
        licence, user = intent.pinned["licence"], await self._user(intent)
        state = _of_group(user, intent.pinned["group"])
        if state is not None and state["state"] not in ("Active", "ActiveWithError"):
            return Failed(f"licence {licence} was not assigned: {state['state']}, {state.get('error') or 'no reason given'}")
        if state is not None and (user.get("mail") or not intent.pinned["mailbox"]):
            return Completed({"group": intent.pinned["group"], "licence": licence})
        missing = f"the mailbox of {licence}" if state is not None else f"licence {licence}"
        age = (datetime.now(timezone.utc) - intent.opened_at).total_seconds()
        if age > intent.pinned["timeout_seconds"]:
            return Failed(f"{missing} was not there after {intent.pinned['timeout_seconds']:.0f} s")
        return Waiting(f"{missing} is not there yet", min(max(0.05, age / 12), 60.0))

    async def _state(self, intent: Intent) -> dict[str, Any] | None:
        return _of_group(await self._user(intent), intent.pinned["group"])

    async def _user(self, intent: Intent) -> dict[str, Any]:
        return await self._read(f"/users/{quote(intent.pinned['member'])}?$select=id,mail,licenseAssignmentStates")

    async def _read(self, path: str) -> dict[str, Any]:
        try:
            return await self._graph.get(path)
        except GraphError as error:
            raise error.refusal from error


def _of_group(user: dict[str, Any], group: str) -> dict[str, Any] | None:
    """https://learn.microsoft.com/graph/api/resources/licenseassignmentstate"""
    states = user.get("licenseAssignmentStates") or []
    return next((s for s in states if str(s.get("assignedByGroup")).lower() == group.lower()), None)
