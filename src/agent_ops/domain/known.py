"""What is known of a run when something is decided, and the preconditions that are pure functions of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from agent_ops.domain.access import AccessItem, ItemStatus
from agent_ops.domain.effects import ACCOUNT_ACTIONS, UNDO_ACTIONS, Action, Proposal
from agent_ops.domain.notices import Notice
from agent_ops.domain.runs import LifecycleEvent
from agent_ops.domain.tasks import Task


@dataclass(frozen=True)
class Known:
    """Facts read from storage and ledger, never from a model or a checkpoint.

    ``due`` are the effects that the grant lists; ``done`` those of them that succeeded; ``closed`` maps the others that
    were tried in vain to what became of them, ``under_way`` those that are not over to what they wait for.
    ``begun`` are the changes that may have been sent and whose end nobody knows: no run ends before it is known.
    ``account_groups`` are the access items without which the account is not ready, ``licences`` those of them that bring a
    licence. ``held`` says what a person must decide first. ``unknown`` are the closed ones that may have been done.
    ``written_mails`` are in the outbox: their delivery is no longer the run's business.
    ``task`` is what a free-form task asks; ``has_subject`` is false for one that is about nobody and changes nothing.
    """

    run_id: str
    event: LifecycleEvent
    account_exists: bool
    items: tuple[AccessItem, ...]
    due: tuple[Proposal, ...] = ()
    done: frozenset[Proposal] = frozenset()
    closed: dict[Proposal, str] = field(default_factory=dict)
    under_way: dict[Proposal, str] = field(default_factory=dict)
    begun: frozenset[Proposal] = frozenset()
    account_groups: frozenset[str] = frozenset()
    licences: frozenset[str] = frozenset()
    held: str = ""
    unknown: frozenset[Proposal] = frozenset()
    written_mails: frozenset[Proposal] = frozenset()
    task: Task | None = None
    has_subject: bool = True

    def status_of(self, item: str) -> ItemStatus | None:
        return next((known.status for known in self.items if known.item == item), None)

    def open_effects(self, action: Action) -> list[Proposal]:
        """The due effects of one kind that were neither done nor tried in vain."""
        return [p for p in self.due if p.action is action and p not in self.done and p not in self.closed]

    def notices_due(self, finishing: bool) -> list[Proposal]:
        """Mails whose occasion has come: the account's when it exists or failed, the others when the run finishes."""
        account_over = self.account_exists or self.account_closed is not None
        mails = [p for p in self.open_effects(Action.SEND_MAIL) if p not in self.written_mails]
        return [p for p in mails if finishing or (account_over and Notice.of(p.item) is Notice.ACCOUNT)]

    @property
    def undoing(self) -> bool:
        """Whether the run reverses an earlier one."""
        return any(p.action in UNDO_ACTIONS for p in self.due)

    @property
    def reserving(self) -> bool:
        """Whether the run may do no more than reserve an address."""
        return bool(self.due) and all(p.action is Action.RESERVE_ADDRESS for p in self.due)

    @property
    def account_closed(self) -> str | None:
        """Why there is no account and none is to be expected from this run; None when there is one, or may yet be."""
        return next((why for p, why in self.closed.items() if p.action in ACCOUNT_ACTIONS), None)

    @property
    def missing_for_account(self) -> list[str]:
        """The due groups that the account is not in yet: until then it is not ready."""
        groups = [p for p in self.due if p.action is Action.ADD_TO_GROUP and p.item in self.account_groups]
        return [p.item for p in groups if p not in self.done]

    @property
    def account_ready(self) -> bool:
        """Whether other access can be given: the account is there, in its groups, and licensed."""
        return self.account_exists and not self.missing_for_account


Precondition = Callable[[Known, str], str | None]
"""What must be true before a tool acts on an item: None when it is, else why it is not."""


def account_exists(known: Known, item: str) -> str | None:
    """Something can be done to an account only when there is one."""
    return None if known.account_exists else f"{item} needs the account, which does not exist"


def account_ready(known: Known, item: str) -> str | None:
    """A pipeline needs an account that people can use."""
    if not known.account_exists:
        return account_exists(known, item)
    missing = ", ".join(known.missing_for_account)
    return f"{item} needs the account to be ready, which is not in {missing} yet" if missing else None


def usage_location_set(known: Known, item: str) -> str | None:
    """A licence is not assigned to an account without a place of use.

    https://learn.microsoft.com/entra/fundamentals/license-users-groups
    """
    pending = [p for p in known.due if p.action is Action.SET_ATTRIBUTES and p not in known.done]
    return f"{item} needs the account's usage location, which is not set" if item in known.licences and pending else None


def unmet(preconditions: tuple[Precondition, ...], known: Known, item: str) -> str | None:
    """The first precondition that does not hold, in words; None when all hold."""
    return next((why for why in (check(known, item) for check in preconditions) if why), None)
