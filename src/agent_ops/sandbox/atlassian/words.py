"""Whether a text has what is sought by ``~``: all words in any order, a phrase in quotes as it stands, ``word*`` as a beginning.

Of Lucene's syntax this is what people use. There is no stemming here: 'access' does not find 'accesses'.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_SOUGHT = re.compile(r'"([^"]*)"|(\S+)')
_WORD = re.compile(r"\w+")


def searcher(sought: str) -> Callable[[str], bool]:
    """A function that says whether a text has what is sought."""
    tests = [_test(phrase, word) for phrase, word in _SOUGHT.findall(sought)]
    return lambda text: bool(tests) and all(test(text) for test in tests)


def _test(phrase: str, word: str) -> Callable[[str], bool]:
    parts = _WORD.findall((phrase or word).lower())
    if not parts:
        return lambda text: True
    beginning = not phrase and word.endswith("*")
    pattern = re.compile(r"\b" + r"\W+".join(map(re.escape, parts)) + ("" if beginning else r"\b"))
    return lambda text: pattern.search(text.lower()) is not None
