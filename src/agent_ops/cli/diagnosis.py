"""The doctor's diagnosis as a table and as JSON."""

from __future__ import annotations

from typing import Any

from rich.table import Table
from rich.text import Text

from agent_ops.runtime.doctor import Diagnosis, Line, Verdict

_STYLES = {
    Verdict.WORKS: ("✓", "green"),
    Verdict.MISSING: ("✗", "red"),
    Verdict.WRONG: ("✗", "red"),
    Verdict.WARNING: ("!", "yellow"),
    Verdict.NOT_CONFIGURED: ("·", "dim"),
}


def diagnosis_table(lines: tuple[Line, ...]) -> Table:
    """A row each; where something is to be done, it stands beside what was found."""
    table = Table(box=None, pad_edge=False)
    for heading in ("", "service", "check"):
        table.add_column(heading, no_wrap=True)
    for heading in ("found", "what to do"):
        table.add_column(heading, overflow="fold")
    for line in lines:
        mark, style = _STYLES[line.verdict]
        verdict = Text(f"{mark} {line.verdict.value}", style=style)
        table.add_row(verdict, line.service, line.check, Text(_one_line(line.found)), Text(_one_line(line.remedy)))
    return table


def summary(diagnosis: Diagnosis) -> str:
    """How many of each, in one sentence."""
    counts = {verdict: sum(line.verdict is verdict for line in diagnosis.lines) for verdict in Verdict}
    said = ", ".join(f"{count} {verdict.value}" for verdict, count in counts.items() if count)
    left_out = f"; skipped for want of it: {', '.join(diagnosis.left_out)}" if diagnosis.left_out else ""
    return f"{said}{left_out}."


def diagnosis_json(diagnosis: Diagnosis) -> dict[str, Any]:
    """A diagnosis as a JSON object; docs/live.md lists its keys."""
    return {
        "healthy": diagnosis.healthy,
        "lines": [
            {
                "verdict": line.verdict.value,
                "service": line.service,
                "check": line.check,
                "found": line.found,
                "remedy": line.remedy,
                "about": line.about,
            }
            for line in diagnosis.lines
        ],
        "skipped": list(diagnosis.left_out),
    }


def _one_line(text: str) -> str:
    return " ".join(text.split())
