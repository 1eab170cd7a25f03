"""The edge: an authenticated request becomes an employee, a run and a grant in one transaction, or one clear error."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timezone

from agent_ops.domain.access import AccessItem, ItemStatus
from agent_ops.domain.account import start_of
from agent_ops.domain.addresses import local_part
from agent_ops.domain.effects import keyed_id
from agent_ops.domain.employee import UNPLACED, EmployeeStatus, check_key, checked_day, identity_of
from agent_ops.domain.errors import IdentityConflict, InvalidRequest
from agent_ops.domain.grants import Caller
from agent_ops.domain.plans import Plan
from agent_ops.domain.policy import EntitlementPolicy
from agent_ops.domain.ports import EvidenceSource
from agent_ops.domain.runs import LifecycleEvent, Request, Run, RunStatus
from agent_ops.domain.separation import collision
from agent_ops.ledger.limiter import Limiter
from agent_ops.ledger.recording import record_grant
from agent_ops.runtime.admission import (
    Admission,
    TaskOrder,
    asked_before,
    cause,
    check_ended,
    check_looks_like_nobody,
    check_not_undone,
    hold_to,
    is_over,
)
from agent_ops.runtime.approvals import Approvals
from agent_ops.runtime.asking import check_caller
from agent_ops.runtime.granting import Granting
from agent_ops.runtime.naming import told
from agent_ops.runtime.recommending import Recommending, given, with_items
from agent_ops.runtime.remembering import PatternMemory
from agent_ops.runtime.tombstones import check_not_erased
from agent_ops.storage import Transactions, Tx

MAX_KEY_CHARACTERS = 255
_ON_RETRY = "Nothing was done. Repeat the first request unchanged, or give the new references to `agent-ops retry RUN`."


@dataclass(frozen=True)
class Edge:
    """Admits requests. ``sources`` are where approvals are looked up, by kind; ``memory`` recommends."""

    store: Transactions
    policy: EntitlementPolicy
    granting: Granting
    identity_key: bytes
    limiter: Limiter = field(default_factory=Limiter)
    sources: Mapping[str, EvidenceSource] = field(default_factory=dict)
    memory: PatternMemory | None = None

    async def admit(
        self,
        request: Request,
        caller: Caller,
        idempotency_key: str | None = None,
        run_after: date | None = None,
        request_id: str | None = None,
        order: TaskOrder | None = None,
    ) -> Run:
        """Record the employee and a queued run with its grant; a repeat of a known request gives its run again.

        A request that was held and comes again with a person's decision (``link_existing``, ``new_person``) gets a new run.

        Args:
            request: what is asked for.
            caller: who asks.
            idempotency_key: marks a repeat.
            run_after: the day on which the run begins, in the location's time zone.
            request_id: names the request in the log; made when not given.
            order: the task for which a new run is made.

        Raises:
            NotPermitted: the caller lacks the scope.
            InvalidRequest: the request does not fit the policy.
            IdentityConflict: the same person, or the same Idempotency-Key, came with other contents before.
            ServiceError: an approval cannot be looked up; nothing was recorded.
        """
        admission = replace(self._checked(request, caller, idempotency_key, run_after), order=order)
        await self.recommending.warm()
        if request.evidence and await self.store.read(lambda tx: self._known_run(tx, admission)) is None:
            admission = await self._approved(admission)
        return await self.told(lambda tx: self._known_run(tx, admission) or self._new_run(tx, admission), request_id)

    async def take_up(
        self,
        request: Request,
        caller: Caller,
        idempotency_key: str | None = None,
        run_after: date | None = None,
        plan: Plan | None = None,
        request_id: str | None = None,
    ) -> Run:
        """Admit a request, or queue a run for what an ended run of the same request did not do.

        Args:
            plan: the run applies it: it may do exactly the plan's effects, and has the planned address reserved. None while
                planning, of which no log tells.
            request_id: names the request in the log; made when not given.

        Returns:
            The queued run; the employee's last one when everything is in place; the one that applies the plan already.

        Raises:
            InvalidRequest: the request does not fit the policy, or a run for it goes on.
            NotPermitted, IdentityConflict: as :meth:`admit`. PlanOutdated: somebody else was given the planned address.
        """
        admission = replace(await self._approved(self._checked(request, caller, idempotency_key, run_after)), plan=plan)

        def work(tx: Tx) -> Run:
            if plan is not None and (applied := tx.runs.with_plan(plan.seal)) is not None:
                return applied
            if self._known_run(tx, admission) is None:
                return self._new_run(tx, admission)
            latest = tx.runs.of_employee(admission.employee_id)[0]
            check_ended(latest)
            return latest if is_over(tx, latest, admission) else self._further_run(tx, admission)

        return await (self.store.transaction(work) if plan is None else self.told(work, request_id))

    async def retry(
        self,
        run_id: str,
        caller: Caller,
        evidence: Mapping[str, str] | None = None,
        order: TaskOrder | None = None,
        request_id: str | None = None,
    ) -> Run:
        """Queue a new run that does what the given one did not: what failed, was unknown, held or never tried.

        It has a grant of its own, from today's caller and policy; what succeeded is not done again. Approvals are looked up
        anew; ``evidence`` are references in the place of the request's own, ``order`` the task for which the run is made.

        Raises:
            NotFound: no such run. NotPermitted: the caller lacks the scope.
            InvalidRequest: the run goes on, or nothing is left to do. ServiceError: an approval cannot be looked up.
        """
        employee_id, request = await self.store.read(lambda tx: asked_before(tx, run_id))
        request = replace(request, evidence={**request.evidence, **(evidence or {})})
        checked = replace(self._checked(request, caller), employee_id=employee_id, order=order)
        admission = await self._approved(checked)

        def work(tx: Tx) -> Run:
            latest = tx.runs.of_employee(employee_id)[0]
            check_ended(latest)
            if is_over(tx, latest, admission):
                raise InvalidRequest("run", "everything that was due is in place", "There is nothing to retry.")
            before = tx.people.request_of(employee_id)
            tx.people.set_request(employee_id, admission.request)
            run = self._further_run(tx, admission)
            self.recommending.changed(tx, run, admission, before)
            return run

        return await self.told(work, request_id)

    async def told(self, work: Callable[[Tx], Run], request_id: str | None) -> Run:
        """Commit the work as :func:`agent_ops.runtime.naming.told` does."""
        return await told(self.store, work, request_id)

    def _checked(
        self, request: Request, caller: Caller, idempotency_key: str | None = None, run_after: date | None = None
    ) -> Admission:
        """What can be said of a request without looking into the database."""
        check_caller(request, caller)
        check_key("idempotency_key", idempotency_key, MAX_KEY_CHARACTERS)
        run_after = checked_day("run_after", run_after)
        due = self.policy.due(request.profile, request.access_items)
        items = self._approvals.outstanding(request, due)
        local_part(request.profile.name)
        return Admission(
            request=Request.from_json(request.to_json()),  # as stored: the order of its items says nothing
            caller=caller,
            items=items,
            employee_id=keyed_id(self.identity_key, identity_of(request.profile)),
            run_id=str(uuid.uuid4()),
            idempotency_key=idempotency_key,
            wake_at=self._wake_at(request, run_after),
            unproved=frozenset(item.item for item in set(items) - set(due)),
        )

    @property
    def recommending(self) -> Recommending:
        """What memory has for those who come."""
        return Recommending(self.policy, self.memory)

    @property
    def _approvals(self) -> Approvals:
        return Approvals(self.policy, self.sources, self.identity_key)

    async def _approved(self, admission: Admission) -> Admission:
        """The admission once the approvals that it refers to were looked up: outside any transaction."""
        if not admission.request.evidence:
            return admission
        request, requester = admission.request, admission.caller.name
        known = await self.store.read(lambda tx: tx.people.get(admission.employee_id))
        items, evidence = await self._approvals.look_up(request, admission.items, admission.unproved, requester, known)
        return replace(admission, items=items, evidence=evidence)

    def _new_run(self, tx: Tx, admission: Admission) -> Run:
        """The first run of an employee, or the one that a person's decision about a held one makes possible."""
        employee_id, offers = admission.employee_id, self.recommending.offers(tx, admission)
        admission = with_items(admission, given(offers))
        self.policy.check_separation(_pending(admission.items), tx.people.held(employee_id))
        before = tx.people.request_of(employee_id)
        if before is None:
            tx.people.insert(employee_id, admission.request)
        tx.people.set_request(employee_id, admission.request)
        tx.people.place(employee_id, admission.request)
        tx.people.set_items(employee_id, admission.items)
        run = self._queued(tx, admission)
        self.recommending.record(tx, run, admission, offers)
        self.recommending.changed(tx, run, admission, before)
        return run

    def _further_run(self, tx: Tx, admission: Admission) -> Run:
        """A run for what earlier ones did not do."""
        check_not_undone(tx, admission.employee_id)
        admission = self.recommending.again(tx, admission)
        in_place = {item.item for item in tx.people.items(admission.employee_id) if item.status.in_place}
        held = tx.people.held(admission.employee_id)
        items = tuple(self._separated(item, held) for item in admission.items)
        self.policy.check_separation(_pending(items) - in_place)
        tx.people.set_items(admission.employee_id, [item for item in items if item.item not in in_place])
        items = tuple(item for item in items if item.item not in in_place or item.status is ItemStatus.PENDING)
        return self._queued(tx, replace(admission, items=items, idempotency_key=None))  # the first run has the key

    def _separated(self, item: AccessItem, held: frozenset[str]) -> AccessItem:
        """The item, denied when today's policy lets nobody have it beside what is held already."""
        found = collision(self.policy.separations, {item.item}, held - {item.item})
        denied = found is not None and item.status is ItemStatus.PENDING
        return replace(item, status=ItemStatus.DENIED, reason=found.words) if denied and found else item

    def _known_run(self, tx: Tx, admission: Admission) -> Run | None:
        """The run of an equal request; None when the person is new, or when a held one was decided."""
        request, employee_id, idempotency_key = admission.request, admission.employee_id, admission.idempotency_key
        check_not_erased(tx, employee_id)
        name, stored = request.profile.name, tx.people.request_of(employee_id)
        same = stored == request
        if stored is not None and stored.profile.team == UNPLACED and not same:
            check_ended(tx.runs.of_employee(employee_id)[0])
            return None  # an address was reserved for them; now they are hired
        if idempotency_key is not None and (run := tx.runs.with_idempotency_key(idempotency_key)):
            if run.employee_id != employee_id or not same:
                raise IdentityConflict(
                    "this Idempotency-Key came with another request before", "Use a new key for a new request."
                )
            return run
        if stored is not None and self._decided(tx, stored, request, employee_id):
            return None
        if identity_of(request.profile).startswith("name:") and tx.people.named(name):
            raise IdentityConflict(
                f"an employee named {name} is known already, and the request has nothing else to tell people apart"
            )
        if stored is None:
            check_looks_like_nobody(tx, name)
            return None
        if not same:
            other = "evidence" if replace(stored, evidence=request.evidence) == request else "contents"
            raise IdentityConflict(f"{name} is known already, with other {other}", _ON_RETRY if other == "evidence" else None)
        return tx.runs.of_employee(employee_id)[0]

    @staticmethod
    def _decided(tx: Tx, stored: Request, request: Request, employee_id: str) -> bool:
        """Whether this is a held request, with a person's decision on whose account it is."""
        asked = replace(request, link_existing=stored.link_existing, new_person=stored.new_person)
        held = tx.runs.of_employee(employee_id)[0].status is RunStatus.HELD
        return held and asked == stored and request != stored

    def _queued(self, tx: Tx, admission: Admission) -> Run:
        request, items, plan = admission.request, admission.items, admission.plan
        run_id, employee_id = admission.run_id, admission.employee_id
        number = len(tx.runs.of_employee(employee_id)) + 1
        order, kinds = admission.order, admission.order.kinds if admission.order else None
        event = LifecycleEvent.TASK if order else request.event
        tx.runs.insert(run_id, employee_id, event, admission.idempotency_key, admission.wake_at)
        if order is not None:
            tx.tasks.insert(run_id, order.task)
        tx.people.set_status(employee_id, EmployeeStatus.PENDING)
        only = {effect.proposal for effect in plan.effects} if plan else None
        grant = self.granting.grant(
            request, run_id, employee_id, items, admission.caller, number, only, admission.evidence, kinds
        )
        if plan is not None:
            hold_to(tx, run_id, plan)
        tx.logs.event(run_id, "run", f"{request.profile.name} recorded, {len(items)} access items", status="queued")
        for item in items:
            if item.status is ItemStatus.DENIED:
                tx.logs.event(run_id, "status", item.reason, item=item.item, status=item.status.value)
                tx.logs.audit("denied", run_id, employee_id, item=item.item, detail=cause(admission, item.item))
        record_grant(tx, grant, self.policy)
        run = tx.runs.get(run_id)
        assert run is not None  # noqa: S101 - inserted above
        self.limiter.admitted(tx, run, admission.caller.name, datetime.now(timezone.utc))
        return run

    def _wake_at(self, request: Request, run_after: date | None) -> float:
        """Midnight of a day in the location's time zone, as Unix seconds; 0 for at once."""
        if run_after is None:
            return 0.0
        day = start_of(replace(request.profile, joining_date=run_after), self.policy.post_of(request.profile))
        return day.timestamp() if day and day > datetime.now(timezone.utc) else 0.0


def _pending(items: tuple[AccessItem, ...]) -> set[str]:
    return {item.item for item in items if item.status is ItemStatus.PENDING}
