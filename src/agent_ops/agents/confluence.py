"""The Confluence agent."""

from agent_ops.agents.spec import AgentSpec
from agent_ops.tools.confluence import TOOLS

spec = AgentSpec("confluence", "reads Confluence: spaces, pages as text, searches by CQL", "confluence", TOOLS)
