"""What one run may change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from agent_ops.domain.effects import Action, Proposal


@dataclass(frozen=True)
class Caller:
    """Who asks: an authenticated name and the scopes it holds."""

    name: str
    scopes: frozenset[str] = frozenset({"onboard", "status"})


@dataclass(frozen=True)
class Grant:
    """The only authority for effects: made by code from the authenticated request, never by a model.

    ``seal`` is an HMAC over all the other fields under the key that ``key_id`` names.
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

    def body(self) -> dict[str, Any]:
        """Everything that the seal covers, as JSON."""
        return {
            "run_id": self.run_id,
            "employee_id": self.employee_id,
            "caller": self.caller,
            "effects": [[e.agent, e.action.value, e.item] for e in sorted(self.effects)],
            "policy_version": self.policy_version,
            "issued_at": self.issued_at.isoformat(),
            "expires_at": self.expires_at.isoformat(),
            "key_id": self.key_id,
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
        )
