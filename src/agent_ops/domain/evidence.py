"""Approval evidence: what a catalogue item demands, what a source says of a reference, and whether that is enough.

Everything here is pure. A source only states facts (``Approval``); whether they suffice is decided by ``shortfall`` alone,
whatever the source. Words that people wrote are compared, never obeyed, and never kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from agent_ops.domain.employee import Employee, Profile
from agent_ops.domain.errors import InvalidRequest, PolicyError
from agent_ops.domain.names import name_key

JIRA = "jira"
MAX_REFERENCE = 64
_LONG_NUMBER = 4  # characters; shorter ones stand in any text
_KEYS = {"kind", "project", "pattern", "approved_status", "approved_category", "max_age_days", "must_name", "approver_is_not"}
_KIND = re.compile(r"[a-z][a-z0-9_-]{0,31}")
_PROJECT = re.compile(r"[A-Z][A-Z0-9_]{1,254}")
_ISSUE = re.compile(r"[A-Z][A-Z0-9_]{1,50}-[1-9]\d{0,11}")  # Jira's default: project key, hyphen, number
_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/#-]*")
_NAMED = frozenset({"beneficiary", "item"})
_OTHERS = frozenset({"requester", "reporter"})


@dataclass(frozen=True)
class EvidenceRule:
    """What a catalogue item demands before it may be granted.

    Args:
        kind: which source is asked: 'jira', or one that an entry point adds.
        project: where the reference must lie; for Jira the project's key. Empty for kinds that have none.
        pattern: a regular expression that the whole reference must match.
        approved_status: the statuses that count as approved, in any case.
        approved_category: also the status's category must be this one ('done'); empty: any.
        max_age: how long ago the approval may be; None: for ever.
        must_name: what title or description must name: 'beneficiary', 'item'.
        approver_is_not: who besides the beneficiary may not be the approver: 'requester' (the caller), 'reporter'.
    """

    kind: str
    approved_status: tuple[str, ...]
    project: str = ""
    pattern: str = ""
    approved_category: str = ""
    max_age: timedelta | None = None
    must_name: frozenset[str] = frozenset()
    approver_is_not: frozenset[str] = frozenset({"requester"})

    @property
    def words(self) -> str:
        """What has to be given, for people."""
        return f"a {self.kind} reference" + (f" of project {self.project}" if self.project else "")

    def fits(self, kind: str, reference: str) -> bool:
        """Whether a reference is of this kind, in this project."""
        at_home = not self.project or self.kind != JIRA or reference.rpartition("-")[0] == self.project
        return kind == self.kind and at_home and (not self.pattern or bool(re.fullmatch(self.pattern, reference)))

    @classmethod
    def from_table(cls, where: str, table: Any) -> EvidenceRule:
        """The rule of an item's table ``evidence``.

        Raises:
            PolicyError: naming what is wrong.
        """
        if not isinstance(table, Mapping):
            raise PolicyError(f"{where} evidence must be a table")
        if unknown := set(table) - _KEYS:
            raise PolicyError(
                f"{where} evidence has unknown keys: {', '.join(sorted(unknown))} (known: {', '.join(sorted(_KEYS))})"
            )
        kind, project = _text(where, table, "kind"), _text(where, table, "project")
        if not _KIND.fullmatch(kind):
            raise PolicyError(f"{where} evidence needs a kind, such as 'jira'")
        if kind == JIRA and not _PROJECT.fullmatch(project):
            raise PolicyError(f"{where} evidence needs project: a Jira project's key, such as 'SEC'")
        statuses = _texts(where, table, "approved_status", ())
        if not statuses:
            raise PolicyError(f"{where} evidence needs approved_status: a list of the statuses that count as approved")
        return cls(
            kind,
            tuple(statuses),
            project,
            _pattern(where, _text(where, table, "pattern")),
            _text(where, table, "approved_category"),
            _age(where, table),
            _some_of(where, table, "must_name", _NAMED, ()),
            _some_of(where, table, "approver_is_not", _OTHERS, ("requester",)),
        )


@dataclass(frozen=True)
class Person:
    """Somebody as a source knows them; what it does not tell is empty. ``is_app``: a program, not a person."""

    id: str = ""
    email: str = ""
    name: str = ""
    is_app: bool = False

    @property
    def known(self) -> bool:
        """Whether enough is told to compare them with others."""
        return bool(self.id and (self.email or self.name))

    def is_one_of(self, names: frozenset[str]) -> bool:
        """Whether any of the names, each as :func:`name_key` writes it, is theirs."""
        own = {name_key(name) for name in (self.id, self.email, self.name, self.email.partition("@")[0])}
        return bool((own - {""}) & names)


@dataclass(frozen=True)
class Move:
    """A change of status: ``to`` is the id of the new one."""

    to: str
    by: Person
    at: datetime


@dataclass(frozen=True)
class Approval:
    """What a source says of a reference, as it stands now. ``text`` is what people wrote: untrusted, and compared only.

    Args:
        reference: as the source writes it today; a Jira issue that was moved has another key.
        status_id, status, category: where it stands; the category as Jira has it ('new', 'indeterminate', 'done').
        moves: every change of status, oldest first.
        updated_at: when it was last changed in any way.
        reworded_at: when its title or description last changed otherwise than with its status, None when never.
    """

    reference: str
    project: str
    status_id: str
    status: str
    category: str
    reporter: Person
    moves: tuple[Move, ...]
    updated_at: datetime
    reworded_at: datetime | None = None
    text: str = ""

    @property
    def decided(self) -> Move | None:
        """The move that brought it to where it stands."""
        last = self.moves[-1] if self.moves else None
        return last if last is not None and last.to == self.status_id else None


@dataclass(frozen=True)
class Evidence:
    """What a grant keeps of an approval. ``approver`` is a keyed hash; no name, no address, no words of the source."""

    item: str
    kind: str
    reference: str
    status: str
    approver: str
    approved_at: datetime
    updated_at: datetime
    checked_at: datetime

    def to_json(self) -> dict[str, str]:
        times = {name: getattr(self, name).isoformat() for name in ("approved_at", "updated_at", "checked_at")}
        names = ("item", "kind", "reference", "status", "approver")
        return {name: getattr(self, name) for name in names} | times

    @classmethod
    def from_json(cls, data: Mapping[str, str]) -> Evidence:
        return cls(**{name: datetime.fromisoformat(text) if name.endswith("_at") else text for name, text in data.items()})  # type: ignore[arg-type]


@dataclass(frozen=True)
class Claim:
    """For what an approval is put forward: an item, for whom, by whom."""

    item: str
    title: str
    profile: Profile
    requester: str
    addresses: tuple[str, ...] = ()

    @classmethod
    def of(cls, item: str, title: str, profile: Profile, requester: str, known: Employee | None) -> Claim:
        """``known``: the employee as stored, whose address then counts, too."""
        return cls(item, title, profile, requester, (known.address,) if known and known.address else ())

    @property
    def names(self) -> frozenset[str]:
        """What names the beneficiary beyond doubt: full name, address, the HR system's number if it is no short one."""
        number = self.profile.external_id or ""
        names = (self.profile.name, self.profile.email_wish, *self.addresses, number if len(number) >= _LONG_NUMBER else "")
        return frozenset(name_key(name) for name in names if name)

    @property
    def requesters(self) -> frozenset[str]:
        """Everything by which the caller may be known elsewhere: 'os:alice' and a caller 'alice@acme.example' are alice."""
        name = name_key(self.requester)
        plain = name.rpartition(":")[2]
        return frozenset({name, plain, plain.partition("@")[0]}) - {""}

    @property
    def beneficiary(self) -> frozenset[str]:
        """Everything by which the beneficiary may be known elsewhere: rather too much than too little."""
        locals_ = {name.partition("@")[0] for name in self.names if "@" in name}
        return self.names | locals_ | ({name_key(self.profile.external_id)} if self.profile.external_id else set())


def check_reference(item: str, rule: EvidenceRule, reference: Any) -> str:
    """The reference, if it can be one.

    Raises:
        InvalidRequest: it is malformed.
    """
    sound = isinstance(reference, str) and len(reference) <= MAX_REFERENCE and bool(_REFERENCE.fullmatch(reference))
    form = _ISSUE if rule.kind == JIRA else _REFERENCE
    if not sound or not form.fullmatch(reference):
        raise InvalidRequest("evidence", f"{item}: {str(reference)[:40]!r} cannot be {rule.words}", "For example: SEC-17.")
    return str(reference)


def shortfall(rule: EvidenceRule, approval: Approval, claim: Claim, now: datetime) -> str | None:
    """Why an approval does not suffice, in one line without anybody's words or name; None when it does."""
    if approval.project != rule.project or not rule.fits(rule.kind, approval.reference):
        return f"is not in {rule.project or 'the right place'}"
    if not any(name_key(approval.status) == name_key(status) for status in rule.approved_status):
        return f"is not approved: its status is not {' or '.join(rule.approved_status)}"
    if rule.approved_category and approval.category != rule.approved_category:
        return f"is not approved: its status is not of the category {rule.approved_category}"
    decided = approval.decided
    if decided is None:
        return "does not tell who approved it"
    return (
        _wrong_approver(rule, approval, claim, decided.by)
        or _out_of_date(rule, approval, decided, now)
        or _unnamed(rule, approval, claim)
    )


def _wrong_approver(rule: EvidenceRule, approval: Approval, claim: Claim, approver: Person) -> str | None:
    if approver.is_app:
        return "was approved by a program, not by a person"
    if not approver.known:
        return "was approved by somebody of whom too little is told to say that it is not the beneficiary"
    if approver.is_one_of(claim.beneficiary):
        return "was approved by the beneficiary"
    if "requester" in rule.approver_is_not and approver.is_one_of(claim.requesters):
        return "was approved by who asks for the access"
    if "reporter" in rule.approver_is_not and approver.id == approval.reporter.id:
        return "was approved by who reported it"
    return None


def _out_of_date(rule: EvidenceRule, approval: Approval, decided: Move, now: datetime) -> str | None:
    if rule.max_age is not None and now - decided.at > rule.max_age:
        return f"was approved more than {rule.max_age.days} days ago"
    if rule.must_name and approval.reworded_at is not None and approval.reworded_at >= decided.at:
        return "was reworded after it was approved"
    return None


def _unnamed(rule: EvidenceRule, approval: Approval, claim: Claim) -> str | None:
    words = name_key(approval.text)
    if "beneficiary" in rule.must_name and not any(_stands_in(name, words) for name in claim.names):
        return "does not name the beneficiary"
    if "item" in rule.must_name and not any(_stands_in(name_key(name), words) for name in (claim.item, claim.title)):
        return f"does not name {claim.item}"
    return None


def _stands_in(name: str, words: str) -> bool:
    """Whether a name stands in a text as whole words: 'Ana Lee' is not in 'Ana Leeson', nor 'ana@x.org' in 'ana@x.org.uk'."""
    return re.search(rf"(?<![\w@-])(?<![\w]\.){re.escape(name)}(?![\w@-]|\.\w)", words) is not None


def _text(where: str, table: Mapping[str, Any], name: str) -> str:
    value = table.get(name, "")
    if not isinstance(value, str):
        raise PolicyError(f"{where} evidence {name} must be text")
    return value


def _texts(where: str, table: Mapping[str, Any], name: str, default: tuple[str, ...]) -> list[str]:
    value = list(table.get(name, default)) if isinstance(table.get(name, default), (list, tuple)) else [None]
    if not all(isinstance(one, str) and one.strip() for one in value):
        raise PolicyError(f"{where} evidence {name} must be a list of words")
    return [str(one) for one in value]


def _some_of(where: str, table: Mapping[str, Any], name: str, known: frozenset[str], default: tuple[str, ...]) -> frozenset[str]:
    found = frozenset(_texts(where, table, name, default))
    if unknown := found - known:
        raise PolicyError(f"{where} evidence {name} has {', '.join(sorted(unknown))} (known: {', '.join(sorted(known))})")
    return found


def _pattern(where: str, pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise PolicyError(f"{where} evidence pattern is no regular expression: {error}") from None
    return pattern


def _age(where: str, table: Mapping[str, Any]) -> timedelta | None:
    days = table.get("max_age_days")
    if days is None:
        return None
    if isinstance(days, bool) or not isinstance(days, int) or not 0 < days <= 3650:
        raise PolicyError(f"{where} evidence max_age_days must be a whole number from 1 to 3650")
    return timedelta(days=days)
