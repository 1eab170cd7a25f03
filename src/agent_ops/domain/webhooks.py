"""Webhooks: what receivers are told, as Standard Webhooks has it (https://www.standardwebhooks.com). It names nobody."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum

from agent_ops.domain.runs import Event


class Outcome(str, Enum):
    """How one try to deliver a message ended: the receiver has it, is asked again, or is not asked any more."""

    TAKEN = "taken"
    FAILED = "failed"
    GIVEN_UP = "given_up"


@dataclass(frozen=True)
class Message:
    """One message for one receiver.

    Args:
        id: the same at each try.
        body: the same at each try, byte for byte.
        tries: how often it was tried before.
    """

    id: str
    body: str
    tries: int = 0


def kind_of(event: Event) -> str:
    """The kind of message that an event makes, such as 'run.done' or 'item.completed'; empty for none."""
    if event.kind == "run" and event.status:
        return f"run.{event.status}"
    return f"item.{event.status}" if event.kind == "status" and event.item and event.status else ""


def body_of(event: Event) -> str:
    """The body for an event that makes a message: ids and statuses. Words are read where a key opens them."""
    data = {
        "event_id": event.id,
        "run_id": event.run_id,
        "employee_id": event.employee_id,
        "agent": event.agent,
        "item": event.item,
        "status": event.status,
        "status_url": f"/api/runs/{event.run_id}",
    }
    return json.dumps({"type": kind_of(event), "timestamp": event.at.isoformat(), "data": data}, separators=(",", ":"))
