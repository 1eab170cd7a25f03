"""Cancelling a run: it stops before its next effect; what it did can be reversed by a run of its own."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone

import structlog

from agent_ops.domain.access import ItemStatus
from agent_ops.domain.effects import Action, EffectState, Intent, Proposal
from agent_ops.domain.errors import InvalidRequest, NotFound
from agent_ops.domain.grants import Caller
from agent_ops.domain.policy import EntitlementPolicy, PipelineItem
from agent_ops.domain.runs import LifecycleEvent, Run, RunStatus
from agent_ops.graphs.runbook import summarise
from agent_ops.ledger.journal import RunJournal
from agent_ops.ledger.limiter import Limiter
from agent_ops.ledger.recording import record_grant
from agent_ops.runtime.granting import Granting
from agent_ops.runtime.naming import named, told
from agent_ops.runtime.tombstones import check_not_erased
from agent_ops.storage import Store, Tx

log = structlog.get_logger(__name__)
SCOPE = "onboard"


@dataclass(frozen=True)
class Canceller:
    """Ends runs on a person's word."""

    store: Store
    policy: EntitlementPolicy
    granting: Granting
    journal: RunJournal
    limiter: Limiter = field(default_factory=Limiter)

    async def cancel(self, run_id: str, caller: Caller, request_id: str | None = None) -> Run:
        """End a run before its next effect, whoever drives it; what was sent already is recorded when it answers.

        Returns:
            The run, whose summary states what was done.

        Raises:
            NotPermitted: the caller lacks the scope. NotFound: no such run. InvalidRequest: it has ended.
        """
        caller.require(SCOPE)
        run = await self.store.read(lambda tx: tx.runs.get(run_id))
        if run is None:
            raise NotFound(f"there is no run {run_id!r}")
        if run.event is LifecycleEvent.FIRST_SIGN_IN:
            raise InvalidRequest("run", "it is a first sign-in, which ends by itself")
        known = await self.journal.known(run_id)
        summary = f"cancelled by {caller.name}: {summarise(known)}"

        def work(tx: Tx) -> Run:
            now = tx.runs.get(run_id)
            assert now is not None  # noqa: S101 - runs are never removed
            if now.status.ended and now.status is not RunStatus.HELD:
                raise InvalidRequest("run", f"run {run_id} has ended: {now.status.value}", "See `agent-ops status`.")
            pending = [i for i in tx.people.items(now.employee_id) if i.status in (ItemStatus.PENDING, ItemStatus.HELD)]
            tx.people.set_items(
                now.employee_id, [replace(i, status=ItemStatus.PENDING, reason="the run was cancelled") for i in pending]
            )
            tx.runs.finish(run_id, RunStatus.CANCELLED, summary)
            tx.logs.event(run_id, "run", summary, status=RunStatus.CANCELLED.value)
            tx.logs.audit("run_ended", run_id, now.employee_id, detail=f"cancelled by={tx.audit.caller(caller.name)}")
            return tx.runs.get(run_id) or now

        asked = named(request_id)
        cancelled = await self.store.transaction(work)
        log.info("run_cancelled", request=asked, run=run_id)  # its other lines name the request that made it
        return cancelled

    async def undo(self, run_id: str, caller: Caller, request_id: str | None = None) -> Run:
        """Queue a run that reverses what the given, ended run created: disables the account, takes back what pipelines gave.

        Groups stay: a disabled account cannot use them.

        Raises:
            NotPermitted: the caller lacks the scope. NotFound: no such run. IdentityConflict: the person was erased.
            InvalidRequest: another run of the employee goes on, or there is nothing to reverse.
        """
        caller.require(SCOPE)

        def work(tx: Tx) -> Run:
            run = tx.runs.get(run_id)
            if run is None:
                raise NotFound(f"there is no run {run_id!r}")
            check_not_erased(tx, run.employee_id)
            runs = tx.runs.of_employee(run.employee_id)
            if going := next((r for r in runs if not r.status.ended), None):
                raise InvalidRequest("run", f"run {going.id} goes on", "Cancel it first.")
            done = [i for i in tx.effects.of_employee(run.employee_id) if i.run_id == run_id and _stands(tx, i)]
            effects = [p for intent in done if (p := self._reversal(intent)) is not None]
            if not effects:
                raise InvalidRequest("run", "it created nothing that can be reversed")
            new_id, request = str(uuid.uuid4()), tx.people.request_of(run.employee_id)
            tx.runs.insert(new_id, run.employee_id, run.event, None)
            grant = self.granting.of_effects(new_id, run.employee_id, tuple(effects), caller, len(runs) + 1, request=request)
            tx.logs.event(new_id, "run", f"undoing run {run_id}", status=RunStatus.QUEUED.value)
            record_grant(tx, grant, self.policy)
            queued = tx.runs.get(new_id)
            assert queued is not None  # noqa: S101 - inserted above
            self.limiter.admitted(tx, queued, caller.name, datetime.now(timezone.utc))
            return queued

        return await told(self.store, work, request_id)

    def _reversal(self, intent: Intent) -> Proposal | None:
        """What reverses an effect; None when nothing does."""
        item = self.policy.catalogue.get(intent.proposal.item)
        if intent.proposal.action is Action.CREATE_ACCOUNT:
            return Proposal("entra", Action.DISABLE_ACCOUNT, intent.proposal.item)
        if intent.proposal.action is Action.RUN_PIPELINE and isinstance(item, PipelineItem) and item.revoke:
            return Proposal("jenkins", Action.REVOKE_PIPELINE, item.key)
        return None


def _stands(tx: Tx, intent: Intent) -> bool:
    """Whether an effect succeeded and was not taken back since."""
    items = {item.item: item.status for item in tx.people.items(intent.employee_id)}
    return intent.state is EffectState.SUCCEEDED and items.get(intent.proposal.item, ItemStatus.COMPLETED).in_place
