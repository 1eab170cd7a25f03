"""Guarantees taken out of the process at hand: without one of these the matrix must turn red."""

from __future__ import annotations

from agent_ops.domain.decisions import Decision, Situation, check_decision
from agent_ops.domain.errors import PlannerError
from agent_ops.graphs import nodes
from agent_ops.graphs.briefing import briefing
from agent_ops.graphs.context import PlannerContext
from agent_ops.graphs.model_planner import ModelPlanner
from agent_ops.ledger.guard import Guard
from proofs.adversary.mutants import Mutant, Patch


def _no_net(patch: Patch) -> None:
    """Neither a repair nor the runbook: what cannot be followed ends the run."""

    async def once(planner: ModelPlanner, situation: Situation) -> Decision:
        answer, thought = await planner._ask(situation, briefing(situation, planner.agents))
        return planner._followed(answer, situation, thought)

    async def alone(situation: Situation, context: PlannerContext, by_runbook: bool) -> tuple[Decision, bool]:
        try:
            decision = await context.planner.decide(situation)
            check_decision(decision, situation)
        except PlannerError as error:
            decision = Decision(str(error), summary="the model gave up, and nobody took over")
        return decision, False

    patch(ModelPlanner, decide=once)
    patch(nodes, _decide=alone)


def _no_guard(patch: Patch) -> None:
    """What a model asks for is done, whatever was granted."""
    patch(Guard, denial=lambda *given: None)


WITHOUT = {name: Mutant("", name, apply) for name, apply in (("net", _no_net), ("guard", _no_guard))}
