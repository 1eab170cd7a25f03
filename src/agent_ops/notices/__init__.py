"""Writes notices: a notice's contents in the layout of the templates beside this file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from agent_ops.domain.access import AccessItem
from agent_ops.domain.alarms import alarm_of
from agent_ops.domain.contents import Contents, contents_of, counted
from agent_ops.domain.employee import Employee
from agent_ops.domain.evaluation import Evaluation
from agent_ops.domain.limits import Breaker
from agent_ops.domain.notices import Letter, Notice
from agent_ops.domain.withdrawal import withdrawal_of

__all__ = ["compose", "compose_alarm"]


def _environment() -> Environment:
    """A missing value is an error, and in HTML everything is escaped."""
    return Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        undefined=StrictUndefined,
        autoescape=select_autoescape(enabled_extensions=("html.j2",), default=False),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
    )


_TEMPLATES = _environment()
# read and compiled once, when a process starts: notices are written inside the ledger's transactions
_TEXT, _HTML = _TEMPLATES.get_template("notice.txt.j2"), _TEMPLATES.get_template("notice.html.j2")


def compose(
    notice: Notice,
    employee: Employee,
    items: tuple[AccessItem, ...],
    *,
    parts: tuple[AccessItem, ...] = (),
    undone: tuple[AccessItem, ...] = (),
    titles: Mapping[str, str] | None = None,
    evaluation: Evaluation | None = None,
) -> Letter:
    """Write a notice from what is stored.

    ``evaluation`` says how the run did, once that is known.

    With ``undone`` it tells of an onboarding that is taken back (:func:`agent_ops.domain.withdrawal.withdrawal_of`), else
    of one that goes on (:func:`agent_ops.domain.contents.contents_of`).
    """
    if undone:
        contents = withdrawal_of(notice, employee, items, undone, titles or {})
    else:
        contents = contents_of(notice, employee, items, parts=parts, titles=titles)
    if evaluation is not None:
        contents = replace(contents, facts=(*contents.facts, ("This run", counted(evaluation))))
    return _laid_out(contents)


def compose_alarm(breaker: Breaker) -> Letter:
    """Write the notice of a breaker that tripped (:func:`agent_ops.domain.alarms.alarm_of`)."""
    return _laid_out(alarm_of(breaker))


def _laid_out(contents: Contents) -> Letter:
    return Letter(contents.subject, _TEXT.render(contents=contents), _HTML.render(contents=contents))
