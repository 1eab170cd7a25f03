"""What a tool gets beside its arguments: handles only, no facts and no authority."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from langchain_core.language_models import BaseChatModel
from pydantic_core import CoreSchema, core_schema

from agent_ops.domain.ports import Door, Journal


@dataclass(frozen=True)
class RunContext:
    """Handles of one run. The grant is not here: the door loads and verifies it by the run's id.

    ``model`` serves open goals; None means that only steps with a known tool can be carried out.
    """

    run_id: str
    door: Door
    journal: Journal
    model: BaseChatModel | None = None

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> CoreSchema:
        """Handles have no schema: LangGraph asks for one to describe a graph, and no form may offer them."""
        return core_schema.any_schema()
