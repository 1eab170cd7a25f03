"""Requests and the runs that carry them out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import Enum
from typing import Any

from agent_ops.domain.access import AccessItem
from agent_ops.domain.employee import Employee, Profile, check_fields
from agent_ops.domain.evaluation import Evaluation
from agent_ops.domain.recommendation import Choice
from agent_ops.domain.usage import Usage


class LifecycleEvent(str, Enum):
    """Why a run is made. Movers and leavers come later."""

    JOINER = "joiner"
    TASK = "task"  # free-form: what it may change, if anything, its grant says
    FIRST_SIGN_IN = "first_sign_in"  # a task of a person, carried out in that person's process: no dispatcher drives it


class RunStatus(str, Enum):
    """Where a run stands."""

    QUEUED = "queued"
    RUNNING = "running"
    WAITING = "waiting"  # nobody drives it until its time to look again has come
    HELD = "held"  # a person must decide before it can go on
    DONE = "done"  # everything that was due is in place
    FAILED = "failed"  # ended, and something that was due is not in place
    REFUSED = "refused"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self not in (RunStatus.QUEUED, RunStatus.RUNNING, RunStatus.WAITING)


@dataclass(frozen=True)
class Request:
    """One lifecycle event for one employee, as its caller stated it. ``access_items`` None means: by birthright.

    Args:
        link_existing: object id of an Entra account that is to become the employee's.
        new_person: a person said that a deleted or disabled account of the same name belongs to somebody else.
        evidence: references to approvals by catalogue item, such as {'database': 'SEC-17'}.
    """

    profile: Profile
    access_items: tuple[str, ...] | None = None
    event: LifecycleEvent = LifecycleEvent.JOINER
    link_existing: str | None = None
    new_person: bool = False
    evidence: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """A JSON object, in which two requests for the same thing are equal."""
        items = None if self.access_items is None else sorted(self.access_items)
        return {
            "event": self.event.value,
            "profile": self.profile.to_json(),
            "access_items": items,
            "link_existing": self.link_existing,
            "new_person": self.new_person,
            **({"evidence": dict(self.evidence)} if self.evidence else {}),
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Request:
        """Read :meth:`to_json` back.

        Raises:
            InvalidRequest: a field is unknown or missing, or cannot be like that.
        """
        check_fields(data, {field.name for field in fields(cls)}, {"profile", "access_items", "event"})
        items = data["access_items"]
        return cls(
            Profile.from_json(data["profile"]),
            None if items is None else tuple(items),
            LifecycleEvent(data["event"]),
            data.get("link_existing"),
            data.get("new_person", False),
            data.get("evidence", {}),
        )


@dataclass(frozen=True)
class Run:
    """One execution. ``id`` is a UUID and the LangGraph thread id. Times are UTC; before ``wake_at`` nobody drives it.

    ``employee_id`` is empty for a task that only reads.
    ``usage`` is what planner and agents asked of a chat model.
    """

    id: str
    employee_id: str
    event: LifecycleEvent
    status: RunStatus
    created_at: datetime
    finished_at: datetime | None = None
    summary: str = ""
    wake_at: datetime | None = None
    usage: Usage = field(default_factory=Usage)


@dataclass(frozen=True)
class Event:
    """One line of what a run did or thought. ``id`` grows with time over all runs; ``at`` is UTC."""

    id: int
    run_id: str
    employee_id: str
    at: datetime
    kind: str  # thought, action, status, mail, model, run, recommend
    message: str
    agent: str = ""
    item: str = ""
    status: str = ""


@dataclass(frozen=True)
class Mail:
    """A notice as the ledger knows it: taken by the mail server, or in the outbox, with the server's last answer."""

    notice: str
    recipient: str
    message_id: str
    delivered: bool = True
    reason: str = ""


EVERYTHING = "everything"


@dataclass(frozen=True)
class Pause:
    """Changes that an administrator stopped: ``everything``, those of an agent ('agent:jenkins') or of an item ('item:aws')."""

    scope: str
    by: str
    reason: str
    at: datetime

    @property
    def words(self) -> str:
        why = f": {self.reason}" if self.reason else ""
        return f"{self.scope.replace(':', ' ')} is paused by {self.by} since {self.at:%Y-%m-%d %H:%M} UTC{why}"


@dataclass(frozen=True)
class RunReport:
    """A run with everything that came of it: what `agent-ops status` shows and the library returns.

    ``account`` are the parts of the company account: account, attributes, manager, enabled. ``denials`` counts what the run
    asked for and was denied, as the audit has it. ``evaluation`` says how the run did, once it has ended.
    ``recommended`` is what long-term memory suggested, and what the employee was given unasked.
    """

    run: Run
    employee: Employee
    items: tuple[AccessItem, ...]
    mails: tuple[Mail, ...] = ()
    account: tuple[AccessItem, ...] = ()
    events: tuple[Event, ...] = field(default=(), repr=False)
    denials: int = 0
    evaluation: Evaluation | None = None
    recommended: tuple[Choice, ...] = ()
