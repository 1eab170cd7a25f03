"""What a tool gets beside its arguments: handles only, no facts and no authority."""

from __future__ import annotations

from dataclasses import dataclass

from langchain_core.language_models import BaseChatModel

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
