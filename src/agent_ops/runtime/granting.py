"""From an admitted request to its sealed grant: every effect that the run may need, and nothing else."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from agent_ops.domain.access import AccessItem, ItemStatus
from agent_ops.domain.account import start_of
from agent_ops.domain.effects import Action, Proposal
from agent_ops.domain.errors import PlanInvalid
from agent_ops.domain.evidence import Evidence
from agent_ops.domain.grants import Caller, Grant
from agent_ops.domain.notices import Notice
from agent_ops.domain.policy import EntitlementPolicy, GroupItem
from agent_ops.domain.runs import Request
from agent_ops.ledger.grants import GrantBook

GRANT_DAYS = 30
TASK_MINUTES = 15


@dataclass(frozen=True)
class Granting:
    """Makes grants from request, caller and policy."""

    policy: EntitlementPolicy
    grants: GrantBook

    def grant(
        self,
        request: Request,
        run_id: str,
        employee_id: str,
        items: tuple[AccessItem, ...],
        caller: Caller,
        number: int,
        only: Collection[Proposal] | None = None,
        evidence: tuple[Evidence, ...] = (),
        kinds: Collection[Action] | None = None,
    ) -> Grant:
        """The sealed grant of an employee's run; ``number`` counts the employee's runs from 1, ``evidence`` was seen for it.

        ``kinds`` are those of its effects that the run's task may have; None means all.
        ``only`` are the effects of the plan that the run applies: it may do no others. Raises ``PlanInvalid`` when they are
        not among those that the request may need.
        """
        start = start_of(request.profile, self.policy.post_of(request.profile))
        starts_later = start is not None and start > datetime.now(timezone.utc)
        effects = (*self._account(request, starts_later), *self._items(items))
        effects = tuple(effect for effect in effects if kinds is None or effect.action in kinds)
        return self.of_effects(run_id, employee_id, effects, caller, number, start, only, evidence, request)

    def of_effects(
        self,
        run_id: str,
        employee_id: str,
        effects: tuple[Proposal, ...],
        caller: Caller,
        number: int,
        start: datetime | None = None,
        only: Collection[Proposal] | None = None,
        evidence: tuple[Evidence, ...] = (),
        request: Request | None = None,
    ) -> Grant:
        """The sealed grant for exactly these effects, and the mails that tell of them; ``only`` as for :meth:`grant`."""
        now = datetime.now(timezone.utc)
        effects = (*effects, *_mails(number))
        if only is not None:
            if beyond := set(only) - set(effects):
                raise PlanInvalid(f"the request does not need {', '.join(sorted(p.item for p in beyond))}")
            effects = tuple(effect for effect in effects if effect in only)
        until = max(now, start or now) + timedelta(days=GRANT_DAYS)
        return self._sealed(run_id, employee_id, effects, caller, now, until, evidence, request)

    def of_task(
        self, run_id: str, employee_id: str, effects: tuple[Proposal, ...], caller: Caller, request: Request | None = None
    ) -> Grant:
        """The sealed grant for exactly these effects, carried out at once in the caller's process; no mail tells of them."""
        now = datetime.now(timezone.utc)
        until = now + timedelta(minutes=TASK_MINUTES)
        return self._sealed(run_id, employee_id, effects, caller, now, until, (), request)

    def _sealed(
        self,
        run_id: str,
        employee_id: str,
        effects: tuple[Proposal, ...],
        caller: Caller,
        now: datetime,
        until: datetime,
        evidence: tuple[Evidence, ...],
        request: Request | None,
    ) -> Grant:
        granted = {effect.item for effect in effects}
        return self.grants.sealed(
            Grant(
                run_id=run_id,
                employee_id=employee_id,
                caller=caller.name,
                effects=effects,
                policy_version=self.policy.version,
                issued_at=now,
                expires_at=until,
                key_id=self.grants.key_id,
                evidence=tuple(one for one in evidence if one.item in granted),
                request=self.grants.of_request(request) if request else "",
            )
        )

    def _account(self, request: Request, starts_later: bool) -> Iterator[Proposal]:
        """The account and what completes it, each an effect of its own."""
        linked = request.link_existing is not None
        yield Proposal("entra", Action.LINK_ACCOUNT if linked else Action.CREATE_ACCOUNT, "account")
        yield Proposal("entra", Action.SET_ATTRIBUTES, "attributes")
        if request.profile.manager:
            yield Proposal("entra", Action.SET_MANAGER, "manager")
        if self.policy.account.disabled_until_start and starts_later and not linked:
            yield Proposal("entra", Action.ENABLE_ACCOUNT, "enabled")

    def _items(self, items: tuple[AccessItem, ...]) -> Iterator[Proposal]:
        for item in items:
            if item.status is ItemStatus.PENDING:
                is_group = isinstance(self.policy.catalogue[item.item], GroupItem)
                agent, action = ("entra", Action.ADD_TO_GROUP) if is_group else ("jenkins", Action.RUN_PIPELINE)
                yield Proposal(agent, action, item.item)


def _mails(number: int) -> Iterator[Proposal]:
    """A further run of the same employee tells of itself by mails of its own."""
    for notice in Notice:
        yield Proposal("notify", Action.SEND_MAIL, notice.value if number == 1 else f"{notice.value}.{number}")
