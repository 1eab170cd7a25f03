"""Patterns as whole numbers: a million people's patterns as objects of Python take gigabytes, as numbers a hundred megabytes.

What a pattern holds and who brought it are packed apart: the former is needed of a whole team, the latter of a few patterns.
Numbers of one kind stand together, so that many patterns are read at once: see `adding_up`.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from agent_ops.domain.pattern import Pattern, Source


class Packed(NamedTuple):
    """A pattern but its id, as 32-bit numbers; what is a text is its number.

    Args:
        whole: last seen, people, how many attributes and items; attributes and values in turn; items; their holders.
        brought: how many requesters; them; their people; how many items of each; all these items; their holders. Empty for an
            imported history.
    """

    whole: bytes
    brought: bytes


class Packer:
    """Packs patterns and unpacks them. Each text is kept once, whoever has it."""

    def __init__(self) -> None:
        self._number = _Numbers()

    @property
    def texts(self) -> Sequence[str]:
        """All texts, by number."""
        return self._number.texts

    def pack(self, pattern: Pattern) -> Packed:
        """Everything of a pattern but its id."""
        head = [self._number[pattern.last_seen], pattern.people, len(pattern.profile), len(pattern.items)]
        whole = array("I", chain(head, self._all(chain.from_iterable(pattern.profile.items())), self._counts([pattern.items])))
        return Packed(whole.tobytes(), self._brought(pattern.sources))

    def _brought(self, sources: Sequence[Source]) -> bytes:
        if not sources:
            return b""
        of_each = chain((one.people for one in sources), (len(one.items) for one in sources))
        requesters = self._all(one.requester for one in sources)
        return array("I", chain([len(sources)], requesters, of_each, self._counts([one.items for one in sources]))).tobytes()

    def unpack(self, pattern_id: int, packed: Packed) -> Pattern:
        """The pattern again."""
        last_seen, people, attributes, items, *rest = array("I", packed.whole)
        profile = self._texts(rest[: 2 * attributes])
        held = dict(zip(self._texts(rest[2 * attributes : -items]), rest[-items:], strict=True)) if items else {}
        return Pattern(
            pattern_id,
            dict(zip(profile[::2], profile[1::2], strict=True)),
            people,
            held,
            self.texts[last_seen],
            tuple(self._sources(packed.brought)),
        )

    def _sources(self, brought: bytes) -> Iterable[Source]:
        if brought:
            many, *rest = array("I", brought)
            requesters, people, sizes = self._texts(rest[:many]), rest[many : 2 * many], rest[2 * many : 3 * many]
            entries = sum(sizes)
            held = zip(self._texts(rest[3 * many : 3 * many + entries]), rest[3 * many + entries :], strict=True)
            for requester, brought_by, size in zip(requesters, people, sizes, strict=True):
                yield Source(requester, brought_by, dict(next(held) for _ in range(size)))

    def number(self, text: str) -> int:
        """The number of a text; -1 of one that no pattern has."""
        return self._number.get(text, -1)

    def _counts(self, parts: Sequence[Mapping[str, int]]) -> Iterable[int]:
        return chain(self._all(chain.from_iterable(parts)), chain.from_iterable(part.values() for part in parts))

    def _texts(self, numbers: Iterable[int]) -> list[str]:
        return list(map(self._number.texts.__getitem__, numbers))

    def _all(self, texts: Iterable[str]) -> Iterable[int]:
        return map(self._number.__getitem__, texts)


class _Numbers(dict[str, int]):
    """The number of each text; one that is asked for the first time gets the next."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def __missing__(self, text: str) -> int:
        number = self[text] = len(self.texts)
        self.texts.append(text)
        return number
