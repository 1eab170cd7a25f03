"""Agents: one declarative spec each, found through entry points, made into a tool-calling subgraph by ``agents.graph``."""

from agent_ops.agents.registry import actions_of, load_agents
from agent_ops.agents.spec import AgentSpec

__all__ = ["AgentSpec", "actions_of", "load_agents"]
