"""The shape of our planner in LangGraph and nothing else: no ledger, no guard, no database, no model.

recall -> think -> act -> observe -> act -> observe -> act -> observe -> think -> notify -> learn, and in each act one sub-graph
for each step, as for an ordinary onboarding: the account; its attributes beside the first notice; four pipelines side by side.
Nodes return what ours return in size, and the steps call the harness's services. It is no contestant: it promises nothing.
"""

import asyncio
import operator
from typing import Annotated, Any

import services
from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from langgraph.types import Send
from typing_extensions import TypedDict

Step = dict[str, Any]
WAVES: tuple[list[str], ...] = (["create_account"], ["set_attributes"], services.SERVICES)
TEXT = "It was done, and this is what the service told about it: an identifier, an address, a number and a state."


class StepState(TypedDict, total=False):
    """Of an agent's sub-graph: a step in, an observation out."""

    step: Step
    observation: Step


class State(TypedDict, total=False):
    """Of the planner."""

    profile: dict[str, str]
    thought: str
    steps: list[Step]
    observations: Annotated[list[Step], operator.add]
    wave: int
    summary: str | None


async def _serve(step: Step) -> None:
    if step["tool"] == "create_account":
        await services.create_entra_user(step["name"], step["email"], "Engineering")
    elif step["tool"] == "set_attributes":
        await asyncio.sleep(services.LATENCY)
    else:
        await services.trigger_jenkins_pipeline(step["tool"], step["email"])


def _agent() -> Any:
    async def tools(state: StepState) -> StepState:
        await _serve(state["step"])
        return {"observation": {**state["step"], "succeeded": True, "text": TEXT}}

    async def model(state: StepState) -> StepState:
        raise AssertionError("every step names its tool")

    async def entry(state: StepState) -> str:
        return "tools"

    async def over(state: StepState) -> str:
        return END

    graph = StateGraph(StepState)
    graph.add_node("model", model)
    graph.add_node("tools", tools)
    graph.add_conditional_edges(START, entry, ["model", "tools"])
    graph.add_conditional_edges("model", over, ["tools", END])
    graph.add_conditional_edges("tools", over, ["model", END])
    return graph.compile(checkpointer=False)


def _acting() -> Any:
    agent = _agent()

    async def act(order: StepState, config: RunnableConfig) -> State:
        # as ours: tracing goes on, checkpointing does not (an unpersisted sub-graph that inherits ``sync`` crashes)
        apart: RunnableConfig = {"callbacks": config.get("callbacks"), "configurable": {"thread_id": "agent"}}
        return {"observations": [(await agent.ainvoke({"step": order["step"]}, apart))["observation"]]}

    return act


async def _recall(state: State) -> State:
    return {"thought": TEXT}


async def _think(state: State) -> State:
    if state.get("observations"):
        return {"summary": TEXT, "thought": TEXT}
    profile = {"name": state["profile"]["name"], "email": state["profile"]["email"]}
    steps = [{**profile, "id": f"s{n}", "tool": tool, "wave": n, "goal": TEXT} for n, wave in enumerate(WAVES) for tool in wave]
    return {"steps": steps, "thought": TEXT, "wave": 0}


async def _observe(state: State) -> State:
    return {"wave": state["wave"] + 1}


async def _notify(state: State) -> State:
    if state.get("summary"):
        await services.send_notification(state["profile"]["email"], "Welcome", TEXT)
    else:
        await asyncio.sleep(services.LATENCY)
    return {"thought": TEXT}


async def _learn(state: State) -> State:
    return {}


async def _route(state: State) -> list[Send] | str:
    if state.get("summary"):
        return "notify"
    wave = [step for step in state["steps"] if step["wave"] == state["wave"]]
    orders = [Send("jenkins" if step["wave"] == 2 else "entra", {"step": step}) for step in wave]
    return [*orders, *([Send("notify", {})] if state["wave"] == 1 else [])] or "think"


async def _after_notify(state: State) -> str:
    return "learn" if state.get("summary") else "observe"


async def setup(checkpointer: Any = None, durability: str | None = None) -> None:
    """Compile it, with the saver that the peers have."""
    graph = StateGraph(State)
    for name, node in {"recall": _recall, "think": _think, "observe": _observe, "notify": _notify, "learn": _learn}.items():
        graph.add_node(name, node)
    for name in ("entra", "jenkins"):
        graph.add_node(name, _acting())
        graph.add_edge(name, "observe")
    graph.add_edge(START, "recall")
    graph.add_edge("recall", "think")
    graph.add_conditional_edges("think", _route, ["entra", "jenkins", "notify"])
    graph.add_conditional_edges("observe", _route, ["entra", "jenkins", "notify", "think"])
    graph.add_conditional_edges("notify", _after_notify, ["observe", "learn"])
    graph.add_edge("learn", END)
    global _graph, _how
    _graph, _how = graph.compile(checkpointer=checkpointer), {"durability": durability} if durability else {}


async def onboard(profile: dict[str, str]) -> None:
    """One run through all of it."""
    await _graph.ainvoke({"profile": profile}, {"configurable": {"thread_id": profile["email"]}}, **_how)


_graph: Any
_how: dict[str, str]
