"""Questions about settings: each asked with a word of explanation, its answer tested at once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import click
from rich.console import Console

from agent_ops.cli.diagnosis import diagnosis_table
from agent_ops.cli.progress import asking
from agent_ops.runtime.doctor import Diagnosis, Line, Verdict, examine, read_configured
from agent_ops.runtime.doctor.checks import needed_by
from agent_ops.runtime.doctor.configured import default_of
from agent_ops.runtime.doctor.examine import CHECKS
from agent_ops.runtime.doctor.variables import REST, SECTIONS, Section, Variable

_CLEAR = "-"


class Interview:
    """Asks section by section. ``answers`` are the values so far; those that the file has are offered again."""

    def __init__(self, console: Console, before: Mapping[str, str]) -> None:
        self._console = console
        self._current = {**read_configured(overrides=before).values}
        self.answers: dict[str, str] = dict(before)

    def hold(self) -> dict[str, str]:
        """Ask everything and answer what was said."""
        self._console.print(f"Enter keeps what is in brackets, {_CLEAR} empties it, Ctrl-C leaves everything as it was.\n")
        if self._wants_rest():
            self._ask_until_settled(REST)
        for section in SECTIONS:
            self._ask_until_settled(section)
        return self.answers

    def _wants_rest(self) -> bool:
        has_some = any(variable.name in self.answers for variable in REST.variables)
        question = "Own certificate authority, or other endpoints than the public cloud's?"
        return click.confirm(question, default=has_some)

    def _ask_until_settled(self, section: Section) -> None:
        """The section's questions, again and again until its tests pass or the user goes on."""
        while True:
            self._console.rule(section.title, align="left")
            for variable in section.variables:
                self._ask(variable)
            if self._passes(section):
                return
            if click.prompt("Correct it now, or skip", type=click.Choice(["correct", "skip"]), default="correct") == "skip":
                return

    def _ask(self, variable: Variable) -> None:
        self._console.print(f"{variable.name}: {variable.words}", style="dim", highlight=False)
        current = self._current.get(variable.name, "")
        while True:
            said = click.prompt(
                variable.name,
                default="" if variable.secret else current,
                hide_input=variable.secret,
                show_default=bool(current) and not variable.secret,
                prompt_suffix=" [kept hidden]: " if variable.secret and current else ": ",
            ).strip()
            value = "" if said == _CLEAR else said or current
            complaint = variable.shape(value) if value else ""
            if not complaint:
                break
            self._console.print(f"That {complaint}.", style="red", highlight=False)
        self._current[variable.name] = value
        if value != default_of(variable.name) or variable.name in self.answers:
            self.answers[variable.name] = value

    def _passes(self, section: Section) -> bool:
        """Test the section by the doctor's own probes and show what they say about it."""
        with asking() as progress:
            needed = needed_by(section.checks, CHECKS)
            found = asyncio.run(examine(read_configured(overrides=self.answers), only=needed, progress=progress))
        lines = tuple(line for line in found.lines if _concerns(line, section, found))
        if lines:
            self._console.print(diagnosis_table(lines))
        return not any(line.verdict.fails for line in lines)


def _concerns(line: Line, section: Section, found: Diagnosis) -> bool:
    if line.check == "settings":
        return line.verdict is not Verdict.WORKS and line.about in {variable.name for variable in section.variables}
    return line.check in section.checks
