"""The Jenkins agent."""

from agent_ops.agents.spec import AgentSpec
from agent_ops.tools.jenkins import TOOLS

spec = AgentSpec("jenkins", "runs the provisioning pipelines of access items", "jenkins", TOOLS)
