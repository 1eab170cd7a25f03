"""The Jira agent."""

from agent_ops.agents.spec import AgentSpec
from agent_ops.tools.jira import TOOLS

spec = AgentSpec("jira", "reads Jira: issues with their comments, searches by JQL, projects", "jira", TOOLS)
