"""The edge: an authenticated request becomes an employee, a run and a grant in one transaction, or one clear error."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

from agent_ops.domain.access import AccessItem, ItemStatus
from agent_ops.domain.addresses import local_part
from agent_ops.domain.effects import Action, Proposal, keyed_id
from agent_ops.domain.employee import identity_of
from agent_ops.domain.errors import IdentityConflict, InvalidRequest, NotPermitted
from agent_ops.domain.grants import Caller, Grant
from agent_ops.domain.notices import Notice
from agent_ops.domain.policy import EntitlementPolicy, GroupItem
from agent_ops.domain.runs import Request, Run
from agent_ops.ledger.grants import GrantBook
from agent_ops.storage import Store, Tx
from agent_ops.storage.rows import dump

GRANT_DAYS = 30
MAX_KEY_CHARACTERS = 255
SCOPE = "onboard"


@dataclass(frozen=True)
class Edge:
    """Admits requests."""

    store: Store
    policy: EntitlementPolicy
    grants: GrantBook
    identity_key: bytes

    async def admit(self, request: Request, caller: Caller, idempotency_key: str | None = None) -> Run:
        """Record the employee and a queued run with its grant; a repeat of a known request gives its run again.

        Raises:
            NotPermitted: the caller lacks the scope.
            InvalidRequest: the request does not fit the policy.
            IdentityConflict: the same person, or the same Idempotency-Key, came with other contents before.
        """
        if SCOPE not in caller.scopes:
            raise NotPermitted(f"{caller.name} lacks the scope {SCOPE!r}")
        if idempotency_key is not None and not 0 < len(idempotency_key) <= MAX_KEY_CHARACTERS:
            raise InvalidRequest("idempotency_key", f"must have 1 to {MAX_KEY_CHARACTERS} characters")
        items = self.policy.due(request.profile, request.access_items)
        local_part(request.profile.name)
        employee_id = keyed_id(self.identity_key, identity_of(request.profile))

        def work(tx: Tx) -> Run:
            known = self._known_run(tx, request, employee_id, idempotency_key)
            return known or self._new_run(tx, request, employee_id, items, caller, idempotency_key)

        return await self.store.transaction(work)

    def _known_run(self, tx: Tx, request: Request, employee_id: str, idempotency_key: str | None) -> Run | None:
        """The run of an equal request; None when the person is new."""
        name, stored = request.profile.name, tx.people.request_of(employee_id)
        same = stored == dump(request.to_json())
        if idempotency_key is not None and (run := tx.runs.with_idempotency_key(idempotency_key)):
            if run.employee_id != employee_id or not same:
                raise IdentityConflict(
                    "this Idempotency-Key came with another request before", "Use a new key for a new request."
                )
            return run
        if identity_of(request.profile).startswith("name:") and tx.people.named(name):
            raise IdentityConflict(
                f"an employee named {name} is known already, and the request has nothing else to tell people apart"
            )
        if stored is None:
            return None
        if not same:
            raise IdentityConflict(f"{name} is known already, with other contents")
        return tx.runs.of_employee(employee_id)[0]

    def _new_run(
        self,
        tx: Tx,
        request: Request,
        employee_id: str,
        items: tuple[AccessItem, ...],
        caller: Caller,
        idempotency_key: str | None,
    ) -> Run:
        run_id = str(uuid.uuid4())
        tx.people.insert(employee_id, request)
        tx.people.set_items(employee_id, items)
        tx.runs.insert(run_id, employee_id, request.event, idempotency_key)
        grant = self.grants.sealed(self._grant(request, run_id, employee_id, items, caller))
        tx.runs.insert_grant(grant)
        tx.logs.event(run_id, employee_id, "run", f"{request.profile.name} recorded, {len(items)} access items", status="queued")
        for item in items:
            if item.status is ItemStatus.DENIED:
                tx.logs.event(run_id, employee_id, "status", item.reason, item=item.item, status=item.status.value)
                tx.logs.audit("denied", run_id, employee_id, item=item.item, detail="beyond the entitlement policy")
        tx.logs.audit("grant", run_id, employee_id, detail=grant.seal)
        run = tx.runs.get(run_id)
        assert run is not None  # noqa: S101 - inserted above
        return run

    def _grant(self, request: Request, run_id: str, employee_id: str, items: tuple[AccessItem, ...], caller: Caller) -> Grant:
        now = datetime.now(timezone.utc)
        return Grant(
            run_id=run_id,
            employee_id=employee_id,
            caller=caller.name,
            effects=self._effects(items),
            policy_version=self.policy.version,
            issued_at=now,
            expires_at=max(now, self._start(request)) + timedelta(days=GRANT_DAYS),
            key_id=self.grants.key_id,
        )

    def _effects(self, items: tuple[AccessItem, ...]) -> tuple[Proposal, ...]:
        """Everything that the run may need: the account, each pending item, the two mails."""
        effects = [Proposal("entra", Action.CREATE_ACCOUNT, "account")]
        for item in items:
            if item.status is ItemStatus.PENDING:
                is_group = isinstance(self.policy.catalogue[item.item], GroupItem)
                effects.append(
                    Proposal("entra", Action.ADD_TO_GROUP, item.item)
                    if is_group
                    else Proposal("jenkins", Action.RUN_PIPELINE, item.item)
                )
        return (*effects, *(Proposal("notify", Action.SEND_MAIL, notice.value) for notice in Notice))

    def _start(self, request: Request) -> datetime:
        """The first working day's midnight in the location's time zone."""
        if request.profile.joining_date is None:
            return datetime.now(timezone.utc)
        location = self.policy.location_of(request.profile)
        zone = ZoneInfo(location.zone) if location else timezone.utc
        return datetime.combine(request.profile.joining_date, time(), zone)
