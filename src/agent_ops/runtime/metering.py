"""A chat model whose every call is counted, limited and bounded."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from typing import Any

import structlog
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage

from agent_ops.domain.errors import ModelError, ModelRefused
from agent_ops.domain.usage import Usage
from agent_ops.storage import Transactions, Tx
from agent_ops.transport.chat_model import complete, length_of
from agent_ops.transport.model_config import ModelConfig

log = structlog.get_logger(__name__)
_CHARACTERS_A_TOKEN = 4
"""Where a service does not say what an answer took."""


@dataclass
class MeteredModel:
    """The ``ChatModel`` port over a LangChain chat model.

    A key that is refused is not tried again by this process: ``_refused`` keeps the service's word.
    """

    model: BaseChatModel
    config: ModelConfig
    store: Transactions
    _refused: str = field(default="", init=False)

    async def ask(
        self,
        run_id: str,
        messages: Sequence[BaseMessage],
        tools: Sequence[Any],
        *,
        force: str | None = None,
        on_chunk: Callable[[AIMessageChunk], Awaitable[None]] | None = None,
    ) -> AIMessage:
        """One answer, counted in the run's row.

        Raises:
            ModelError: there is no whole answer, or a limit is reached.
        """
        if self._refused:
            raise ModelRefused(self._refused)
        today = datetime.now(timezone.utc).date()
        await self.store.transaction(lambda tx: self._admit(tx, run_id, today))
        heard = _Heard(on_chunk)
        try:
            return await complete(self.model, messages, tools, timeout=self.config.timeout, force=force, on_chunk=heard.hear)
        except ModelRefused as error:
            self._refused = error.what
            raise
        finally:  # a cut answer has its price, too
            used = self._used(messages, heard.last)
            await self.store.transaction(lambda tx: tx.model_use.add(run_id, today, used))
            log.debug("model_asked", run=run_id, usage=str(used))

    def _admit(self, tx: Tx, run_id: str, today: date) -> None:
        """Count the call before it is made: agents ask side by side, and each would see the same room below a limit."""
        if (limit := self.config.limits.spent(tx.model_use.of_run(run_id), tx.model_use.of_day(today))) is not None:
            raise ModelError(limit)
        tx.model_use.add(run_id, today, Usage(calls=1))

    def _used(self, messages: Sequence[BaseMessage], answer: AIMessageChunk | None) -> Usage:
        """The tokens of a call and their price: the service's word, or the characters that were exchanged."""
        if answer is None:
            return Usage()
        told: Mapping[str, Any] = answer.usage_metadata or {}
        asked = sum(len(str(message.text)) for message in messages) // _CHARACTERS_A_TOKEN
        said = length_of(answer) // _CHARACTERS_A_TOKEN
        return self.config.prices.usage(told.get("input_tokens") or asked, told.get("output_tokens") or said)


@dataclass
class _Heard:
    """Hands on what is heard of an answer, and keeps the last of it."""

    on_chunk: Callable[[AIMessageChunk], Awaitable[None]] | None
    last: AIMessageChunk | None = None

    async def hear(self, so_far: AIMessageChunk) -> None:
        self.last = so_far
        if self.on_chunk is not None:
            await self.on_chunk(so_far)
