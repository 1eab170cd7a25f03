"""Microsoft Graph with writes: held by effectors only."""

from __future__ import annotations

from typing import Any

from agent_ops.transport.graph import GraphReads


class GraphSession(GraphReads):
    """What :class:`GraphReads` does, and calls of every method."""

    async def call(self, method: str, path: str, json: dict[str, Any] | None = None) -> dict[str, Any]:
        """One call; the answer's JSON object, empty for 204."""
        response = await self._exchange(method, path, json)
        return response.json() if response.content else {}
