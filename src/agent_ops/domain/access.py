"""Access items: what an employee is due, and how far it has come."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from agent_ops.domain.effects import EffectState


class ItemStatus(str, Enum):
    """Where one access item stands."""

    PENDING = "pending"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"  # the service said that it is done
    VERIFIED = "verified"  # ... and a reading agent saw it
    FAILED = "failed"
    DENIED = "denied"  # asked for, but not allowed
    HELD = "held"
    UNKNOWN = "unknown"  # may have been done; where the service cannot prove it, nothing is repeated

    @property
    def in_place(self) -> bool:
        """Whether the employee has the access."""
        return self in (ItemStatus.COMPLETED, ItemStatus.VERIFIED)


HELD_BY = (ItemStatus.COMPLETED, ItemStatus.VERIFIED, ItemStatus.IN_PROGRESS, ItemStatus.UNKNOWN)
"""Where an item stands that the employee has, or may have."""


@dataclass(frozen=True)
class AccessItem:
    """One entitlement of one employee. ``detail`` is a longer text, such as the tail of a console."""

    item: str
    status: ItemStatus
    reason: str = ""
    detail: str = ""

    @property
    def contradicted(self) -> bool:
        """Whether the service said that it is done, and a reading agent did not see it; ``reason`` says what was missed."""
        return self.status is ItemStatus.COMPLETED and bool(self.reason)


STANDING = {
    EffectState.OPEN: ItemStatus.IN_PROGRESS,
    EffectState.ACCEPTED: ItemStatus.IN_PROGRESS,
    EffectState.SUCCEEDED: ItemStatus.COMPLETED,
    EffectState.FAILED: ItemStatus.FAILED,
    EffectState.UNKNOWN: ItemStatus.UNKNOWN,
    EffectState.HELD: ItemStatus.HELD,
}
"""Where a part of the account stands, by the state of its effect; access items have a status of their own."""
