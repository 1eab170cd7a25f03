"""Looks whether what a run completed is really there, and writes down what was seen."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import structlog

from agent_ops.domain.access import AccessItem, ItemStatus
from agent_ops.domain.effects import ITEM_ACTIONS
from agent_ops.domain.employee import Employee
from agent_ops.domain.errors import AgentOpsError, NotFound
from agent_ops.domain.known import Known
from agent_ops.domain.plain import one_line
from agent_ops.domain.policy import EntitlementPolicy
from agent_ops.domain.ports import Verifier
from agent_ops.domain.verification import Sight, Sighting, VerifyRule
from agent_ops.ledger.journal import RunJournal
from agent_ops.storage import Tx

logger = logging.getLogger(__name__)
PAUSES = (0.5, 2.0)
"""Seconds before another look at what was not there: a service may show a new thing late."""
LOOK_SECONDS = 30.0
_WORDS = 300
_SIGHTS = frozenset(sight.value for sight in Sight)


@dataclass(frozen=True)
class Inspector:
    """The ``Inspection`` port.

    Whatever goes wrong with looking leaves an item as it is, and fails no run. A crash before the record lets another look
    happen; what is recorded is not looked at again in that run.

    Args:
        verifiers: who looks, by kind; items of other kinds stay ``completed`` without a word.
        pauses: seconds before each further look.
    """

    journal: RunJournal
    policy: EntitlementPolicy
    verifiers: Mapping[str, Verifier]
    pauses: Sequence[float] = PAUSES

    async def verify(self, run_id: str) -> None:
        """Look at every item that this run was to give, is completed, and can be seen somewhere."""
        if not any(item.verify and item.verify.kind in self.verifiers for item in self.policy.catalogue.values()):
            return
        known = await self.journal.known(run_id)
        employee, told = await self.journal.store.read(lambda tx: _of_run(tx, run_id))
        due = [(key, rule) for key, rule in self._verifiable(known) if key not in told]
        await asyncio.gather(*(self._one(run_id, employee, key, rule) for key, rule in due))

    def _verifiable(self, known: Known) -> Iterator[tuple[str, VerifyRule]]:
        for key in dict.fromkeys(p.item for p in known.due if p.action in ITEM_ACTIONS):
            rule = self.policy.catalogue[key].verify if key in self.policy.catalogue else None
            if rule and rule.kind in self.verifiers and known.status_of(key) is ItemStatus.COMPLETED:
                yield key, rule

    async def _one(self, run_id: str, employee: Employee, key: str, rule: VerifyRule) -> None:
        with structlog.contextvars.bound_contextvars(run=run_id, item=key):  # what readers' clients log names the run
            found = await self._looked(rule, employee)
        await self.journal.store.transaction(lambda tx: _record(tx, run_id, employee, key, found))

    async def _looked(self, rule: VerifyRule, employee: Employee) -> Sighting:
        """What is to be seen, at the latest after the last pause."""
        verifier, what = self.verifiers[rule.kind], f"{rule.kind} {rule.target}"
        for pause in (*self.pauses, None):
            try:
                where = await asyncio.wait_for(verifier.look(rule.target, employee), LOOK_SECONDS)
            except (AgentOpsError, asyncio.TimeoutError) as error:
                return Sighting(Sight.UNVERIFIED, f"could not be looked at ({what}): {error or 'no answer in time'}")
            except Exception as error:
                logger.warning("the verifier of %s failed", rule.kind, exc_info=error)
                return Sighting(Sight.UNVERIFIED, f"could not be looked at ({what}): {type(error).__name__}")
            if where:
                return Sighting(Sight.VERIFIED, f"seen: {where}")
            if pause is not None:
                await asyncio.sleep(pause)
        return Sighting(Sight.CONTRADICTED, f"reported as done, but not seen there ({what})")


def _of_run(tx: Tx, run_id: str) -> tuple[Employee, frozenset[str]]:
    """Whom the run is about, and the items of which it was told what was seen."""
    run = tx.runs.get(run_id)
    employee = tx.people.get(run.employee_id) if run else None
    if employee is None:
        raise NotFound(f"there is no run {run_id}, or its employee is gone")
    return employee, _told(tx, run_id)


def _told(tx: Tx, run_id: str) -> frozenset[str]:
    return frozenset(event.item for event in tx.logs.all_events(run_id) if event.status in _SIGHTS and event.item)


def _record(tx: Tx, run_id: str, employee: Employee, key: str, found: Sighting) -> None:
    """Status, event and audit change together; once a run, and only what still stands as it was told to us."""
    status = next((item.status for item in tx.people.items(employee.id) if item.item == key), None)
    if status is not ItemStatus.COMPLETED or key in _told(tx, run_id):
        return
    words = one_line(found.words, _WORDS)
    if found.sight is not Sight.UNVERIFIED:
        now = ItemStatus.VERIFIED if found.sight is Sight.VERIFIED else ItemStatus.COMPLETED
        tx.people.set_items(employee.id, [AccessItem(key, now, words)])
    tx.logs.event(run_id, "status", f"{key}: {words}", item=key, status=found.sight.value)
    tx.logs.audit(found.sight.value, run_id, employee.id, item=key)
