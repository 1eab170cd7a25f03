"""What the guard must answer, written down a second time and without Cedar: the oracle, and the table of every case."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta, timezone
from itertools import product

from agent_ops.domain.effects import Action, Proposal
from agent_ops.domain.grants import Grant
from agent_ops.policies.guard_rules import Case, GuardRules, Place

MAY = {
    Action.RESERVE_ADDRESS: "entra",
    Action.CREATE_ACCOUNT: "entra",
    Action.LINK_ACCOUNT: "entra",
    Action.SET_ATTRIBUTES: "entra",
    Action.SET_MANAGER: "entra",
    Action.ENABLE_ACCOUNT: "entra",
    Action.ADD_TO_GROUP: "entra",
    Action.DISABLE_ACCOUNT: "entra",
    Action.RUN_PIPELINE: "jenkins",
    Action.REVOKE_PIPELINE: "jenkins",
    Action.SEND_MAIL: "notify",
    Action.ISSUE_ACCESS_PASS: "operator",
    Action.WITHDRAW_ACCESS_PASS: "operator",
}
"""The one agent that may do an action."""
KINDS = {Action.RUN_PIPELINE: "pipeline", Action.REVOKE_PIPELINE: "pipeline", Action.ADD_TO_GROUP: "group"}
"""What the catalogue must have under the item."""
GIVING = (Action.RUN_PIPELINE, Action.ADD_TO_GROUP)
"""What needs an entitlement."""
PERMITTED = ("entra", "jenkins", "notify", "operator")
AGENTS = (*PERMITTED, "github")
"""The last one reads only: it has no permit."""
NOW = datetime(2026, 3, 2, 9, 30, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Facts:
    """What can be right or wrong about a case; everything is right to begin with."""

    same_employee: bool = True
    granted: bool = True
    in_time: bool = True
    kind: bool = True
    placed: bool = True
    allowed: bool = True


RIGHT = Facts()
NAMES = tuple(field.name for field in fields(Facts))


def must_allow(agent: str, action: Action, facts: Facts) -> bool:
    """The oracle."""
    bounded = facts.same_employee and facts.granted and facts.in_time
    of_this_kind = facts.kind or action not in KINDS
    entitled = (facts.placed and facts.allowed) or action not in GIVING
    return agent == MAY[action] and bounded and of_this_kind and entitled


def case(agent: str, action: Action, facts: Facts = RIGHT) -> Case:
    """A case with these facts. What is not granted is so in one thing only: the grant has all its neighbours."""
    proposal = Proposal(agent, action, "aws")
    others = [replace(proposal, item=item) for item in ("AWS", "aws ", "github")]
    others += [replace(proposal, agent=other) for other in PERMITTED if other != agent]
    others += [replace(proposal, action=other) for other in Action if other is not action]
    listed = [e for e in others if e.agent in PERMITTED] + [proposal] * facts.granted
    expires_at = NOW + timedelta(milliseconds=1 if facts.in_time else 0)
    grant = Grant("run", "e-1", "caller", tuple(listed), "v1", NOW - timedelta(days=1), expires_at, "k1")
    kind = KINDS.get(action, "account") if facts.kind else {"pipeline": "group"}.get(KINDS.get(action, ""), "nothing")
    place = Place("engineering", "L2", "lisbon", "PT", "Employee") if facts.placed else Place(placed=False)
    return Case(proposal, grant, "e-1" if facts.same_employee else "e-2", place, kind, facts.allowed, NOW)


def contradictions(rules: GuardRules) -> Iterator[tuple[str, Action, Facts]]:
    """Every agent, action and combination of facts for which the rules and the oracle say different things."""
    for agent, action in product(AGENTS, Action):
        for values in product((True, False), repeat=len(NAMES)):
            facts = Facts(**dict(zip(NAMES, values, strict=True)))
            if (rules.denial(case(agent, action, facts)) is None) != must_allow(agent, action, facts):
                yield agent, action, facts
