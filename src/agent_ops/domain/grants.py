"""What one run may change."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from agent_ops.domain.effects import Action, Proposal
from agent_ops.domain.errors import NotPermitted, PolicyError
from agent_ops.domain.evidence import Evidence

SCOPES: Mapping[str, str] = {
    "onboard": "ask for hires, retry, cancel and undo their runs",
    "status": "read what was done, without what is personal",
    "pii": "read what is personal in it, too",
    "link": "decide whose an existing account is",
    "task:read": "give a task in words that only reads",
    "task:write": "give a task in words that changes something",
    "update": "assert a status by hand",
    "delete": "clear a stored address",
    "admin": "pause and resume changes, close a breaker that somebody else tripped, make and revoke API keys",
    "passes": "retrieve a first sign-in",
    "erase": "erase a person's data",
}
"""Every scope there is, and what it lets its caller do."""
FORMER: Mapping[str, str] = {"signin": "passes"}
"""Scopes by the names that they had before: they stay good."""
CALLER_NAME = re.compile(r"[^\s:]{1,256}")


@dataclass(frozen=True)
class Caller:
    """Who asks: an authenticated name and the scopes it holds."""

    name: str
    scopes: frozenset[str] = frozenset({"onboard", "status", "task:read", "task:write"})

    def __post_init__(self) -> None:
        object.__setattr__(self, "scopes", frozenset(FORMER.get(scope, scope) for scope in self.scopes))

    def require(self, *scopes: str) -> None:
        """Refuse a caller who lacks one of the scopes.

        Raises:
            NotPermitted: naming the first that is missing.
        """
        if missing := sorted(set(scopes) - self.scopes):
            raise NotPermitted(f"{self.name} lacks the scope {missing[0]!r}")


def callers_from_table(table: Any) -> Mapping[str, frozenset[str]]:
    """The policy's table ``[callers]``: scopes by operating-system user.

    Raises:
        PolicyError: naming the caller whose line is wrong.
    """
    if not isinstance(table, Mapping):
        raise PolicyError("[callers] must be a table of names and their scopes")
    return {name: _scopes(name, scopes) for name, scopes in table.items()}


def _scopes(name: str, scopes: Any) -> frozenset[str]:
    if not CALLER_NAME.fullmatch(name):
        raise PolicyError(f"[callers] {name!r} is no name of a caller: no spaces, no colon")
    if not isinstance(scopes, list) or not all(isinstance(scope, str) for scope in scopes):
        raise PolicyError(f'[callers] {name} must be a list of scopes, such as ["onboard", "status"]')
    if unknown := sorted(set(scopes) - set(SCOPES) - set(FORMER)):
        raise PolicyError(f"[callers] {name} has unknown scopes: {', '.join(unknown)} (known: {', '.join(sorted(SCOPES))})")
    return frozenset(FORMER.get(scope, scope) for scope in scopes)


@dataclass(frozen=True)
class Grant:
    """The only authority for effects: made by code from the authenticated request, never by a model.

    ``seal`` is an HMAC over all the other fields under the key that ``key_id`` names. ``evidence`` are the approvals that were
    seen when it was made, ``request`` a keyed hash of the request: an employee whose record was changed since is nobody's
    subject.
    """

    run_id: str
    employee_id: str
    caller: str
    effects: tuple[Proposal, ...]
    policy_version: str
    issued_at: datetime
    expires_at: datetime
    key_id: str
    seal: str = ""
    evidence: tuple[Evidence, ...] = ()
    request: str = ""

    def body(self) -> dict[str, Any]:
        """Everything that the seal covers, as JSON. Without evidence or request it is what it was before there were any."""
        approved = {"evidence": [one.to_json() for one in self.evidence]} if self.evidence else {}
        return {
            "run_id": self.run_id,
            "employee_id": self.employee_id,
            "caller": self.caller,
            "effects": [[e.agent, e.action.value, e.item] for e in sorted(self.effects)],
            "policy_version": self.policy_version,
            "issued_at": self.issued_at.isoformat(),
            "expires_at": self.expires_at.isoformat(),
            "key_id": self.key_id,
            **approved,
            **({"request": self.request} if self.request else {}),
        }

    @classmethod
    def from_body(cls, body: dict[str, Any], seal: str) -> Grant:
        return cls(
            run_id=body["run_id"],
            employee_id=body["employee_id"],
            caller=body["caller"],
            effects=tuple(Proposal(agent, Action(action), item) for agent, action, item in body["effects"]),
            policy_version=body["policy_version"],
            issued_at=datetime.fromisoformat(body["issued_at"]),
            expires_at=datetime.fromisoformat(body["expires_at"]),
            key_id=body["key_id"],
            seal=seal,
            evidence=tuple(Evidence.from_json(one) for one in body.get("evidence", ())),
            request=body.get("request", ""),
        )
