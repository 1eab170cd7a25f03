"""A check for every sentence that a case says must, or must not, be: found by the sentence's words; none is dropped.

A check yields what is wrong. The patterns are general, so that a case of the same kind with other names is judged, too.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from importlib import import_module

from tests.threats.judge import Judge

Check = Callable[..., Iterator[str]]
CHECKS: list[tuple[re.Pattern[str], Check]] = []


def says(*patterns: str) -> Callable[[Check], Check]:
    """Let a check judge the sentences that match, with the patterns' groups as its arguments."""

    def register(check: Check) -> Check:
        CHECKS.extend((re.compile(pattern, re.IGNORECASE | re.DOTALL), check) for pattern in patterns)
        return check

    return register


def check_of(sentence: str) -> tuple[Check, tuple[str, ...]]:
    """The check of a sentence. Raises LookupError when nobody wrote one."""
    for module in ("happened", "said"):  # they register their checks here
        import_module(f"tests.threats.{module}")
    for pattern, check in CHECKS:
        if found := pattern.fullmatch(sentence):
            return check, found.groups()
    raise LookupError(f"no check knows the sentence {sentence!r}")


def wrongs(judge: Judge) -> Iterator[str]:
    """What is wrong by the case's own sentences."""
    for sentence, must in judge.evidence.case.sentences:
        check, arguments = check_of(sentence)
        yield from (f"{'must' if must else 'must not'} - {sentence}: {words}" for words in check(judge, *arguments))
