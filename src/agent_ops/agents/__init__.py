"""Agents: one declarative spec each, found through entry points, made into a tool-calling subgraph."""

from agent_ops.agents.graph import AgentState, build_agent
from agent_ops.agents.registry import actions_of, load_agents
from agent_ops.agents.spec import AgentSpec

__all__ = ["AgentSpec", "AgentState", "actions_of", "build_agent", "load_agents"]
