"""Plan and apply: the effects of a request, found out by the same graph behind a door that does nothing; then exactly those."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, replace
from datetime import date, datetime, timezone

from agent_ops.domain.effects import Action, Proposal
from agent_ops.domain.errors import AgentOpsError, PlanInvalid, PlanOutdated
from agent_ops.domain.grants import Caller
from agent_ops.domain.plans import Plan, PlannedEffect
from agent_ops.domain.runs import Request, Run, RunReport, RunStatus
from agent_ops.domain.verification import NoInspection
from agent_ops.graphs.planner_graph import RECURSION_LIMIT
from agent_ops.graphs.runbook import RunbookPlanner
from agent_ops.ledger.journal import RunJournal
from agent_ops.ledger.planning import PlanningLedger
from agent_ops.memory.recall_only import RecallOnly
from agent_ops.runtime.asking import check_caller
from agent_ops.runtime.compose import System
from agent_ops.runtime.logs import name_run
from agent_ops.runtime.naming import named
from agent_ops.runtime.reports import Reports
from agent_ops.storage import Rehearsal
from agent_ops.transport.traces import untraced

_NOBODY_ELSE = 3600.0


@dataclass(frozen=True)
class Planning:
    """Makes plans and applies them."""

    system: System

    async def plan(
        self,
        request: Request,
        caller: Caller,
        idempotency_key: str | None = None,
        run_after: date | None = None,
        request_id: str | None = None,
    ) -> Plan:
        """What the request would change now. Nothing is recorded, reserved, sent or told; services are only read.

        The request is admitted, and its run driven, in a rehearsal, of which nothing remains.

        Raises:
            InvalidRequest, IdentityConflict, NotPermitted: as for the request itself, or a run for it goes on.
            ServiceError: a service that has to be asked cannot be.
        """
        system, rehearsal = self.system, Rehearsal(self.system.store)
        edge = replace(system.edge, store=rehearsal)
        run = await edge.take_up(request, caller, idempotency_key)
        if request_id is not None:
            name_run(run.id, request=named(request_id), employee=run.employee_id)  # services are read on its behalf
        effects: tuple[PlannedEffect, ...] = ()
        if run.status is not RunStatus.DONE:
            effects = await self._rehearsed(rehearsal, run.id)
        report = await Reports(rehearsal).run(run.id)
        return system.ledger.grants.sealed_plan(
            Plan(
                employee_id=run.employee_id,
                request=Request.from_json(request.to_json()),  # the order of its items says nothing
                caller=caller.name,
                policy_version=edge.policy.version,
                made_at=datetime.now(timezone.utc),
                effects=effects,
                items=report.items,
                summary=_summary(report, effects),
                key_id="",
                idempotency_key=idempotency_key,
                run_after=run_after,
            )
        )

    async def apply(self, plan: Plan, caller: Caller, request_id: str | None = None) -> Run:
        """Queue a run that does exactly what the plan says, if the present state still asks for that.

        Returns:
            The run; the same one when the plan was applied before; the last one when the plan says that all is in place.

        Raises:
            PlanInvalid: the plan was altered, was made elsewhere, or its account could not be made.
            PlanOutdated: something changed since; its ``differences`` say what.
            NotPermitted: the caller lacks a scope that the request needs.
        """
        system = self.system
        system.ledger.grants.verify_plan(plan)
        check_caller(plan.request, caller)
        if (applied := await self._applied(plan)) is not None:
            return applied
        try:
            await self._check_wanted(plan, caller, request_id)
        except AgentOpsError:
            if (applied := await self._applied(plan)) is not None:
                return applied  # by somebody else meanwhile: it is what stood against it
            raise
        return await system.edge.take_up(plan.request, caller, plan.idempotency_key, plan.run_after, plan, request_id)

    async def _applied(self, plan: Plan) -> Run | None:
        return await self.system.store.read(lambda tx: tx.runs.with_plan(plan.seal))

    async def _check_wanted(self, plan: Plan, caller: Caller, request_id: str | None) -> None:
        """Whether the present state asks for exactly the plan, and the plan for an account that can be made."""
        present = await self.plan(plan.request, caller, plan.idempotency_key, plan.run_after, request_id)
        if differences := plan.differences(present):
            raise PlanOutdated(differences)
        if plan.account is not None and not plan.account.happens:
            raise PlanInvalid(f"there would be no account: {plan.account.reason}", "See to that, then plan again.")

    async def _rehearsed(self, rehearsal: Rehearsal, run_id: str) -> tuple[PlannedEffect, ...]:
        """Drive the planner graph on a rehearsed run: the compiled graph itself, without its checkpoints."""
        system, owner = self.system, f"plan-{uuid.uuid4()}"
        now = time.time()
        await rehearsal.transaction(lambda tx: tx.runs.claim_one(run_id, owner, now, now + _NOBODY_ELSE))
        ledger, grants = system.ledger, system.ledger.grants.over(rehearsal)
        door = PlanningLedger(rehearsal, grants, ledger.guard, ledger.binder, ledger.adapters, owner, ledger.patience)
        journal = RunJournal(rehearsal, grants, system.edge.policy, owner)
        context = system.context(run_id)
        context = replace(context, door=door, journal=journal, patterns=RecallOnly(context.patterns), stage_delay=0.0)
        context = replace(context, inspection=NoInspection())  # nothing was done that could be seen
        context = replace(context, planner=RunbookPlanner(), model=None)  # a plan is the same each time, and costs no model call
        graph = system.graph.copy({"checkpointer": None})
        with untraced():
            await graph.ainvoke({"goal": "onboard"}, {"recursion_limit": RECURSION_LIMIT}, context=context)
        if door.troubles:
            raise door.troubles[0]
        return tuple(sorted(door.effects.values(), key=lambda effect: _place(effect.proposal)))


def _place(proposal: Proposal) -> tuple[int, str]:
    """Effects that go side by side have an order in the plan; mails keep the one in which they are written."""
    is_mail = proposal.action is Action.SEND_MAIL
    return list(Action).index(proposal.action), "" if is_mail else proposal.item


def _summary(report: RunReport, effects: tuple[PlannedEffect, ...]) -> str:
    if not effects:
        return f"nothing is left to do for {report.employee.profile.name}: {report.run.summary}"
    return report.run.summary
