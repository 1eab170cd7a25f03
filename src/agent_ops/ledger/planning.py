"""Plan mode: the same door, in front of a rehearsal, which asks services what they would do and tells them nothing."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime

from agent_ops.domain.effects import (
    ACCOUNT_ACTIONS,
    NOT_YET,
    Answer,
    Completed,
    Failed,
    Finding,
    Foreseen,
    Intent,
    Outcome,
    OutcomeKind,
    Presence,
    Proposal,
    Uncertain,
)
from agent_ops.domain.employee import Employee
from agent_ops.domain.errors import AgentOpsError, ServiceAmbiguous, ServiceError, ServiceUnavailable, ValueTaken
from agent_ops.domain.grants import Grant
from agent_ops.domain.plans import PlannedEffect, Prospect
from agent_ops.domain.ports import Foresight
from agent_ops.ledger.attempt import MAX_OTHER_VALUES
from agent_ops.ledger.door import Ledger
from agent_ops.ledger.opening import Opening
from agent_ops.ledger.recording import record_answer
from agent_ops.storage import Tx

_PROSPECTS = {
    OutcomeKind.SUCCEEDED: Prospect.TO_DO,
    OutcomeKind.FAILED: Prospect.FAILED,
    OutcomeKind.UNKNOWN: Prospect.UNKNOWN,
    OutcomeKind.HELD: Prospect.HELD,
}


@dataclass(frozen=True)
class PlanningLedger(Ledger):
    """The ``Door`` of plan mode. Grant, guard, limits, attempts and binding are the ledger's own.

    In the place of a send it asks the adapter what the service would answer, where the adapter can tell, and records that;
    a planned effect counts as done for what comes after it, and so does one that has to wait for its day or for a pause.
    ``store`` must be a :class:`Rehearsal`.
    """

    effects: dict[str, PlannedEffect] = field(default_factory=dict)
    troubles: list[ServiceError] = field(default_factory=list)
    _delays: dict[Proposal, str] = field(default_factory=dict, init=False)

    @property
    def _opening(self) -> Opening:
        """What has to wait is planned all the same, and shown as waiting."""
        return _RehearsedOpening(**vars(super()._opening), delays=self._delays)

    async def _send_and_record(self, intent: Intent, uncertain: bool) -> Intent | Outcome:
        try:
            intent, answer = await self._foreseen(intent, uncertain)
        except ServiceError as error:  # a plan of which a part is unknown is no plan: whoever plans is told
            self.troubles.append(error)
            return Outcome(OutcomeKind.FAILED, error.what)
        return await self._planned(intent, answer)

    async def _awaited(self, intent: Intent) -> Outcome:
        """Work that a service took for an earlier run goes on there."""
        return await self._planned(intent, Completed(_result(intent)))

    async def _planned(self, intent: Intent, answer: Answer) -> Outcome:
        outcome = await self.store.transaction(lambda tx: record_answer(tx, intent, answer))
        prospect, reason = _PROSPECTS[outcome.kind], "" if isinstance(answer, Completed) else answer.reason
        if outcome.succeeded and intent.proposal in self._delays:
            prospect, reason = Prospect.WAITING, self._delays[intent.proposal]
        self.effects[intent.key] = PlannedEffect(intent.key, intent.proposal, intent.attempt, intent.pinned, prospect, reason)
        return outcome

    async def _foreseen(self, intent: Intent, uncertain: bool) -> tuple[Intent, Answer]:
        """The intent with the values that are free, and what the service would answer."""
        for _ in range(MAX_OTHER_VALUES):
            try:
                return intent, await self._asked(intent, uncertain)
            except ValueTaken:
                intent = replace(intent, pinned=await self._repin(intent))
        return intent, Failed(f"{MAX_OTHER_VALUES} other values were taken too")

    async def _asked(self, intent: Intent, uncertain: bool) -> Answer:
        """Ask the service, again where it is worth another try. Raises ``ServiceError`` when it cannot be asked."""
        number = 0
        while True:
            try:
                return await self._look(intent) if uncertain else await self._ask(intent)
            except ValueTaken:
                raise
            except (ServiceUnavailable, ServiceAmbiguous) as error:
                pause = self.patience.pause(number, error)
                number += 1
                if number >= self.patience.tries or pause > self.patience.longest_wait:
                    raise
                await asyncio.sleep(pause)
            except AgentOpsError as final:  # as at a send: refused, or not configured
                return Uncertain(f"may have been done: {final.what}") if uncertain else Failed(final.what)

    async def _look(self, intent: Intent) -> Answer:
        """An earlier run may have done it: what the look-up finds is adopted."""
        finding: Finding = await self.adapters[intent.proposal.action].look_up(intent)
        if finding.presence is Presence.FOREIGN:
            raise ValueTaken("plan", finding.why)
        if finding.presence is Presence.CANNOT_TELL and not intent.pinned.get("idempotent"):
            return Uncertain(f"may have been done: {finding.why}")
        if finding.presence is Presence.OURS:
            return Completed(finding.result if finding.result is not None else _result(intent))
        return await self._ask(intent)

    async def _ask(self, intent: Intent) -> Answer:
        adapter = self.adapters[intent.proposal.action]
        foreseen: Foreseen = await adapter.foresee(intent) if isinstance(adapter, Foresight) else None
        return foreseen if foreseen is not None else Completed(_result(intent))


@dataclass(frozen=True)
class _RehearsedOpening(Opening):
    """Notes what would have to wait, and lets it pass."""

    delays: dict[Proposal, str]

    def not_yet(self, tx: Tx, grant: Grant, proposal: Proposal, key: str, employee: Employee, now: datetime) -> None:
        waiting = super().not_yet(tx, grant, proposal, key, employee, now)
        if waiting is not None:
            self.delays[proposal] = waiting.reason


def _result(intent: Intent) -> dict[str, str]:
    """What a service would give for it, as far as that is known before."""
    if intent.proposal.action in ACCOUNT_ACTIONS:
        return {"id": intent.pinned.get("id", NOT_YET), "address": intent.pinned.get("userPrincipalName", NOT_YET)}
    return {}
