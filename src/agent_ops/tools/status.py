"""The tool of the status agent: our own records, read through the journal."""

from __future__ import annotations

from typing import Any, Literal

from langchain_core.tools import BaseTool, ToolException
from pydantic import Field

from agent_ops.domain.errors import AgentOpsError
from agent_ops.domain.readings import Reading
from agent_ops.tools.choices import NoChoice
from agent_ops.tools.context import RunContext


class Person(NoChoice):
    """Whose access is asked about."""

    name: str = Field(description="Full name, or a part of it.", min_length=1, max_length=120)


class StandingTool(BaseTool):
    """Says how far somebody's access is, within the scopes of the task's caller. It is given no door."""

    response_format: Literal["content", "content_and_artifact"] = "content_and_artifact"

    def _run(self, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError(f"{self.name} is asynchronous: use ainvoke")

    async def _arun(self, context: RunContext, name: str) -> tuple[str, Reading]:
        try:
            reading = await context.journal.standing(context.run_id, name)
        except AgentOpsError as error:
            raise ToolException(str(error)) from error
        await context.journal.note(context.run_id, "action", f"{self.name}: read our records", agent="status")
        return reading.text, reading


person_status = StandingTool(
    name="person_status",
    description="How far a person's account and access are by Agent Ops' own records: complete or not, what is missing,"
    " since when.",
    args_schema=Person,
)

TOOLS = (person_status,)
