"""Scripted chat models as agents and planners ask them."""

from __future__ import annotations

from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage

from agent_ops.transport.chat_model import complete


class Unmetered:
    """The ``ChatModel`` port over a LangChain chat model, with neither limits nor a count."""

    def __init__(self, model: BaseChatModel) -> None:
        self.model = model

    async def ask(self, run_id: str, messages: Any, tools: Any, *, force: str | None = None, on_chunk: Any = None) -> AIMessage:
        return await complete(self.model, messages, tools, timeout=10.0, force=force, on_chunk=on_chunk)
