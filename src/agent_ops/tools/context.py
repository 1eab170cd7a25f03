"""What a tool gets beside its arguments: handles only, no facts and no authority."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from pydantic_core import CoreSchema, core_schema

from agent_ops.domain.ports import Door, Journal


class ChatModel(Protocol):
    """A chat model by whose limits a run is bound."""

    async def ask(
        self,
        run_id: str,
        messages: Sequence[BaseMessage],
        tools: Sequence[Any],
        *,
        force: str | None = None,
        on_chunk: Callable[[AIMessageChunk], Awaitable[None]] | None = None,
    ) -> AIMessage:
        """One answer; ``force`` names a tool that has to be called, ``on_chunk`` is given what came so far.

        Raises:
            ModelError: there is no whole answer.
        """


@dataclass(frozen=True)
class RunContext:
    """Handles of one run. The grant is not here: the door loads and verifies it by the run's id.

    ``model`` serves open goals; None means that only steps with a known tool can be carried out. ``readers`` are the services
    that can only be asked, by the name of their agent; one that is not configured is not among them.
    """

    run_id: str
    door: Door
    journal: Journal
    model: ChatModel | None = None
    readers: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> CoreSchema:
        """Handles have no schema: LangGraph asks for one to describe a graph, and no form may offer them."""
        return core_schema.any_schema()
