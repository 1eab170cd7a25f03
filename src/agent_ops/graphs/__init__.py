"""The planner graph: Think -> Act -> Observe over the agents' subgraphs."""

from agent_ops.graphs.context import PlannerContext
from agent_ops.graphs.model_planner import ModelPlanner
from agent_ops.graphs.planner_graph import PlannerGraph, build_planner
from agent_ops.graphs.runbook import RunbookPlanner
from agent_ops.graphs.state import PlannerState

__all__ = ["ModelPlanner", "PlannerContext", "PlannerGraph", "PlannerState", "RunbookPlanner", "build_planner"]
