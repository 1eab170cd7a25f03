"""The guard's rules: Cedar policies, parsed once, that judge one proposed effect at a time. https://docs.cedarpolicy.com"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import Any

import cedarpy
import structlog

from agent_ops.domain.effects import Proposal
from agent_ops.domain.grants import Grant

log = structlog.get_logger(__name__)
PLACEHOLDERS = frozenset({"agent", "action", "item", "expires_at"})
"""What a rule's reason may have filled in: ids and codes, so that no personal data reaches the audit."""
_LONGEST_REASON = 300
_KEPT = 1024  # grants: more than a process drives at a time


@dataclass(frozen=True)
class Place:
    """Where an employee stands in today's entitlement policy, by its keys; ``placed`` is False when it does not have them."""

    team: str = ""
    level: str = ""
    location: str = ""
    country: str = ""
    employee_type: str = ""
    placed: bool = True


@dataclass(frozen=True)
class Case:
    """Everything that the rules judge by.

    Args:
        kind: what today's policy has under the proposal's item: 'pipeline', 'group', 'account', 'notice' or 'nothing'.
        allowed: today's entitlement policy lets the employee have the item.
    """

    proposal: Proposal
    grant: Grant
    employee_id: str
    place: Place
    kind: str
    allowed: bool
    now: datetime


@dataclass(frozen=True)
class Rule:
    """One Cedar policy: its ``@id``, whether it permits or forbids, and the reason that its denials give."""

    id: str
    permits: bool
    reason: str
    file: str


class GuardRules:
    """A set of rules and the schema that they were checked against. Default deny: whatever goes wrong denies.

    Args:
        rules: by the ids that Cedar gave them, in the order of the files.
        version: a hash of all the texts.
    """

    def __init__(
        self, policies: cedarpy.PolicySet, schema: cedarpy.Schema, rules: Mapping[str, Rule], version: str, text: str
    ) -> None:
        self._policies, self._schema, self._rules = policies, schema, dict(rules)
        self.version, self.text = version, text
        self._parsed: dict[Grant, cedarpy.Entities] = {}

    @property
    def rules(self) -> tuple[Rule, ...]:
        return tuple(self._rules.values())

    def denial(self, case: Case) -> str | None:
        """Why the case's proposal is denied, in one line; None when a rule permits it and none forbids it."""
        proposal = case.proposal
        unable = f"agent {proposal.agent} may not do {proposal.action.value}"
        try:
            entities = self._granted(case.grant).with_added_json_str(json.dumps(_entities(case)), self._schema)
            answer = cedarpy.is_authorized(_request(case), self._policies, entities, schema=self._schema)
        except Exception as error:
            log.error("guard_failed", exc_info=error)
            return _line(f"{unable}: the guard's rules cannot judge it ({type(error).__name__})")
        if answer.diagnostics.errors:  # Cedar leaves out a rule that fails, a forbid too: that must not count as allowed
            return _line(f"{unable}: the guard's rules cannot judge it ({answer.diagnostics.errors[0]})")
        if answer.decision is cedarpy.Decision.Allow:
            return None
        return _line(self._reason(answer.diagnostics.reasons, case) or unable)

    def _granted(self, grant: Grant) -> cedarpy.Entities:
        """The grant as an entity. It is the same in all of a run's cases, and takes longer to parse than all else to judge."""
        parsed = self._parsed.get(grant)
        if parsed is None:
            parsed = cedarpy.Entities.from_json_str(json.dumps([_grant_entity(grant)]), self._schema)
            if len(self._parsed) >= _KEPT:
                self._parsed.clear()
            self._parsed[grant] = parsed
        return parsed

    def _reason(self, fitting: Sequence[str], case: Case) -> str:
        """The reason of the first forbid that fits; empty when it is only that no permit does."""
        rule = next((rule for key, rule in self._rules.items() if key in fitting), None)
        if rule is None:
            return ""
        proposal, expires_at = case.proposal, case.grant.expires_at.isoformat(timespec="seconds")
        filled = {"agent": proposal.agent, "action": proposal.action.value, "item": proposal.item, "expires_at": expires_at}
        return rule.reason.format_map(filled)


def _line(text: str) -> str:
    """One line of bounded length: an agent's or an item's name may be anything."""
    return " ".join(text.split())[:_LONGEST_REASON]


def _uid(kind: str, key: str) -> dict[str, str]:
    return {"type": kind, "id": key}


def _ref(kind: str, key: str) -> dict[str, Any]:
    return {"__entity": _uid(kind, key)}


def _request(case: Case) -> dict[str, Any]:
    """Who wants what, in which circumstances. Ids are values in JSON, never spliced into Cedar's text."""
    return {
        "principal": _uid("Agent", case.proposal.agent),
        "action": _uid("Action", case.proposal.action.value),
        "resource": _uid("Item", case.proposal.item),
        "context": {"now": _moment(case.now), "grant": _ref("Grant", case.grant.run_id)},
    }


def _grant_entity(grant: Grant) -> dict[str, Any]:
    effects = [
        {"agent": _ref("Agent", e.agent), "action": _ref("Action", e.action.value), "item": _ref("Item", e.item)}
        for e in grant.effects
    ]
    expires_at = {"__extn": {"fn": "datetime", "arg": _moment(grant.expires_at)}}
    attrs = {"employee": _ref("Employee", grant.employee_id), "effects": effects, "expires_at": expires_at}
    return {"uid": _uid("Grant", grant.run_id), "attrs": attrs, "parents": []}


def _entities(case: Case) -> list[dict[str, Any]]:
    item = {"kind": case.kind, "allowed": case.allowed, "employee": _ref("Employee", case.employee_id)}
    return [
        {"uid": _uid("Employee", case.employee_id), "attrs": asdict(case.place), "parents": []},
        {"uid": _uid("Item", case.proposal.item), "attrs": item, "parents": []},
    ]


def _moment(time: datetime) -> str:
    """Cedar's form of a time, in milliseconds: https://docs.cedarpolicy.com/policies/syntax-datatypes.html#datatype-datetime"""
    return time.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
