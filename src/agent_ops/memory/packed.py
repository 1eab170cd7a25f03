"""Patterns as whole numbers: a million people's patterns as objects of Python take gigabytes, as numbers a hundred megabytes."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from itertools import chain

from agent_ops.domain.pattern import Pattern, Source


class Packer:
    """Packs patterns and unpacks them. Each text is kept once, whoever has it."""

    def __init__(self) -> None:
        self._number: dict[str, int] = {}
        self._texts: list[str] = []

    def pack(self, pattern: Pattern) -> bytes:
        """Everything of a pattern but its id."""
        profile = ((self._of(attribute), self._of(value)) for attribute, value in pattern.profile.items())
        numbers = [self._of(pattern.last_seen), pattern.people, len(pattern.profile), *chain.from_iterable(profile)]
        numbers += self._counts(pattern.items)
        for source in pattern.sources:
            numbers += [self._of(source.requester), source.people, *self._counts(source.items)]
        return array("I", numbers).tobytes()

    def unpack(self, pattern_id: int, packed: bytes) -> Pattern:
        """The pattern again."""
        numbers = array("I", packed)
        text, rest = self._texts, iter(numbers)
        last_seen, people, attributes = text[next(rest)], next(rest), next(rest)
        profile = {text[next(rest)]: text[next(rest)] for _ in range(attributes)}
        items = self._counted(rest)
        sources = tuple(Source(text[requester], next(rest), self._counted(rest)) for requester in rest)
        return Pattern(pattern_id, profile, people, items, last_seen, sources)

    def _counts(self, items: Mapping[str, int]) -> Iterator[int]:
        yield len(items)
        for item, many in items.items():
            yield self._of(item)
            yield many

    def _counted(self, rest: Iterator[int]) -> dict[str, int]:
        return {self._texts[next(rest)]: next(rest) for _ in range(next(rest))}

    def _of(self, text: str) -> int:
        if (number := self._number.setdefault(text, len(self._texts))) == len(self._texts):
            self._texts.append(text)
        return number
