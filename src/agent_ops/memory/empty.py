"""A memory with nothing in it: the ``PatternStore`` port before anything was learned."""

from __future__ import annotations

from collections.abc import Sequence


class EmptyPatternStore:
    """Recalls nothing and keeps nothing."""

    async def recall(self, run_id: str) -> Sequence[str]:
        return ()

    async def learn(self, run_id: str) -> None:
        return None
