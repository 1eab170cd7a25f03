"""A memory with nothing in it: the ``PatternStore`` port before anything was learned."""

from __future__ import annotations

from agent_ops.domain.recommendation import Recalled


class EmptyPatternStore:
    """Recalls nothing and keeps nothing."""

    async def recall(self, run_id: str) -> Recalled:
        return Recalled()

    async def learn(self, run_id: str) -> None:
        return None
