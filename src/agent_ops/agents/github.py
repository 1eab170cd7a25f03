"""The GitHub agent."""

from agent_ops.agents.spec import AgentSpec
from agent_ops.tools.github import TOOLS

spec = AgentSpec("github", "reads GitHub: pull requests, commits, files, repositories, members; changes nothing", "github", TOOLS)
