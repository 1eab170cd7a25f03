"""A memory that is asked and never taught: what a plan gets, of which nothing may remain."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent_ops.domain.recommendation import Recalled

if TYPE_CHECKING:
    from agent_ops.domain.ports import PatternStore


@dataclass(frozen=True)
class RecallOnly:
    """Recalls what another store recalls, and keeps nothing."""

    patterns: PatternStore

    async def recall(self, run_id: str) -> Recalled:
        return await self.patterns.recall(run_id)

    async def learn(self, run_id: str) -> None:
        return None
