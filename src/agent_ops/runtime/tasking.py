"""Free-form tasks at the edge: from words, context and scopes to a run with exactly the grant that they allow.

Who may be changed is decided here, before anything is read and before any planner sees the task: by code, from the caller's
words and context alone. docs/decisions/015-readers-and-tasks.md has the rules and their reasons.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from agent_ops.agents import actions_of
from agent_ops.domain.effects import ACCOUNT_ACTIONS, ITEM_ACTIONS, Action, Proposal, keyed_id
from agent_ops.domain.employee import UNPLACED, Employee, EmployeeStatus, identity_of
from agent_ops.domain.errors import Against, AgentOpsError, InvalidRequest
from agent_ops.domain.grants import Caller
from agent_ops.domain.intents import WriteClause, asks_for_a_change, understood, writes_in
from agent_ops.domain.names import name_key
from agent_ops.domain.phrasebook import Change
from agent_ops.domain.runs import LifecycleEvent, Request, Run, RunStatus
from agent_ops.domain.tasks import TASK_READ, TASK_WRITE, Task
from agent_ops.graphs.runbook import RunbookPlanner
from agent_ops.ledger.recording import record_grant
from agent_ops.runtime.admission import TaskOrder, check_looks_like_nobody
from agent_ops.runtime.asking import ONBOARD
from agent_ops.runtime.compose import System
from agent_ops.runtime.planning import Planning
from agent_ops.runtime.task_context import Asked, asked_from
from agent_ops.runtime.tombstones import check_not_erased
from agent_ops.storage import Tx

RESERVE = Proposal("entra", Action.RESERVE_ADDRESS, "address")
_OF_THE_ACCOUNT = ACCOUNT_ACTIONS | {Action.SET_ATTRIBUTES, Action.SET_MANAGER, Action.ENABLE_ACCOUNT}
_NEEDED = {
    Change.ADDRESS: frozenset({Action.RESERVE_ADDRESS}),
    Change.ONBOARD: frozenset({Action.CREATE_ACCOUNT}),
    Change.PENDING: ITEM_ACTIONS,
}
"""What a change cannot begin without."""
_ASK_THE_PLANNER = "give the task to the planner, which chooses among all agents (POST /api/execute_task, /langserve/planner)"
_NOT_NAMED = (
    "who is to be changed is named neither in the context nor, for what is pending, by a full name in the task: somebody who"
    " is found in what was read gets nothing. Name them, in one of the phrases of docs/tasks.md"
)


@dataclass(frozen=True)
class Tasks:
    """Admits tasks. ``request_id`` names the request in the log; made when not given."""

    system: System
    request_id: str | None = None

    async def admit(self, text: str, context: Mapping[str, Any] | None, caller: Caller, agent: str = "") -> Run:
        """Record a task and queue its run; what the run may change is decided here.

        Args:
            agent: the only agent that may carry it out: the grant then has nothing that this agent's tools do not do.

        Raises:
            NotFound: no such agent. NotPermitted: the caller lacks ``task:read``.
            InvalidRequest: text or context cannot be like that, or a run of the
            person goes on. IdentityConflict: as for a request. ServiceError: an approval, or a plan, needs a service that
            cannot be asked.
        """
        caller.require(TASK_READ)
        its = actions_of(agent)
        asked = asked_from(text, context, caller, agent)
        clauses = self._changes(asked)
        if its is not None and _beyond(its, asked, clauses):
            return await self._withheld(asked, caller, f"{agent} cannot do this by itself: {_ASK_THE_PLANNER}")
        if len(clauses) == 1:
            return await self._changing(clauses[0], asked, caller)
        if clauses:
            return await self._withheld(asked, caller, "a task changes one person's things in one way: ask for each by itself")
        if not self._by_rules and (asks_for_a_change(asked.task.text) or "access_items" in asked.task.context):
            return await self._in_other_words(asked, caller)
        return await self._reading(asked.task, caller)

    @property
    def _by_rules(self) -> bool:
        """Whether nothing here understands more than the phrases of the runbook."""
        return isinstance(self.system.planner, RunbookPlanner)

    def _changes(self, asked: Asked) -> tuple[WriteClause, ...]:
        """The changes that the words ask for in a phrase of the runbook.

        By rules alone nothing is done of a task of which only a part is understood, unless that part is a hire whom the
        context describes as a request would.
        """
        text, today = asked.task.text, asked.task.asked_at.date()
        if whole := understood(text, today):
            return tuple(one for one in whole if isinstance(one, WriteClause))
        partly = writes_in(text, today)
        if not self._by_rules:
            return partly
        return tuple(one for one in partly[:1] if one.change is Change.ONBOARD and asked.placed)

    async def _in_other_words(self, asked: Asked, caller: Caller) -> Run:
        """A change in words of which no phrase is known: the context alone says for whom, or nobody does."""
        if asked.request is not None and asked.placed:
            return await self._joiner(asked.request, asked, caller, None)
        return await self._withheld(asked, caller, _NOT_NAMED)

    async def _changing(self, clause: WriteClause, asked: Asked, caller: Caller) -> Run:
        if clause.change is Change.PENDING:
            return await self._pending(clause, asked, caller)
        request = asked.request
        if request is None:
            hint = f' {{"name": "{clause.name}"}}' if clause.name else ""
            return await self._withheld(asked, caller, f"whom it is about must stand in the context:{hint or ' their name'}")
        name = request.profile.name
        if clause.name and name_key(clause.name) != name_key(name):
            return await self._withheld(asked, caller, f"the task names {clause.name!r}, the context {name!r}")
        if clause.change is Change.ADDRESS:
            return await self._address(request, asked, caller)
        return await self._joiner(request, asked, caller, None)

    # --- a joiner, from the context ---------------------------------------------------------------------------------------

    async def _joiner(self, request: Request, asked: Asked, caller: Caller, kinds: frozenset[Action] | None) -> Run:
        if not asked.placed:
            return await self._withheld(asked, caller, "the context names no team, and an account needs one")
        if missing := [scope for scope in (TASK_WRITE, ONBOARD) if scope not in caller.scopes]:
            return await self._planned(request, asked, caller, missing)
        order = _order(asked.task, kinds)
        run = await self.system.edge.admit(request, caller, request_id=self.request_id, order=order)
        if await self.system.store.read(lambda tx: tx.tasks.get(run.id)) is None:
            settled = f"this was asked for before, by run {run.id}, which is {run.status.value}"
            return await self._reading(replace(asked.task, settled=settled), caller)
        return run

    async def _address(self, request: Request, asked: Asked, caller: Caller) -> Run:
        employee_id = keyed_id(self.system.edge.identity_key, identity_of(request.profile))
        known, named = await self.system.store.read(lambda tx: (tx.people.get(employee_id), _living(tx, request.profile.name)))
        if known is not None and known.profile.team != UNPLACED:
            return await self._reading(replace(asked.task, settled=await self._their_address(known)), caller)
        if known is None and named and identity_of(request.profile).startswith("name:"):
            return await self._withheld(asked, caller, _candidates(request.profile.name, named))
        if asked.placed and ONBOARD in caller.scopes:
            return await self._joiner(request, asked, caller, _OF_THE_ACCOUNT)
        if TASK_WRITE not in caller.scopes:
            return await self._planned(request if asked.placed else None, asked, caller, [TASK_WRITE])
        return await self.system.edge.told(lambda tx: self._reserving(tx, employee_id, request, asked, caller), self.request_id)

    async def _their_address(self, employee: Employee) -> str:
        domain = self.system.edge.policy.domain
        reserved = await self.system.store.read(lambda tx: tx.people.address_of(employee.id, domain))
        if address := employee.address or reserved:
            return f"{employee.profile.name} has the address {address}"
        return f"{employee.profile.name} is known already, as employee {employee.id}: the address comes with the account"

    def _reserving(self, tx: Tx, employee_id: str, request: Request, asked: Asked, caller: Caller) -> Run:
        """Somebody of whom no more than a name may be known, and a run that may reserve an address for them."""
        check_not_erased(tx, employee_id)
        stored = tx.people.request_of(employee_id)
        if stored is None:
            check_looks_like_nobody(tx, request.profile.name)
            stored = replace(request, profile=replace(request.profile, team=UNPLACED), access_items=())
            tx.people.insert(employee_id, stored)
        return self._queued(tx, employee_id, asked.task, (RESERVE,), caller, stored)

    # --- what is pending of a known employee ------------------------------------------------------------------------------

    async def _pending(self, clause: WriteClause, asked: Asked, caller: Caller) -> Run:
        people = await self.system.store.read(lambda tx: _meant(tx, clause.name, asked))
        if not people and asked.request and name_key(asked.request.profile.name) == name_key(clause.name):
            return await self._joiner(asked.request, asked, caller, None)
        if len(people) != 1:
            return await self._withheld(asked, caller, _candidates(clause.name, people))
        employee = people[0]
        if employee.profile.team == UNPLACED:
            return await self._withheld(asked, caller, f"only an address was reserved for {clause.name}: nothing is pending")
        latest, request = await self.system.store.read(
            lambda tx: (tx.runs.of_employee(employee.id)[0], tx.people.request_of(employee.id))
        )
        if TASK_WRITE not in caller.scopes:
            return await self._planned(request, asked, caller, [TASK_WRITE])
        order = _order(asked.task, None if ONBOARD in caller.scopes else ITEM_ACTIONS)
        try:
            return await self.system.edge.retry(latest.id, _entitled(caller), order=order, request_id=self.request_id)
        except InvalidRequest as error:
            if latest.status is not RunStatus.DONE:
                raise
            withheld = error.what.removeprefix(f"{error.field}: ") if isinstance(error, Against) else ""
            settled = "" if withheld else f"everything that was due is in place for {employee.profile.name}"
            return await self._reading(replace(asked.task, settled=settled, withheld=withheld), caller)

    # --- runs that change nothing -----------------------------------------------------------------------------------------

    async def _planned(self, request: Request | None, asked: Asked, caller: Caller, missing: list[str]) -> Run:
        """A caller who may not have it done gets what would be done: a sealed plan, which somebody else may apply."""
        why, plan = f"{caller.name} lacks the scope {missing[0]!r}", ""
        if request is not None and not asked.task.agent:
            try:
                made = await Planning(self.system).plan(request, _entitled(caller))
                why, plan = f"{why}; the plan of it can be applied by somebody who may", made.to_text()
            except AgentOpsError as error:
                why = f"{why}; no plan can be made: {error.what}"
        return await self._withheld(asked, caller, why, plan)

    async def _withheld(self, asked: Asked, caller: Caller, why: str, plan: str = "") -> Run:
        return await self._reading(replace(asked.task, withheld=why, plan=plan), caller)

    async def _reading(self, task: Task, caller: Caller) -> Run:
        return await self.system.edge.told(lambda tx: self._queued(tx, "", task, (), caller, None), self.request_id)

    def _queued(
        self, tx: Tx, employee_id: str, task: Task, effects: tuple[Proposal, ...], caller: Caller, request: Request | None
    ) -> Run:
        run_id = str(uuid.uuid4())
        tx.runs.insert(run_id, employee_id, LifecycleEvent.TASK, None)
        tx.tasks.insert(run_id, task)
        grant = self.system.edge.granting.of_task(run_id, employee_id, effects, caller, request)
        record_grant(tx, grant, self.system.edge.policy)
        tx.logs.event(run_id, "run", f"task: {task.text}", status=RunStatus.QUEUED.value)
        run = tx.runs.get(run_id)
        assert run is not None  # noqa: S101 - inserted above
        return run


def _order(task: Task, kinds: frozenset[Action] | None) -> TaskOrder:
    """The order for a task, which has no effect of another kind than its one agent's tools, if it has one agent."""
    its = actions_of(task.agent)
    return TaskOrder(task, kinds if its is None else its if kinds is None else kinds & its)


def _beyond(its: frozenset[Action], asked: Asked, clauses: tuple[WriteClause, ...]) -> bool:
    """Whether the task asks for a change that an agent with these effects cannot even begin."""
    if clauses:
        return any(not _NEEDED[one.change] & its for one in clauses)
    return asks_for_a_change(asked.task.text) or "access_items" in asked.task.context


def _entitled(caller: Caller) -> Caller:
    """The caller for what an authorised request asked for before, or for a plan, which changes nothing."""
    return Caller(caller.name, caller.scopes | {ONBOARD})


def _living(tx: Tx, name: str) -> list[Employee]:
    return [person for person in tx.people.named(name) if person.status is not EmployeeStatus.ERASED]


def _meant(tx: Tx, name: str, asked: Asked) -> list[Employee]:
    """Everybody of the full name that stands in the task; one of them when the context says which."""
    found = _living(tx, name)
    chosen = [person for person in found if person.id == asked.employee_id]
    chosen += [p for p in found if asked.request and identity_of(p.profile) == identity_of(asked.request.profile)]
    return chosen[:1] if chosen else found


def _candidates(name: str, people: list[Employee]) -> str:
    if not people:
        return f"no employee is called {name!r}"
    them = "; ".join(f"employee {p.id}, {p.profile.team}, {p.address or 'no address'}" for p in people[:10])
    return f"{len(people)} employee{'s are' if len(people) > 1 else ' is'} called {name!r}: say which in the context ({them})"
