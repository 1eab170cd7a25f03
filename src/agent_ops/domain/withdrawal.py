"""What a notice says while an onboarding is undone, and afterwards. Pure, as :mod:`agent_ops.domain.contents`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from agent_ops.domain.access import AccessItem, ItemStatus
from agent_ops.domain.contents import MEANINGS, Contents, Section, Tone, facts_of, name_of, sections_of
from agent_ops.domain.employee import Employee
from agent_ops.domain.notices import Notice

_TAKEN_BACK = {MEANINGS[status].heading for status in ItemStatus if status.in_place}


_LEFT = (
    "Nothing in the catalogue takes these back: groups stay, as a disabled account cannot use them. Where access does not "
    "depend on the account, somebody must remove it."
)


def withdrawal_of(
    notice: Notice,
    employee: Employee,
    items: tuple[AccessItem, ...],
    undone: tuple[AccessItem, ...],
    titles: Mapping[str, str],
) -> Contents:
    """What a notice says of an onboarding that is undone.

    Args:
        notice: the first contact hears that it began, the second what came of it.
        employee: as stored.
        items: every access item of the employee, as stored.
        undone: what is taken back, told like access items; in place means: taken back. 'account': it is disabled.
        titles: the catalogue's titles by item key.
    """
    if notice is Notice.ACCOUNT:
        return Contents(
            subject=f"Onboarding withdrawn for {name_of(employee)}",
            tone=Tone.QUIET,
            lead="The onboarding is undone: what it created is taken back.",
            facts=facts_of(employee),
            next=("A further mail tells what was taken back and what was not.",),
        )
    undone = tuple(sorted(undone, key=lambda part: (part.item != "account", part.item)))
    back = sum(part.status.in_place for part in undone)
    missing = back < len(undone)
    tried = {part.item for part in undone}
    left = [replace(item, reason="") for item in items if item.status.in_place and item.item not in tried]
    return Contents(
        subject=f"Onboarding withdrawn: {back} of {len(undone)} taken back for {name_of(employee)}",
        tone=Tone.BAD if missing else Tone.OPEN if left else Tone.GOOD,
        lead=f"{back} of {len(undone)} parts of the onboarding that can be taken back were taken back.",
        facts=facts_of(employee),
        sections=(
            *map(_taken_back, sections_of(undone, {**titles, "account": "Account disabled"})),
            *(replace(s, heading="Not taken back", tone=Tone.OPEN, next=_LEFT) for s in sections_of(left, titles)),
        ),
        next=() if missing or left else ("Nothing is left to do.",),
    )


def _taken_back(section: Section) -> Section:
    return replace(section, heading="Taken back") if section.heading in _TAKEN_BACK else section
