"""What a check finds: lines of a table."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum


class Verdict(str, Enum):
    """How it stands with one thing."""

    WORKS = "works"
    MISSING = "missing"
    WRONG = "wrong"
    WARNING = "warning"
    NOT_CONFIGURED = "not configured"

    @property
    def fails(self) -> bool:
        """Whether onboarding cannot work so."""
        return self in (Verdict.MISSING, Verdict.WRONG)


@dataclass(frozen=True)
class Line:
    """One finding: what was found, and what to do about it.

    ``about`` names the cause: a variable, a permission, a catalogue item, 'clock'. Two failures with one cause are one line.
    """

    verdict: Verdict
    found: str
    remedy: str = ""
    about: str = ""
    service: str = ""
    check: str = ""


def works(found: str) -> Line:
    return Line(Verdict.WORKS, found)


def wrong(found: str, remedy: str, about: str = "") -> Line:
    return Line(Verdict.WRONG, found, remedy, about)


def missing(found: str, remedy: str, about: str = "") -> Line:
    return Line(Verdict.MISSING, found, remedy, about)


def warning(found: str, remedy: str, about: str = "") -> Line:
    return Line(Verdict.WARNING, found, remedy, about)


def folded(lines: list[Line]) -> list[Line]:
    """Each cause once: what several services suffer from is told by the first line, which then names them all."""
    told: dict[str, int] = {}
    kept: list[Line] = []
    for line in lines:
        at = told.get(line.about) if line.about and line.verdict.fails else None
        if at is None:
            if line.about and line.verdict.fails:
                told[line.about] = len(kept)
            kept.append(line)
        elif line.service not in kept[at].service.split(", "):
            kept[at] = replace(kept[at], service=f"{kept[at].service}, {line.service}")
    return kept
