"""What a notice says: every word of it, cleaned and bounded, before any layout. Pure functions of what is stored.

A notice says what was done, what was not and why (in the service's own words), and what happens next or who must act. It
holds no secrets and no links, and of the person only what its reader needs: name, team, first working day and address.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from agent_ops.domain.access import AccessItem, ItemStatus
from agent_ops.domain.employee import Employee
from agent_ops.domain.evaluation import Evaluation
from agent_ops.domain.notices import Notice
from agent_ops.domain.plain import last_lines, one_line, unlinked

MAX_LISTED = 200  # items in one mail; those that need somebody come first
MAX_DETAILED = 20  # items whose longer text is shown
_NAME, _WORDS, _REASON = 120, 80, 400  # characters
_DETAIL_LINES, _DETAIL_WIDTH = 15, 160
_ACCOUNT, _ENABLED = "account", "enabled"  # parts of the account that mean more than themselves
_PART_TITLES = {
    "address": "Address",
    "attributes": "Account attributes",
    "manager": "Manager in the directory",
    _ENABLED: "Account enabled",
}
_NEEDS_SOMEBODY = (ItemStatus.FAILED, ItemStatus.UNKNOWN, ItemStatus.HELD)


class Tone(str, Enum):
    """How good the news is; a layout may colour it."""

    GOOD = "good"
    BAD = "bad"
    OPEN = "open"
    QUIET = "quiet"


@dataclass(frozen=True)
class Line:
    """One access item: its title, why it stands where it stands, and a longer text's last lines."""

    title: str
    reason: str = ""
    detail: tuple[str, ...] = ()


@dataclass(frozen=True)
class Section:
    """The items of one status, and what happens next with them. ``unlisted`` counts those beyond the bound."""

    heading: str
    tone: Tone
    next: str
    lines: tuple[Line, ...]
    count: int

    @property
    def unlisted(self) -> int:
        return self.count - len(self.lines)


@dataclass(frozen=True)
class Contents:
    """A whole notice. ``words`` are the service's own when something stands in the way; ``next`` says who does what now."""

    subject: str
    tone: Tone
    lead: str
    facts: tuple[tuple[str, str], ...]
    words: str = ""
    sections: tuple[Section, ...] = ()
    next: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Meaning:
    """What a status means to a reader."""

    heading: str
    tone: Tone
    next: str


MEANINGS: Mapping[ItemStatus, _Meaning] = {
    ItemStatus.FAILED: _Meaning(
        "Failed", Tone.BAD, "Not tried again by itself. Somebody must mend the cause that the service names, then retry the run."
    ),
    ItemStatus.UNKNOWN: _Meaning(
        "Unknown",
        Tone.BAD,
        "It may have been done, and the service cannot prove that it was not, so nothing is repeated. "
        "Somebody must look at the service and decide.",
    ),
    ItemStatus.HELD: _Meaning("Held", Tone.OPEN, "A person must decide; nothing happens until then."),
    ItemStatus.IN_PROGRESS: _Meaning("Still going on", Tone.OPEN, "It goes on by itself; nobody need act."),
    ItemStatus.PENDING: _Meaning("Not started", Tone.OPEN, "Still due. It starts when what it waits for is there."),
    ItemStatus.DENIED: _Meaning(
        "Not allowed",
        Tone.QUIET,
        "Asked for, and refused on purpose. If it should be allowed, the entitlement policy's owner must change the policy; "
        "then ask again.",
    ),
    ItemStatus.VERIFIED: _Meaning("In place, and seen there", Tone.GOOD, ""),
    ItemStatus.COMPLETED: _Meaning("In place", Tone.GOOD, ""),
}
"""In the order of a mail: first what needs somebody, last what is well."""


def contents_of(
    notice: Notice,
    employee: Employee,
    items: tuple[AccessItem, ...],
    *,
    parts: tuple[AccessItem, ...] = (),
    titles: Mapping[str, str] | None = None,
) -> Contents:
    """What a notice says.

    Args:
        notice: which one.
        employee: as stored; ``reason`` says why there is no account.
        items: every access item of the employee, as stored.
        parts: the account's own parts, told like items, as the ledger knows them: 'account', 'attributes', 'manager', 'enabled'.
        titles: the catalogue's titles by item key.
    """
    open_parts = tuple(part for part in parts if part.item != _ACCOUNT and not part.status.in_place)
    titles = {**(titles or {}), **_PART_TITLES}
    if notice is Notice.ACCESS:
        return _access(employee, items, open_parts, titles)
    if _has_account(employee):
        return _account_there(employee, items, open_parts, titles)
    return _no_account(employee, next((part.status for part in parts if part.item == _ACCOUNT), ItemStatus.FAILED))


def counted(evaluation: Evaluation) -> str:
    """How a run did, with the planning model's remark, which is text like any other from outside."""
    remark = unlinked(one_line(evaluation.remark, _REASON))
    return f"{evaluation.counts}. The planner's words: {remark}" if remark else evaluation.counts


def _has_account(employee: Employee) -> bool:
    """A stored address can be cleared; the account stays linked."""
    return bool(employee.entra_id or employee.address)


def _account_there(
    employee: Employee, items: tuple[AccessItem, ...], parts: tuple[AccessItem, ...], titles: Mapping[str, str]
) -> Contents:
    due = sum(item.status is not ItemStatus.DENIED for item in items)
    following = f"{_counted(due)} due; a further mail tells what became of it." if due else "No access items are due."
    disabled = any(part.item == _ENABLED for part in parts)
    sections = tuple(sections_of([part for part in parts if part.status in _NEEDS_SOMEBODY], titles))
    return Contents(
        subject=f"Account created for {name_of(employee)}",
        tone=Tone.OPEN if sections else Tone.GOOD,
        lead="The company account exists, disabled until the first working day." if disabled else "The company account exists.",
        facts=facts_of(employee),
        sections=sections,
        next=(*((f"It is enabled on the first working day{_day(employee)}.",) if disabled else ()), following),
    )


_ACCOUNT_LEADS: Mapping[ItemStatus, tuple[str, str]] = {
    ItemStatus.UNKNOWN: ("Account not confirmed for", "The company account may have been created, but that cannot be proved."),
    ItemStatus.HELD: ("Account held for", "The company account was not created: a person must decide first."),
    ItemStatus.IN_PROGRESS: ("Account not ready for", "The company account is still being made."),
    ItemStatus.PENDING: ("Account not ready for", "The company account is not there yet."),
}


def _no_account(employee: Employee, account: ItemStatus) -> Contents:
    meaning = MEANINGS[account]
    title, lead = _ACCOUNT_LEADS.get(account, ("No account for", "The company account could not be created."))
    return Contents(
        subject=f"{title} {name_of(employee)}",
        tone=meaning.tone,
        lead=lead,
        facts=facts_of(employee),
        words=_said(employee.reason),
        next=(meaning.next, "No access is provisioned without the account.", *_by_the_first_day("The account", employee)),
    )


def _access(
    employee: Employee, items: tuple[AccessItem, ...], parts: tuple[AccessItem, ...], titles: Mapping[str, str]
) -> Contents:
    due = [item for item in items if item.status is not ItemStatus.DENIED]
    there = sum(item.status.in_place for item in due)
    sections = tuple(sections_of([*parts, *items], titles))
    missing = there < len(due) or bool(parts)
    doubted = sum(item.contradicted for item in due)
    look = f"Somebody must look at what was reported as done and not seen there: {_counted(doubted)} concerned."
    return Contents(
        subject=f"Access: {there} of {len(due)} in place for {name_of(employee)}",  # the name last: it may run from right to left
        tone=_tone(sections, missing or doubted > 0, _has_account(employee)),
        lead=_standing(there, len(due), sum(item.status in _NEEDS_SOMEBODY for item in (*parts, *due))),
        facts=facts_of(employee),
        words="" if _has_account(employee) else _said(employee.reason),
        sections=sections,
        next=(
            *((look,) if doubted else ()),
            *(_by_the_first_day("What is missing", employee) if missing else () if doubted else ("Nothing is left to do.",)),
        ),
    )


def _tone(sections: Sequence[Section], missing: bool, has_account: bool) -> Tone:
    if not missing:
        return Tone.GOOD
    return Tone.BAD if not has_account or any(section.tone is Tone.BAD for section in sections) else Tone.OPEN


def _standing(there: int, due: int, waiting: int) -> str:
    act = f"; {waiting} need{'s' if waiting == 1 else ''} somebody to act" if waiting else ""
    return f"{there} of {_counted(due)} in place{act}." if due else f"No access is due{act}."


def _counted(due: int) -> str:
    return f"{due} access item{'s are' if due != 1 else ' is'}"


def sections_of(items: Iterable[AccessItem], titles: Mapping[str, str]) -> Iterable[Section]:
    """One section for each status that occurs, until the bounds are reached."""
    listed, detailed = MAX_LISTED, MAX_DETAILED
    for status, meaning in MEANINGS.items():
        those = [item for item in items if item.status is status]
        if not those:
            continue
        with_detail = max(0, detailed) if status in _NEEDS_SOMEBODY else 0
        lines = tuple(_line(item, titles, index < with_detail) for index, item in enumerate(those[: max(0, listed)]))
        listed, detailed = listed - len(lines), detailed - min(with_detail, len(lines))
        yield Section(meaning.heading, meaning.tone, meaning.next, lines, len(those))


def _line(item: AccessItem, titles: Mapping[str, str], with_detail: bool) -> Line:
    key, title = _said(item.item, _WORDS), _said(titles.get(item.item, ""), _WORDS)
    named = f"{title} ({key})" if title and title.casefold() != key.casefold() else title or key
    detail = map(unlinked, last_lines(item.detail, _DETAIL_LINES, _DETAIL_WIDTH)) if with_detail else ()
    return Line(named, _said(item.reason), tuple(detail))


def facts_of(employee: Employee) -> tuple[tuple[str, str], ...]:
    profile = employee.profile
    facts = [("Name", name_of(employee)), ("Team", _said(profile.team, _WORDS)), ("Address", _said(employee.address or "none"))]
    if profile.joining_date:
        facts.append(("First working day", profile.joining_date.isoformat()))
    return tuple(facts)


def _by_the_first_day(what: str, employee: Employee) -> tuple[str, ...]:
    day = _day(employee)
    return (f"{what} is needed by the first working day{day}.",) if day else ()


def _day(employee: Employee) -> str:
    return f", {employee.profile.joining_date.isoformat()}" if employee.profile.joining_date else ""


def _said(words: str, limit: int = _REASON) -> str:
    return unlinked(one_line(words, limit))


def name_of(employee: Employee) -> str:
    return _said(employee.profile.name, _NAME)
