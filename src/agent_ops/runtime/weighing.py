"""Learning what each attribute is worth, in the background, when it pays: off the event loop, from a sample of the patterns."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Collection
from dataclasses import dataclass, field

import structlog

from agent_ops.memory.attribute_weights import FEWEST_PATTERNS, MOST_PATTERNS, learn
from agent_ops.memory.pattern_index import PatternIndex

log = structlog.get_logger(__name__)
CHANGED_SHARE = 0.2
"""Weights are learned again after so large a part of the patterns changed; and at once when anybody was taken away."""


@dataclass
class Weighing:
    """Keeps an index's weights: one task at a time, none where nothing is due.

    Each process learns for itself, from the same sample of the same patterns: weights are the same wherever they were learned at
    the same version. Nothing is stored, so nothing of an erased person is.

    Args:
        index: whose weights they are.
        turn: held by whoever reads or changes the index.
    """

    index: PatternIndex
    turn: threading.Lock
    trusted: Collection[str] = ("",)
    _task: asyncio.Task[None] | None = field(default=None, init=False)

    @property
    def due(self) -> bool:
        """Whether learning pays: for the first time, after enough changed, or because somebody was taken away."""
        known, learned = len(self.index), self.index.weights.version
        if not learned:
            return known >= FEWEST_PATTERNS
        return self.index.left > learned or self.index.moved >= CHANGED_SHARE * max(known, 1)

    def begin(self) -> None:
        """Learn in the background, if that is due."""
        if self.due and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._learning())

    async def first(self) -> None:
        """Learn in the background if that is due, and wait for it where nothing was learned yet."""
        self.begin()
        if self._task is not None and not self.index.weights.version:
            await asyncio.shield(self._task)

    async def end(self) -> None:
        """Wait until nothing is being learned any more."""
        if self._task is not None:
            await self._task

    async def _learning(self) -> None:
        try:
            await asyncio.to_thread(self._learn)
        except Exception as error:  # recall goes on with the weights it has
            log.warning("memory_weights_not_learned", error=str(error), exc_info=error)

    def _learn(self) -> None:
        with self.turn:
            sample, version = self.index.sample(MOST_PATTERNS), self.index.version
            self.index.moved = 0
        weights = learn(sample, version, self.trusted)
        with self.turn:
            self.index.weights = weights
