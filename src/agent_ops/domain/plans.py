"""Plans: the effects that a request would have, written down before any of them happens."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import Enum
from typing import Any

from agent_ops.domain.access import AccessItem, ItemStatus
from agent_ops.domain.effects import ACCOUNT_ACTIONS, NOT_YET, Action, Proposal
from agent_ops.domain.errors import PlanInvalid
from agent_ops.domain.runs import Request

VERSION = 1
_KIND = "agent-ops plan"


class Prospect(str, Enum):
    """What would come of a planned effect."""

    TO_DO = "to do"  # nothing is seen to stand in its way
    WAITING = "waiting"  # it would be done later: on its day, or when a pause is over
    FAILED = "would fail"
    HELD = "would be held"  # a person must decide first
    UNKNOWN = "unknown"  # an earlier run may have done it, and the service cannot tell


_MAIL_WORDS = frozenset({"subject", "body", "html"})


@dataclass(frozen=True)
class PlannedEffect:
    """One effect that would be carried out.

    Args:
        key: the effect's key, the same as when it is performed.
        attempt: 1, or one more than the attempt that an earlier run closed in vain.
        pinned: every value that would be sent; ``NOT_YET`` stands for ids that the service has not given yet.
        prospect: what would come of it, as far as the service can be asked now.
        reason: what it waits for, or why it would not succeed.
    """

    key: str
    proposal: Proposal
    attempt: int
    pinned: dict[str, Any]
    prospect: Prospect = Prospect.TO_DO
    reason: str = ""

    @property
    def happens(self) -> bool:
        """Whether it would be done, now or later."""
        return self.prospect in (Prospect.TO_DO, Prospect.WAITING)

    def to_json(self) -> dict[str, Any]:
        agent, action, item = self.proposal.agent, self.proposal.action.value, self.proposal.item
        whose = {"key": self.key, "attempt": self.attempt, "agent": agent, "action": action, "item": item}
        return {**whose, "prospect": self.prospect.value, "reason": self.reason, "pinned": self.pinned}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> PlannedEffect:
        proposal = Proposal(data["agent"], Action(data["action"]), data["item"])
        prospect = Prospect(data["prospect"])
        return cls(data["key"], proposal, data["attempt"], data["pinned"], prospect, data["reason"])


@dataclass(frozen=True)
class Difference:
    """One thing in which the present state asks for something else than a plan has."""

    effect: Proposal
    field: str
    planned: str
    present: str

    def __str__(self) -> str:
        return f"{self.effect.action.value} {self.effect.item}: {self.field} was {self.planned}, would now be {self.present}"


@dataclass(frozen=True)
class Plan:
    """What a request would change, and nothing of it done yet. ``seal`` is an HMAC over all the rest.

    Args:
        effects: account, groups, pipelines, mails; empty when everything is in place.
        items: where every access item would stand afterwards, denied ones with their reason.
        summary: one line on what would come of it.
        run_after: the day on which the run would begin.
    """

    employee_id: str
    request: Request
    caller: str
    policy_version: str
    made_at: datetime
    effects: tuple[PlannedEffect, ...]
    items: tuple[AccessItem, ...]
    summary: str
    key_id: str
    idempotency_key: str | None = None
    run_after: date | None = None
    seal: str = ""

    @property
    def account(self) -> PlannedEffect | None:
        """The effect that would give the employee an account; None when there is one."""
        return next((e for e in self.effects if e.proposal.action in ACCOUNT_ACTIONS), None)

    @property
    def address(self) -> str | None:
        """The address that would be created; None when no account would be."""
        return self.account.pinned.get("userPrincipalName") if self.account else None

    def body(self) -> dict[str, Any]:
        """Everything that the seal covers, as JSON."""
        return {
            "kind": _KIND,
            "version": VERSION,
            "made_at": self.made_at.isoformat(),
            "caller": self.caller,
            "employee": self.employee_id,
            "request": self.request.to_json(),
            "idempotency_key": self.idempotency_key,
            "run_after": self.run_after.isoformat() if self.run_after else None,
            "policy_version": self.policy_version,
            "summary": self.summary,
            "effects": [effect.to_json() for effect in self.effects],
            "items": [{"item": i.item, "status": i.status.value, "reason": i.reason, "detail": i.detail} for i in self.items],
            "key_id": self.key_id,
        }

    def to_text(self) -> str:
        """The plan file: JSON in exactly one spelling, so that every changed byte is seen."""
        return json.dumps({**self.body(), "seal": self.seal}, ensure_ascii=False, indent=2) + "\n"

    @classmethod
    def from_text(cls, text: str) -> Plan:
        """Read a plan file. Its seal is verified when it is applied.

        Raises:
            PlanInvalid: it is no plan, or is not spelt as it was written.
        """
        try:
            plan = cls._from_json(json.loads(text))
        except Exception as error:  # noqa: BLE001 - whatever is wrong with foreign JSON, it is no plan
            raise PlanInvalid(f"this is no plan that can be read: {type(error).__name__}: {error}") from None
        if plan.to_text() != text:
            raise PlanInvalid("the plan was changed since it was made")
        return plan

    @classmethod
    def _from_json(cls, data: dict[str, Any]) -> Plan:
        if (data["kind"], data["version"]) != (_KIND, VERSION):
            raise ValueError(f"{data['kind']!r} of version {data['version']!r} is not known")
        return cls(
            employee_id=data["employee"],
            request=Request.from_json(data["request"]),
            caller=data["caller"],
            policy_version=data["policy_version"],
            made_at=datetime.fromisoformat(data["made_at"]),
            effects=tuple(PlannedEffect.from_json(effect) for effect in data["effects"]),
            items=tuple(AccessItem(i["item"], ItemStatus(i["status"]), i["reason"], i["detail"]) for i in data["items"]),
            summary=data["summary"],
            key_id=data["key_id"],
            idempotency_key=data["idempotency_key"],
            run_after=date.fromisoformat(data["run_after"]) if data["run_after"] else None,
            seal=data["seal"],
        )

    def sealed(self, seal: str) -> Plan:
        """The same plan with this seal."""
        return replace(self, seal=seal)

    def differences(self, present: Plan) -> tuple[Difference, ...]:
        """In what the plan of the present state differs: keys, attempts, pinned values, and whether effects would happen."""
        planned, now = ({effect.key: effect for effect in plan.effects} for plan in (self, present))
        stands = {item.item: f"{item.status.value}: {item.reason}".rstrip(": ") for item in present.items}
        found: list[Difference] = []
        for key in dict.fromkeys([*planned, *now]):
            old, new = planned.get(key), now.get(key)
            if old is not None and new is not None:
                found += _changed(old, new)
            elif old is not None:
                nothing = f"no effect ({stands.get(old.proposal.item, 'not needed any more')})"
                found.append(Difference(old.proposal, "effect", "to be done", nothing))
            elif new is not None:
                found.append(Difference(new.proposal, "effect", "not in the plan", "to be done"))
        return tuple(found)


def _changed(old: PlannedEffect, new: PlannedEffect) -> Iterator[Difference]:
    """Whether something waits is no difference: it is done in the end."""
    if old.attempt != new.attempt:
        yield Difference(old.proposal, "attempt", str(old.attempt), str(new.attempt))
    if old.happens != new.happens or (not old.happens and old.prospect is not new.prospect):
        yield Difference(old.proposal, "prospect", _words(old), _words(new))
    before, after = flattened(bound(old.pinned)), flattened(bound(new.pinned))
    for field in dict.fromkeys([*before, *after]):
        if before.get(field) != after.get(field):
            yield Difference(old.proposal, field, before.get(field, "absent"), after.get(field, "absent"))


def bound(pinned: dict[str, Any]) -> dict[str, Any]:
    """The pinned values that a plan binds: all but a mail's words, which tell what went on beside it until it was written."""
    return {name: value for name, value in pinned.items() if name not in _MAIL_WORDS}


def _words(effect: PlannedEffect) -> str:
    return "to be done" if effect.happens else f"{effect.prospect.value}: {effect.reason}"


def flattened(values: dict[str, Any], above: str = "") -> dict[str, str]:
    """Nested values by their dotted names, each as JSON."""
    flat: dict[str, str] = {}
    for name, value in values.items():
        flat |= flattened(value, f"{above}{name}.") if isinstance(value, dict) else {above + name: _text(value)}
    return flat


def _text(value: Any) -> str:
    return NOT_YET if value == NOT_YET else json.dumps(value, ensure_ascii=False)
