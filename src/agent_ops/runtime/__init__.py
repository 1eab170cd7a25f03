"""The only composer: builds everything from settings, admits requests and drives runs."""

from agent_ops.runtime.agent_ops import AgentOps
from agent_ops.runtime.reports import Reports

__all__ = ["AgentOps", "Reports"]
