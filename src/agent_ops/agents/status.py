"""The status agent."""

from agent_ops.agents.spec import AgentSpec
from agent_ops.tools.status import TOOLS

spec = AgentSpec("status", "reads how far people's accounts and access are, by our own records", "status", TOOLS)
