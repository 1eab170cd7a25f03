"""What makes an agent: a name, what it is for, its prompt and its tools."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from langchain_core.tools import BaseTool

from agent_ops.tools.effect_tool import EffectTool


def parameters_of(tool: BaseTool) -> dict[str, Any]:
    """The JSON schema of what a model gives a tool: ``properties``, and which of them are ``required``."""
    schema: dict[str, Any] = tool.tool_call_schema.model_json_schema()  # type: ignore[union-attr] # ours are pydantic models
    return schema


@dataclass(frozen=True)
class AgentSpec:
    """Declares one agent. ``purpose`` is the line by which a planner chooses it; ``prompt`` names a file in prompts/."""

    name: str
    purpose: str
    prompt: str
    tools: tuple[BaseTool, ...]

    @property
    def only_reads(self) -> bool:
        """Whether none of its tools can change anything."""
        return not any(isinstance(tool, EffectTool) for tool in self.tools)

    def tool(self, name: str) -> BaseTool | None:
        return next((tool for tool in self.tools if tool.name == name), None)
