"""The base of every tool that changes something."""

from __future__ import annotations

from typing import Any, Literal

from langchain_core.tools import BaseTool
from pydantic import Field

from agent_ops.domain.effects import Action, Outcome, OutcomeKind, Proposal
from agent_ops.domain.known import Precondition, unmet
from agent_ops.tools.choices import NoChoice
from agent_ops.tools.context import RunContext


class ItemChoice(NoChoice):
    """A model may choose an access item, and nothing else."""

    item: str = Field(description="Key of the access item, one of those that are due.", max_length=64)


class EffectTool(BaseTool):
    """Checks its preconditions, then proposes one action to the door.

    ``fixed_item`` is proposed when a model has nothing to choose.
    """

    agent: str
    action: Action
    fixed_item: str | None = None
    preconditions: tuple[Precondition, ...] = ()
    response_format: Literal["content", "content_and_artifact"] = "content_and_artifact"

    def proposal(self, item: str | None = None) -> Proposal:
        """What the tool would propose."""
        return Proposal(self.agent, self.action, self.fixed_item or item or "")

    def _run(self, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError(f"{self.name} is asynchronous: use ainvoke")

    async def _arun(self, context: RunContext, item: str | None = None) -> tuple[str, Outcome]:
        proposal = self.proposal(item)
        if why := await self._unmet(context, proposal.item):
            outcome = Outcome(OutcomeKind.FAILED, why)
        else:
            outcome = await context.door.perform(context.run_id, proposal)
        veil = await context.journal.veil(context.run_id)
        return veil(outcome.message), outcome

    async def _unmet(self, context: RunContext, item: str) -> str | None:
        return unmet(self.preconditions, await context.journal.known(context.run_id), item) if self.preconditions else None
