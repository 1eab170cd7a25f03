"""The planner graph itself: which node follows which.

START -> recall -> think -> [agents and notify, side by side] -> observe -> ... -> think -> notify -> learn -> END
                                                                                    +-> park -> END, when something waits
"""

from __future__ import annotations

from collections.abc import Mapping

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Send

from agent_ops.agents import AgentSpec
from agent_ops.agents.graph import build_agent
from agent_ops.graphs.context import PlannerContext
from agent_ops.graphs.nodes import act_with, learn, notify, observe, park, recall, think_with
from agent_ops.graphs.state import PlannerState

PlannerGraph = CompiledStateGraph[PlannerState, PlannerContext, PlannerState, PlannerState]
RECURSION_LIMIT = 200


def build_planner(
    agents: Mapping[str, AgentSpec], checkpointer: BaseCheckpointSaver[str] | None = None, *, persisted_agents: bool = False
) -> PlannerGraph:
    """Compile the planner over the given agents.

    Args:
        agents: the agents by name; each becomes a node of its name with its subgraph inside.
        checkpointer: keeps the run's history, one thread per run.
        persisted_agents: let the agents' subgraphs inherit the checkpointer, so that Studio and diagrams see them.
    """
    graph = StateGraph(PlannerState, context_schema=PlannerContext)
    graph.add_node("recall", recall)
    graph.add_node("think", think_with(tuple(agents), frozenset(name for name, spec in agents.items() if spec.only_reads)))
    graph.add_node("observe", observe)
    graph.add_node("notify", notify)
    graph.add_node("learn", learn)
    graph.add_node("park", park)
    for name, spec in agents.items():
        graph.add_node(name, act_with(build_agent(spec, persisted=persisted_agents)))
        graph.add_edge(name, "observe")
    graph.add_edge(START, "recall")
    graph.add_edge("recall", "think")
    graph.add_conditional_edges("think", route, [*agents, "notify", "park"])
    graph.add_conditional_edges("observe", route, [*agents, "notify", "park", "think"])
    graph.add_conditional_edges("notify", after_notify, ["observe", "learn"])
    graph.add_edge("learn", END)
    graph.add_edge("park", END)
    return graph.compile(checkpointer=checkpointer, name="planner")


async def route(state: PlannerState) -> list[Send] | str:
    """The next wave: every step whose forerunners are done, and the mails that are due.

    Think is asked again only when something deviated or all is done. While something waits, no planner's word ends the run.
    """
    if state.get("summary") is not None and not _waits(state):
        return "notify"
    seen = {o["step_id"]: o for o in state.get("observations") or [] if o["round"] == state.get("rounds")}
    if any(not o["succeeded"] and not o["waiting"] for o in seen.values()):
        return "think"
    over = {step_id for step_id, o in seen.items() if not o["waiting"]}
    ready = [s for s in state.get("steps", []) if s["id"] not in seen and over >= set(s.get("after", []))]
    wave = [Send(step["agent"], {"step": step}) for step in ready]
    if state.get("mail_due"):
        wave.append(Send("notify", {"summary": None}))
    return wave or ("park" if _waits(state) else "think")


def _waits(state: PlannerState) -> bool:
    """Whether something that was begun since the run was taken up is not over."""
    return any(o["waiting"] for o in state.get("observations") or [])


async def after_notify(state: PlannerState) -> str:
    """A mail on the way leads back to observe, the last one to learn."""
    return "learn" if state.get("summary") is not None else "observe"
