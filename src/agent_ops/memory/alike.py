"""Values that are written alike: what may stand for one that nobody ever had, such as a new job title."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

LIKE_ENOUGH = 0.5
"""A value stands for another when they share at least so much of their three-letter pieces."""
MOST_VALUES = 10_000
"""Among more values than this nothing is looked for: it would take longer than recall may."""
_DIGITS = re.compile(r"\d+")


def pieces(text: str) -> frozenset[str]:
    """A text's runs of three characters, in lower case, its ends marked by a blank."""
    padded = f" {text.casefold()} "
    return frozenset(padded[at : at + 3] for at in range(max(1, len(padded) - 2)))


def most_alike(text: str, known: Iterable[str], pieces_of: Callable[[str], frozenset[str]] = pieces) -> tuple[str, float] | None:
    """The known value that shares most pieces with a text, and which part of them all; None when none shares enough.

    Values with different numbers are never alike: 'Level 5' is not 'Level 4'.

    Args:
        pieces_of: the pieces of a known value, where they are kept.
    """
    mine, numbers = pieces(text), _DIGITS.findall(text)
    found = ("", 0.0)
    for other in known:
        theirs = pieces_of(other)
        shared = len(mine & theirs)
        alike = shared / (len(mine) + len(theirs) - shared)
        if alike >= LIKE_ENOUGH and (-alike, other) < (-found[1], found[0]) and _same_numbers(numbers, _DIGITS.findall(other)):
            found = other, alike
    return found if found[1] else None


def _same_numbers(mine: list[str], theirs: list[str]) -> bool:
    return not mine or not theirs or mine == theirs
