"""What is known of a run when something is decided, and the preconditions that are pure functions of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from agent_ops.domain.access import AccessItem, ItemStatus
from agent_ops.domain.effects import Action, Proposal
from agent_ops.domain.runs import LifecycleEvent


@dataclass(frozen=True)
class Known:
    """Facts read from storage and ledger, never from a model or a checkpoint.

    ``due`` are the effects that the grant lists; ``done`` those of them that succeeded; ``closed`` maps the others that
    were tried in this run to what became of them.
    """

    run_id: str
    event: LifecycleEvent
    account_ready: bool
    items: tuple[AccessItem, ...]
    due: tuple[Proposal, ...] = ()
    done: frozenset[Proposal] = frozenset()
    closed: dict[Proposal, str] = field(default_factory=dict)

    def status_of(self, item: str) -> ItemStatus | None:
        return next((known.status for known in self.items if known.item == item), None)

    def open_effects(self, action: Action) -> list[Proposal]:
        """The due effects of one kind that were neither done nor tried in vain."""
        return [p for p in self.due if p.action is action and p not in self.done and p not in self.closed]


Precondition = Callable[[Known, str], str | None]
"""What must be true before a tool acts on an item: None when it is, else why it is not."""


def account_exists(known: Known, item: str) -> str | None:
    """Access can be given to an account only."""
    return None if known.account_ready else f"{item} needs the account, which does not exist"


def unmet(preconditions: tuple[Precondition, ...], known: Known, item: str) -> str | None:
    """The first precondition that does not hold, in words; None when all hold."""
    return next((why for why in (check(known, item) for check in preconditions) if why), None)
