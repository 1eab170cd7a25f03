"""Requests and the runs that carry them out."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

from agent_ops.domain.access import AccessItem
from agent_ops.domain.employee import Employee, Profile


class LifecycleEvent(str, Enum):
    """Why a request is made. Movers and leavers come later."""

    JOINER = "joiner"


class RunStatus(str, Enum):
    """Where a run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"
    HELD = "held"
    DONE = "done"  # everything that was due is in place
    FAILED = "failed"  # ended, and something that was due is not in place
    REFUSED = "refused"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self in (RunStatus.DONE, RunStatus.FAILED, RunStatus.REFUSED, RunStatus.CANCELLED)


@dataclass(frozen=True)
class Request:
    """One lifecycle event for one employee, as its caller stated it. ``access_items`` None means: by birthright."""

    profile: Profile
    access_items: tuple[str, ...] | None = None
    event: LifecycleEvent = LifecycleEvent.JOINER

    def to_json(self) -> dict[str, Any]:
        """A JSON object, in which two requests for the same thing are equal."""
        items = None if self.access_items is None else sorted(self.access_items)
        return {"event": self.event.value, "profile": self.profile.to_json(), "access_items": items}


@dataclass(frozen=True)
class Run:
    """One execution. ``id`` is a UUID and the LangGraph thread id. Times are UTC."""

    id: str
    employee_id: str
    event: LifecycleEvent
    status: RunStatus
    created_at: datetime
    finished_at: datetime | None = None
    summary: str = ""


@dataclass(frozen=True)
class Event:
    """One line of what a run did or thought. ``id`` grows with time over all runs; ``at`` is UTC."""

    id: int
    run_id: str
    employee_id: str
    at: datetime
    kind: str  # thought, action, status, mail, run
    message: str
    agent: str = ""
    item: str = ""
    status: str = ""


@dataclass(frozen=True)
class Mail:
    """A notice that was sent, as the ledger knows it."""

    notice: str
    recipient: str
    message_id: str


@dataclass(frozen=True)
class RunReport:
    """A run with everything that came of it: what `agent-ops status` shows and the library returns."""

    run: Run
    employee: Employee
    items: tuple[AccessItem, ...]
    mails: tuple[Mail, ...] = ()
    events: tuple[Event, ...] = field(default=(), repr=False)
