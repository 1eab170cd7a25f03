"""The nodes of the planner graph. Each takes its handles from the runtime context and its facts from the journal."""

from __future__ import annotations

import asyncio
from copy import deepcopy
from typing import Any, Protocol

from langchain_core.runnables import RunnableConfig
from langgraph.runtime import Runtime

from agent_ops.agents.graph import AgentGraph
from agent_ops.domain.decisions import Decision, Situation, check_decision
from agent_ops.domain.durations import STEPS
from agent_ops.domain.effects import OutcomeKind
from agent_ops.domain.errors import PlannerError
from agent_ops.domain.known import Known
from agent_ops.domain.recommendation import Recalled
from agent_ops.domain.veil import veiled_situation
from agent_ops.graphs.context import PlannerContext
from agent_ops.graphs.runbook import RunbookPlanner, summarise
from agent_ops.graphs.state import Order, PlannerState, observation_from_state, results_of, step_to_state
from agent_ops.tools.context import RunContext

MAX_ROUNDS = 20
ONBOARDING, READING = "onboard", "read"
"""The goals of a run: about somebody, or about nobody."""
_REFUSED = (OutcomeKind.DENIED, OutcomeKind.FAILED)


class Node(Protocol):
    """A node that needs its handles."""

    async def __call__(self, state: PlannerState, *, runtime: Runtime[PlannerContext]) -> PlannerState: ...


async def recall(state: PlannerState, runtime: Runtime[PlannerContext]) -> PlannerState:
    """Begin afresh, with what long-term memory knows of people like this one."""
    context = runtime.context
    recalled = Recalled() if state.get("goal") == READING else await context.patterns.recall(context.run_id)
    fresh: PlannerState = {"observations": None, "steps": [], "summary": None, "rounds": 0}
    recommended = [advice.to_json() for advice in recalled.recommended]
    patterns = list(recalled.patterns)
    return {**fresh, "patterns": patterns, "recommended": recommended, "mail_refused": False, "by_runbook": False}


def think_with(agents: tuple[str, ...], reading: frozenset[str] = frozenset()) -> Node:
    """The supervisor: asks the planner, checks its decision, and writes the thought down.

    Args:
        agents: those that there are.
        reading: those of them that can change nothing.
    """

    async def think(state: PlannerState, runtime: Runtime[PlannerContext]) -> PlannerState:
        context, number = runtime.context, state.get("rounds", 0) + 1
        seen = tuple(observation_from_state(o) for o in state.get("observations") or [])
        known = await context.journal.known(context.run_id)
        only = known.task.agent if known.task else ""
        situation = Situation(known, seen, tuple(state.get("patterns", [])), (only,) if only else agents)
        by_runbook = state.get("by_runbook", False)
        if number == (rounds := min(context.planner_rounds, MAX_ROUNDS)) + 1 and known.begun:  # settled before the end
            decision, by_runbook = await RunbookPlanner(stands_in=True).decide(situation), True
        elif number > rounds:
            decision, by_runbook = Decision(f"the budget of {rounds} rounds is used up", summary=summarise(known)), True
        else:
            decision, by_runbook = await _decide(situation, context, by_runbook)
        await context.journal.decided(context.run_id, decision)
        return {
            "thought": decision.thought,
            "steps": [step_to_state(step, number, step.agent in reading) for step in decision.steps],
            "summary": decision.summary,
            "rounds": number,
            "mail_due": _mail_due(known, state),
            "by_runbook": by_runbook,
        }

    return think


async def _decide(situation: Situation, context: PlannerContext, by_runbook: bool) -> tuple[Decision, bool]:
    """The planner's decision if it can be followed, else the runbook's, which then decides for the rest of the run."""
    if by_runbook:
        return await RunbookPlanner(stands_in=True).decide(situation), True
    if type(context.planner) is RunbookPlanner:  # rules of ours may read everything as it is
        return await context.planner.decide(situation), False
    try:
        veil = await context.journal.veil(context.run_id)
        shown = deepcopy(veiled_situation(situation, veil))  # whatever a planner writes over, nobody else reads it
        decision = await context.planner.decide(shown)
        check_decision(decision, situation)
        return decision, False
    except PlannerError as error:
        await context.journal.note(context.run_id, "thought", str(error), agent="planner", status="failed")
        return await RunbookPlanner(stands_in=True).decide(situation), True


def act_with(agent: AgentGraph) -> Any:
    """One agent's node: runs its subgraph on one step. (LangGraph types no node that takes runtime and config.)"""

    async def act(order: Order, runtime: Runtime[PlannerContext], config: RunnableConfig) -> PlannerState:
        context = runtime.context
        await asyncio.sleep(context.stage_delay)
        handles = RunContext(context.run_id, context.door, context.journal, context.model, context.readers)
        inner = config if agent.checkpointer is not False else _apart(config, context.run_id)
        with STEPS.timed(order["step"]["agent"]) as ended:
            seen = (await agent.ainvoke({"step": order["step"]}, inner, context=handles))["observation"]
            ended.append("waiting" if seen["waiting"] else "done" if seen["succeeded"] else "failed")
        return {"observations": [seen]}

    return act


def _apart(config: RunnableConfig, run_id: str) -> RunnableConfig:
    """The caller's tracing without its checkpointing, which a thread id of one's own drops.

    An unpersisted subgraph that inherits the parent's ``sync`` durability crashes (langgraph 1.2, `_put_checkpoint_fut`).
    """
    return {"callbacks": config.get("callbacks"), "configurable": {"thread_id": f"{run_id}:agent"}}


async def observe(state: PlannerState, runtime: Runtime[PlannerContext]) -> PlannerState:
    """See whether what came back makes a notice due; `route` decides what follows."""
    return {"mail_due": _mail_due(await runtime.context.journal.known(runtime.context.run_id), state)}


async def notify(state: PlannerState, runtime: Runtime[PlannerContext]) -> PlannerState:
    """Send the mails whose occasion has come; at the finish all that are left. Code decides this, not a planner."""
    context, finishing = runtime.context, state.get("summary") is not None
    await asyncio.sleep(context.stage_delay)
    if finishing:
        if state.get("goal") != READING:
            await context.inspection.verify(context.run_id)
        by_rules = state.get("by_runbook", False) or type(context.planner) is RunbookPlanner
        results = results_of(state.get("observations"))
        known = await context.journal.conclude(context.run_id, results, state.get("summary") or "", by_rules=by_rules)
    else:
        known = await context.journal.known(context.run_id)
    outcomes = [await context.door.perform(context.run_id, proposal) for proposal in known.notices_due(finishing)]
    return {"mail_due": False, "mail_refused": any(o.kind in _REFUSED for o in outcomes)}


async def park(state: PlannerState, runtime: Runtime[PlannerContext]) -> PlannerState:
    """Let the run wait for what is under way; whoever takes it up then begins afresh, from storage and ledger."""
    waiting = [seen for seen in state.get("observations") or [] if seen["waiting"]]
    reason = "waiting: " + "; ".join(dict.fromkeys(seen["text"] for seen in waiting))
    await runtime.context.journal.park(runtime.context.run_id, reason, min(seen["waiting"] for seen in waiting))
    return {"summary": None}


async def learn(state: PlannerState, runtime: Runtime[PlannerContext]) -> PlannerState:
    """Let long-term memory take in what came of the run, and close it by its facts."""
    context = runtime.context
    known = await context.journal.known(context.run_id)
    summary = summarise(known)
    if known.has_subject:
        await context.patterns.learn(context.run_id)
    await context.journal.finish(context.run_id, summary)
    return {"summary": summary}


def _mail_due(known: Known, state: PlannerState) -> bool:
    """Whether a notice's occasion has come; what was refused is tried once more, at the finish."""
    return not state.get("mail_refused") and bool(known.notices_due(finishing=False))
