"""What makes an agent: a name, what it is for, its prompt and its tools."""

from __future__ import annotations

from dataclasses import dataclass

from langchain_core.tools import BaseTool


@dataclass(frozen=True)
class AgentSpec:
    """Declares one agent. ``purpose`` is the line by which a planner chooses it; ``prompt`` names a file in prompts/."""

    name: str
    purpose: str
    prompt: str
    tools: tuple[BaseTool, ...]

    def tool(self, name: str) -> BaseTool | None:
        return next((tool for tool in self.tools if tool.name == name), None)
