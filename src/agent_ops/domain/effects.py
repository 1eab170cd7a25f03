"""Intended changes of the outside world: what is asked for, under which key, and what became of it."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

from agent_ops.domain.secret import Secret


class Action(str, Enum):
    """Everything that Agent Ops can change outside. A closed list: whatever is not here cannot be done."""

    RESERVE_ADDRESS = "entra.reserve_address"  # changes our own records only, once the directory says that it is free
    CREATE_ACCOUNT = "entra.create_account"
    LINK_ACCOUNT = "entra.link_account"  # an existing account becomes the employee's, by its object id
    SET_ATTRIBUTES = "entra.set_attributes"
    SET_MANAGER = "entra.set_manager"
    ENABLE_ACCOUNT = "entra.enable_account"
    ADD_TO_GROUP = "entra.add_to_group"
    RUN_PIPELINE = "jenkins.run_pipeline"
    SEND_MAIL = "mail.send"
    DISABLE_ACCOUNT = "entra.disable_account"
    REVOKE_PIPELINE = "jenkins.run_revocation"
    ISSUE_ACCESS_PASS = "entra.issue_access_pass"  # noqa: S105 - an action; on an authorised person's word only
    WITHDRAW_ACCESS_PASS = "entra.withdraw_access_pass"  # noqa: S105


ACCOUNT_ACTIONS = frozenset({Action.CREATE_ACCOUNT, Action.LINK_ACCOUNT})
"""The two ways to an account; a grant lists one of them."""
ITEM_ACTIONS = frozenset({Action.ADD_TO_GROUP, Action.RUN_PIPELINE})
"""The actions that give an access item of the catalogue."""
UNDO_ACTIONS = frozenset({Action.DISABLE_ACCOUNT, Action.REVOKE_PIPELINE})
"""What reverses a run; a grant for them lists nothing else but mails."""
SIGN_IN_ACTIONS = frozenset({Action.ISSUE_ACCESS_PASS, Action.WITHDRAW_ACCESS_PASS})
"""What a first sign-in needs; no other grant lists any of them."""
NOTIFIER = "notify"
"""Who sends the mails: the notify node, which is no agent of the registry."""
OPERATOR = "operator"
"""The agent that acts on a person's word, within that person's process: no node of any graph has this name."""


@dataclass(frozen=True, order=True)
class Proposal:
    """What a tool may say: which agent wants which action for which item. Subject and values are not its to choose.

    ``item`` is a catalogue key, a notice's name, or a part of the account: 'account', 'attributes', 'manager'.
    """

    agent: str
    action: Action
    item: str


def effect_key(employee_id: str, action: Action, item: str, generation: int = 0) -> str:
    """The key of an effect: 32 hex digits, the same for every run, process, machine and restored database.

    ``generation`` rises only after a recorded revocation.
    """
    text = "\x1f".join((employee_id, action.value, item, str(generation)))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def keyed_id(installation_key: bytes, text: str) -> str:
    """HMAC-SHA-256 of a text under the installation key, 32 hex digits: an identity that says nothing about a person."""
    return hmac.new(installation_key, text.encode(), hashlib.sha256).hexdigest()[:32]


class EffectState(str, Enum):
    """Where the ledger stands with an effect."""

    OPEN = "open"  # the intent is committed; it may have been sent
    ACCEPTED = "accepted"  # the service took it and gave a handle; its result is awaited
    SUCCEEDED = "succeeded"  # final
    FAILED = "failed"  # this attempt is closed
    UNKNOWN = "unknown"  # absence cannot be proved; nothing is repeated
    HELD = "held"  # nothing was done: a person must decide first


@dataclass(frozen=True)
class Intent:
    """An effect as the ledger holds it, with every value that will be sent.

    ``marker`` is what we leave at the service to find our work again: the key and the attempt. ``pinned`` are the
    values, secrets excepted; ``handle`` is what the service gave on acceptance. ``look_back`` is set when the database was
    restored from a backup of that time: the service may hold what the database does not know.
    """

    key: str
    run_id: str
    employee_id: str
    proposal: Proposal
    attempt: int
    pinned: dict[str, Any]
    opened_at: datetime
    state: EffectState = EffectState.OPEN
    handle: dict[str, Any] | None = None
    result: dict[str, Any] = field(default_factory=dict)
    reason: str = ""
    owner: str = ""
    lands_by: datetime | None = None
    look_back: datetime | None = None

    @property
    def marker(self) -> str:
        return f"{self.key}.{self.attempt}"

    @property
    def since(self) -> datetime:
        """No work of ours at the service is older."""
        return self.look_back or self.opened_at

    def bears_our_mark(self, text: str) -> bool:
        """Whether a marker found at the service is this attempt's; after a restore also a later attempt's, which was lost."""
        key, _, attempt = text.partition(".")
        if self.look_back is None:
            return text == self.marker
        return key == self.key and attempt.isdigit() and int(attempt) >= self.attempt


class Presence(str, Enum):
    """What a look-up at the service found under our marker."""

    OURS = "ours"
    FOREIGN = "foreign"
    ABSENT = "absent"
    CANNOT_TELL = "cannot_tell"


@dataclass(frozen=True)
class Finding:
    """The answer of a look-up. ``handle`` or ``result`` is there when it is ours: still going on, or done.

    ``resend_is_safe`` goes with absent: sending again does no harm even if an earlier request still lands, because the
    service's own uniqueness decides (accounts, memberships) or because a repeat is allowed (mail).
    """

    presence: Presence
    handle: dict[str, Any] | None = None
    result: dict[str, Any] | None = None
    why: str = ""
    resend_is_safe: bool = False


@dataclass(frozen=True)
class Accepted:
    """The service took the work and will finish it later; ``handle`` finds it again."""

    handle: dict[str, Any]


@dataclass(frozen=True)
class Completed:
    """The work is done. ``result`` is what is worth keeping, free of secrets; ``secret`` is for the caller and never kept."""

    result: dict[str, Any]
    secret: Secret | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class Failed:
    """The service did the work badly or refused it for good. ``detail`` is its longer word (a console's tail)."""

    reason: str
    detail: str = ""


@dataclass(frozen=True)
class Uncertain:
    """It may have been done, and the service cannot prove that it was not: nothing is repeated."""

    reason: str


@dataclass(frozen=True)
class Held:
    """Nothing was done, because a person must decide first (a suspected rehire)."""

    reason: str


@dataclass(frozen=True)
class Waiting:
    """Not over yet: ask again in ``seconds``. ``handle`` replaces the stored one when more is known by now."""

    reason: str
    seconds: float
    handle: dict[str, Any] | None = None


Answer = Completed | Failed | Uncertain | Held
"""How an attempt can end."""
Foreseen = Completed | Failed | Held | None
"""What a service would answer to a send; None when nothing is seen to stand in its way."""
NOT_YET = "(not yet)"
"""Stands in a plan for an id that a service has not given yet."""


class OutcomeKind(str, Enum):
    """How one call of the door ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"
    DENIED = "denied"
    HELD = "held"
    WAITING = "waiting"  # not over: the same call again later goes on with it


@dataclass(frozen=True)
class Outcome:
    """What the door answers. ``message`` is one line that a person and a planner can read.

    ``seconds`` goes with waiting: after them it is worth asking again. ``secret`` is there only for the call that made it.
    """

    kind: OutcomeKind
    message: str
    result: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    secret: Secret | None = field(default=None, repr=False, compare=False)

    @property
    def succeeded(self) -> bool:
        return self.kind is OutcomeKind.SUCCEEDED
