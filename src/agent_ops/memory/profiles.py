"""A profile as numbers: each attribute a field of codes, and what stands in for a value that was never seen.

An attribute whose values are lists, or texts of several words, has a second field of its words, so that people who share a
project meet although their lists differ.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Profile = Mapping[str, object]
"""Attributes by name; a value is a text, a number, a truth value, a list of these, or None."""

Codes = NDArray[np.int64]
"""Rows of codes, padded with -1."""

MOST_WORDS = 16
MOST_FIELDS = 32
_WORD = re.compile(r"\w+")
_LIKE_ENOUGH = 0.5
_OFTEN = 0.1


def values_of(value: object) -> list[str]:
    """A value as texts, without empty ones; a list has several."""
    if value is None:
        return []
    if isinstance(value, (list, tuple, set, frozenset)):
        return [text for one in value for text in values_of(one)]
    text = str(value).strip()
    return [text] if text else []


def profile_key(profile: Profile) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """What makes two profiles the same: attributes with values, in any order."""
    pairs = ((str(name), tuple(sorted(values_of(value)))) for name, value in profile.items())
    return tuple(sorted(pair for pair in pairs if pair[1]))


def words_of(value: object) -> list[str]:
    """The words of a value, each once, in lower case."""
    return list(dict.fromkeys(word for text in values_of(value) for word in _WORD.findall(text.casefold())))[:MOST_WORDS]


def _whole(value: object) -> list[str]:
    texts = values_of(value)
    return [" ".join(sorted(texts))] if texts else []


@dataclass
class Field:
    """One attribute, or the words of one, with a code for each value."""

    attribute: str
    of_words: bool
    codes: dict[str, int] = field(default_factory=dict)

    def texts(self, profile: Profile) -> list[str]:
        """The values of a profile in this field."""
        value = profile.get(self.attribute)
        return words_of(value) if self.of_words else _whole(value)

    def learn(self, profile: Profile) -> list[int]:
        """The codes of a profile, new ones where needed."""
        return [self.codes.setdefault(text, len(self.codes)) for text in self.texts(profile)]

    def known(self, profile: Profile) -> list[int]:
        """The codes of a profile; a value never seen stands for the one that is written most like it, or is left out."""
        found = (self.codes.get(text) for text in self.texts(profile))
        if self.of_words:
            return [code for code in found if code is not None]
        return [code if code is not None else self._nearest(text) for code, text in zip(found, self.texts(profile), strict=True)]

    def _nearest(self, text: str) -> int:
        """The code of the known value that shares most three-letter pieces; -1 when none shares half of them, or for a number."""
        if text.isdecimal() or len(self.codes) > 50_000:
            return -1
        mine, best, best_code = _pieces(text), _LIKE_ENOUGH, -1
        for other, code in self.codes.items():
            theirs = _pieces(other)
            alike = len(mine & theirs) / len(mine | theirs)
            if alike > best:
                best, best_code = alike, code
        return best_code


def _pieces(text: str) -> set[str]:
    padded = f" {text.casefold()} "
    return {padded[at : at + 3] for at in range(max(1, len(padded) - 2))}


@dataclass
class Vocabulary:
    """The fields of all attributes of a history."""

    fields: list[Field]

    @classmethod
    def of(cls, profiles: Sequence[Profile]) -> Vocabulary:
        """Fields for the attributes that most profiles have, and for words where they repeat across values."""
        seen: dict[str, int] = {}
        for profile in profiles:
            for name, value in profile.items():
                if values_of(value):
                    seen[name] = seen.get(name, 0) + 1
        names = sorted(seen, key=lambda name: (-seen[name], name))[:MOST_FIELDS]
        whole = [Field(name, of_words=False) for name in names]
        return cls([*whole, *(Field(name, of_words=True) for name in names if _worth_words(name, profiles))])

    def learn(self, profiles: Iterable[Profile]) -> list[Codes]:
        """The codes of these profiles, one array for a field; values not seen before get new ones."""
        rows = list(profiles)
        return [padded([one.learn(profile) for profile in rows], one.of_words) for one in self.fields]

    def encode(self, profiles: Iterable[Profile]) -> list[Codes]:
        """The same, without learning anything."""
        rows = list(profiles)
        return [padded([one.known(profile) for profile in rows], one.of_words) for one in self.fields]


def _worth_words(name: str, profiles: Sequence[Profile]) -> bool:
    values = {text[0] for profile in profiles if (text := _whole(profile.get(name)))}
    several = sum(len(words_of(value)) > 1 for value in values)
    return several > 0 and several >= _OFTEN * len(values)


def padded(rows: Sequence[Sequence[int]], several: bool) -> Codes:
    """Rows of unequal length as one array, filled up with -1."""
    width = max((len(row) for row in rows), default=1) if several else 1
    codes = np.full((len(rows), max(width, 1)), -1, dtype=np.int64)
    for at, row in enumerate(rows):
        codes[at, : len(row)] = row
    return codes
