"""The Entra agent."""

from agent_ops.agents.spec import AgentSpec
from agent_ops.tools.entra import TOOLS

spec = AgentSpec("entra", "creates the company account and adds it to Entra groups", "entra", TOOLS)
