"""The page of an auditor's pack: who got what, why, and by whose word, as Markdown that is read as it stands."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from agent_ops.domain.access import AccessItem
from agent_ops.domain.audit import AuditRow
from agent_ops.domain.chain import Verification
from agent_ops.domain.employee import Employee
from agent_ops.domain.runs import Event, Run
from agent_ops.runtime.audit_words import Words

_SPECIAL = re.compile(r"[\\`*_{}\[\]<>#|~]")


@dataclass(frozen=True)
class Chapter:
    """Everything about one run. ``employee`` is None when their data were erased."""

    run_id: str
    run: Run | None
    employee: Employee | None
    items: Sequence[AccessItem]
    grant: dict[str, Any] | None
    rows: Sequence[AuditRow]
    events: Sequence[Event]


def page(
    asked: str,
    verification: Verification,
    chapters: Sequence[Chapter],
    others: Sequence[AuditRow],
    words: Words,
    missing: list[str],
) -> str:
    """The whole page."""
    lines = ["# Auditor's pack", "", f"Asked for: {plain(asked)}. Times are UTC.", "", "## Is the audit whole?", ""]
    lines += [f"- {plain(told)}" for told in told_of(verification)]
    lines += ["", "It was checked row by row under the installation's keys; docs/audit.md says how to do so independently."]
    lines += [f"\nThe text of policy version {plain(version)} was not kept yet when it was in use." for version in missing]
    for chapter in chapters:
        lines += ["", *_of_run(chapter, words)]
    if others:
        lines += ["", "## Beside any run", "", *_table(("row", "when", "what", "of whom, of what"), _other_rows(others, words))]
    return "\n".join(lines) + "\n"


def told_of(verification: Verification) -> Iterator[str]:
    """A verification in sentences."""
    if verification.whole:
        yield f"yes: {verification.rows} rows, none altered, removed, re-ordered or cut off"
    else:
        count = len(verification.findings) + verification.unlisted
        yield f"NO: {count} finding{'s' if count > 1 else ''} in {verification.rows} rows"
    yield from (finding.words for finding in verification.findings)
    if verification.unlisted:
        yield f"and {verification.unlisted} more"
    yield from verification.notes


def plain(text: object) -> str:
    """Text that Markdown shows as it is."""
    return _SPECIAL.sub(lambda found: f"\\{found[0]}", " ".join(str(text).split()))


def _of_run(chapter: Chapter, words: Words) -> Iterator[str]:
    employee, run = chapter.employee, chapter.run
    yield f"## Run {chapter.run_id}"
    yield ""
    yield "**Who.** " + (_who(employee) if employee else "The personal data were erased, or are not in this database.")
    if run:
        yield f"\n**What came of it.** {run.status.value}, asked for on {run.created_at:%Y-%m-%d %H:%M:%S}: {plain(run.summary)}"
    yield from _items(chapter.items)
    yield from _grant(chapter.grant)
    yield "\n**What happened.** Denials say why; decisions are hashes of what the planner decided.\n"
    yield from _table(("row", "when", "what", "action", "item", "detail"), _rows(chapter.rows, words))
    yield "\n**In words**, as far as events are still kept.\n"
    yield from _table(("when", "kind", "agent", "what"), ((e.at.isoformat(), e.kind, e.agent, e.message) for e in chapter.events))


def _who(employee: Employee) -> str:
    profile = employee.profile
    said = [profile.name, f"team {profile.team}", f"employee id {employee.id}", f"now {employee.status.value}"]
    return plain(", ".join([*said, f"address {employee.address}"] if employee.address else said)) + "."


def _items(items: Sequence[AccessItem]) -> Iterator[str]:
    if items:
        yield "\n**What they have now.**\n"
        yield from _table(("access item", "status", "why"), ((i.item, i.status.value, i.reason) for i in items))


def _grant(grant: dict[str, Any] | None) -> Iterator[str]:
    if grant is None:
        yield "\n**Why.** There is no grant of this run in the database: nothing can have been changed under one."
        return
    body = grant["body"]
    yield f"\n**Why.** {plain(body.get('caller'))} asked for it. The grant, whose seal is {grant['seal_is']}, says:\n"
    yield from _table(("field", "value"), ((name, _value(value)) for name, value in body.items()))
    yield f"\nThe policy of then is in policies/{plain(body.get('policy_version'))}.toml, the grant in grants.jsonl."


def _value(value: Any) -> str:
    if isinstance(value, list):
        return "; ".join(" ".join(map(str, each)) if isinstance(each, list) else _value(each) for each in value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _rows(rows: Sequence[AuditRow], words: Words) -> Iterator[tuple[object, ...]]:
    return ((row.id, row.at, row.kind, row.action, words.said(row.item), words.said(row.detail)) for row in rows)


def _other_rows(rows: Sequence[AuditRow], words: Words) -> Iterator[tuple[object, ...]]:
    return ((row.id, row.at, row.kind, words.of(row)) for row in rows)


def _table(headings: tuple[str, ...], rows: Iterator[tuple[object, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(headings)} |"
    yield "|" + " --- |" * len(headings)
    for row in rows:
        yield f"| {' | '.join(map(plain, row))} |"
