"""LangGraph Studio's entry: the planner and each built-in agent as graphs that a person starts from a form.

`langgraph.json` names them. They come in through the same edge as every request, and they act in the sandbox only, when
the server was started with the word for it: ``AGENT_OPS_STUDIO=sandbox``. Nothing that a caller puts into
``configurable``, ``context`` or a thread's state has any authority: the run is the one that the edge gives for the request.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

from langchain_core.runnables import RunnableConfig
from langgraph.channels import EphemeralValue
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from agent_ops.agents import AgentSpec, load_agents
from agent_ops.agents.graph import AgentGraph, ObservationState, StepState, build_agent, observation
from agent_ops.domain.employee import Profile
from agent_ops.domain.errors import AgentOpsError, ConfigurationError
from agent_ops.domain.grants import Caller
from agent_ops.domain.runs import Request, Run, RunReport, RunStatus
from agent_ops.graphs.planner_graph import RECURSION_LIMIT, PlannerGraph, build_planner
from agent_ops.runtime.compose import System, compose
from agent_ops.runtime.lease import bury_the_dead, leased
from agent_ops.runtime.reports import Reports
from agent_ops.sandbox import Sandbox
from agent_ops.settings import Settings, StudioEnvironment
from agent_ops.tools.context import RunContext

OPERATOR = Caller("studio")
NO_SUCH_RUN = "no such run: nothing is changed without a grant"
_LOOK_AGAIN_SECONDS = 0.25
_THREAD_KEYS = ("thread_id", "checkpoint_ns", "checkpoint_id", "checkpoint_map")

FormLine = Annotated[str, EphemeralValue]  # lives for its own input only: a thread's next hire inherits nothing of the last
FormLines = Annotated[list[str], EphemeralValue]


class Hire(BaseModel):
    """The planner's form: a new hire. What is left empty counts as not given."""

    name: FormLine = Field(description="Full name in the person's own script and order.")
    team: FormLine = Field(description="A team of the entitlement policy, by key or title.")
    level: FormLine = Field("", description="A level of the policy, such as L2.")
    location: FormLine = Field("", description="A location of the policy, by key or title.")
    manager: FormLine = Field("", description="Full name or address of the manager.")
    joining_date: FormLine = Field("", description="First working day, as YYYY-MM-DD.")
    contact_number: FormLine = Field("", description="A phone number.")
    external_id: FormLine = Field("", description="The HR system's number for the person; the surest identity.")
    access_items: FormLines = Field([], description="Keys of the access catalogue; none gives what the policy says is due.")

    def request(self) -> Request:
        """The request that the form states. Raises ``InvalidRequest`` when no profile can be like that."""
        given = {key: value.strip() for key, value in self.model_dump(exclude={"access_items"}).items()}
        profile = Profile.from_json({key: value for key, value in given.items() if value})
        return Request(profile, tuple(self.access_items) or None)


class Item(TypedDict):
    """One access item, readable."""

    item: str
    status: str
    reason: str


class Progress(TypedDict):
    """What the planner's graph shows of its run, and gives back."""

    run_id: str
    status: str
    address: str | None
    items: list[Item]
    thoughts: list[str]
    summary: str


class StudioState(Progress):
    """The form as admitted, and the key under which the edge knows this admission again."""

    hire: dict[str, Any]
    admission: str


class StepForm(BaseModel):
    """An agent's form: one step of a run."""

    run_id: FormLine = Field("", description="A run that was admitted and has not ended.")
    tool: FormLine = Field("", description="One of the agent's tools.")
    item: FormLine = Field("", description="Key of the access item; empty for the account.")


class Seen(TypedDict):
    """What the step brought back."""

    observation: ObservationState


class SandboxKeeper:
    """Keeps this process attached to the sandbox from its first use on, so that it does not end between two runs."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._kept: Sandbox | None = None

    def settings(self, data_dir: Path) -> Settings:
        """Settings for the sandbox of a directory, which is started when it does not run (any more). Blocks."""
        with self._turn:
            box = Sandbox(data_dir).start()
            if self._kept is not None:
                self._kept.stop()
            self._kept = box
        return Settings.for_sandbox(box.addresses, box.data_dir)


_sandbox = SandboxKeeper()


@contextlib.asynccontextmanager
async def _system() -> AsyncIterator[System]:
    """The system over the sandbox, built in the running loop and closed after use.

    Raises:
        ConfigurationError: Studio was started without the word; nothing was recorded.
    """
    data_dir = StudioEnvironment.sandbox_data_dir()
    if data_dir is None:
        raise ConfigurationError(
            "Studio makes no effect unless it is started with the sandbox word; nothing was recorded",
            "Start it with AGENT_OPS_STUDIO=sandbox.",
        )
    async with compose(await asyncio.to_thread(_sandbox.settings, data_dir)) as system:
        yield system


async def admit(state: Hire) -> StudioState:
    """Let the edge record the hire, a run and its grant. When it refuses, nothing is recorded.

    A refusal is state, not an exception: the server keeps the words of exceptions to itself.
    """
    admission = f"studio-{uuid.uuid4()}"
    try:
        async with _system() as system:
            run = await _admitted(system, state, admission)
            progress = await _progress(system, run.id)
    except AgentOpsError as error:
        progress = _refusal(str(error))
    return {**progress, "hire": state.model_dump(), "admission": admission}


def _refusal(why: str) -> Progress:
    return {"run_id": "", "status": RunStatus.REFUSED.value, "address": None, "items": [], "thoughts": [], "summary": why}


def after_admit(state: StudioState) -> str:
    """A refusal ends it."""
    return END if state["status"] == RunStatus.REFUSED.value else "onboard"


async def _admitted(system: System, hire: Hire, admission: str) -> Run:
    """The run of a form. The edge gives an equal request's run again: so asking twice is how to trust no state."""
    return await system.edge.admit(hire.request(), OPERATOR, admission)


def _planner_graph() -> CompiledStateGraph[StudioState, None, Hire, Progress]:
    """START -> admit -> onboard (the planner's graph) -> END; a refusal goes from admit to END."""
    graph = StateGraph(StudioState, input_schema=Hire, output_schema=Progress)
    graph.add_node("admit", admit)
    graph.add_node("onboard", _onboard_with(build_planner(load_agents(), persisted_agents=True)))
    graph.add_edge(START, "admit")
    graph.add_conditional_edges("admit", after_admit, ["onboard", END])
    graph.add_edge("onboard", END)
    return graph.compile(name="planner")


def _onboard_with(planner: PlannerGraph) -> Any:
    """The node that holds the planner's graph. (LangGraph types no node that takes a config.)"""

    async def onboard(state: StudioState, config: RunnableConfig) -> Progress:
        async with _system() as system:
            run = await _admitted(system, Hire.model_validate(state["hire"]), state["admission"])
            while await _unfinished(system, run.id):
                await bury_the_dead(system.store, system.owners)
                async with leased(system.store, run.id, system.owner, system.settings.lease) as ours:
                    if ours:
                        await planner.ainvoke({"goal": "onboard"}, _inner(config), context=system.context(run.id))
                        break
                await asyncio.sleep(_LOOK_AGAIN_SECONDS)  # another process drives it
            return await _progress(system, run.id)

    return onboard


async def _unfinished(system: System, run_id: str) -> bool:
    return await Reports(system.store).status(run_id) in (RunStatus.QUEUED, RunStatus.RUNNING)


async def _progress(system: System, run_id: str) -> Progress:
    report: RunReport = await Reports(system.store).run(run_id, with_events=True)
    return {
        "run_id": report.run.id,
        "status": report.run.status.value,
        "address": report.employee.address,
        "items": [{"item": item.item, "status": item.status.value, "reason": item.reason} for item in report.items],
        "thoughts": [event.message for event in report.events if event.kind == "thought"],
        "summary": report.run.summary,
    }


def _inner(config: RunnableConfig) -> RunnableConfig:
    """The server's config for a graph inside: LangGraph's own keys, and nothing that a caller made configurable."""
    configurable = config.get("configurable", {})
    own = {key: value for key, value in configurable.items() if key in _THREAD_KEYS or key.startswith("__pregel_")}
    return {**config, "configurable": own, "recursion_limit": RECURSION_LIMIT}


def _agent_graph(spec: AgentSpec) -> CompiledStateGraph[Seen, None, StepForm, Seen]:
    """START -> step (the agent's graph) -> END."""
    graph = StateGraph(Seen, input_schema=StepForm, output_schema=Seen)
    graph.add_node("step", _step_with(spec, build_agent(spec, persisted=True)))
    graph.add_edge(START, "step")
    graph.add_edge("step", END)
    return graph.compile(name=spec.name)


def _step_with(spec: AgentSpec, agent: AgentGraph) -> Any:
    """The node that holds an agent's graph. Like every agent's node it answers with an observation, whatever is amiss."""

    async def step(form: StepForm, config: RunnableConfig) -> Seen:
        state = _step_state(spec, form)
        try:
            async with _system() as system, leased(system.store, form.run_id, system.owner, system.settings.lease) as ours:
                if not ours:
                    return {"observation": observation(state, False, await _why_not(system, form.run_id))}
                handles = RunContext(form.run_id, system.ledger, system.journal)
                result = await agent.ainvoke({"step": state}, _inner(config), context=handles)
        except ConfigurationError as error:
            return {"observation": observation(state, False, str(error))}
        return {"observation": result["observation"]}

    return step


def _step_state(spec: AgentSpec, form: StepForm) -> StepState:
    tool = spec.tool(form.tool)
    return {
        "id": "studio",
        "agent": spec.name,
        "goal": tool.description if tool else form.tool,
        "tool": form.tool,
        "arguments": {"item": form.item} if form.item else {},
    }


async def _why_not(system: System, run_id: str) -> str:
    """Why a run cannot be acted on."""
    run = await system.store.read(lambda tx: tx.runs.get(run_id))
    if run is None:
        return NO_SUCH_RUN
    return f"run {run_id} {'has ended' if run.status.ended else 'is driven by another process'}: nothing is changed"


planner = _planner_graph()
entra = _agent_graph(load_agents()["entra"])
jenkins = _agent_graph(load_agents()["jenkins"])
