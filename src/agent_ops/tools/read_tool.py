"""The base of every tool that only reads."""

from __future__ import annotations

from typing import Any, Literal

from langchain_core.tools import BaseTool, ToolException

from agent_ops.domain.errors import AgentOpsError
from agent_ops.domain.readings import Reading
from agent_ops.tools.context import RunContext


class ReadTool(BaseTool):
    """Asks its agent's reader one question. It is given no door, so that it cannot change anything.

    Args:
        agent: whose reader is asked, by its name among ``RunContext.readers``.
        question: the reader's coroutine method; its keyword arguments are what a model gives.
        needs: what to set so that there is a reader.
    """

    agent: str
    question: str
    needs: str
    response_format: Literal["content", "content_and_artifact"] = "content_and_artifact"

    def _run(self, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError(f"{self.name} is asynchronous: use ainvoke")

    async def _arun(self, context: RunContext, **arguments: Any) -> tuple[str, Reading]:
        reader = context.readers.get(self.agent)
        if reader is None:
            raise ToolException(f"{self.agent} cannot be asked: it is not configured. Set {self.needs}.")
        try:
            reading: Reading = await getattr(reader, self.question)(**arguments)
        except AgentOpsError as error:
            raise ToolException(str(error)) from error
        await context.journal.note(context.run_id, "action", f"{self.name}: read {_counted(reading)}", agent=self.agent)
        return reading.text, reading


def _counted(reading: Reading) -> str:
    count = len(reading.sources)
    return f"{count} source{'' if count == 1 else 's'}" + (", and there is more" if reading.more else "")
