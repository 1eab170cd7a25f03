"""The values that anybody has, what their people weigh, and which of them stands for one that nobody ever had."""

from __future__ import annotations

from collections.abc import Mapping

from agent_ops.domain.pattern import ATTRIBUTES
from agent_ops.memory.alike import MOST_VALUES, most_alike, pieces
from agent_ops.memory.patterns import MOST_PEOPLE

_MOST_KEPT = 1024


class KnownValues:
    """Counts patterns by attribute and value. Of a value that goes nothing is kept."""

    def __init__(self) -> None:
        self._patterns: dict[str, dict[str, int]] = {attribute: {} for attribute in ATTRIBUTES}
        self._people: dict[tuple[str, str], int] = {}
        self._pieces: dict[str, frozenset[str]] = {}
        self._stands: dict[tuple[str, str], tuple[str, float]] = {}

    def count(self, profile: Mapping[str, str], people: int, sign: int) -> None:
        """A pattern of so many people came (1), or is gone (-1)."""
        for attribute, known in self._patterns.items():
            if value := profile.get(attribute):
                many = known[value] = known.get(value, 0) + sign
                self._people[attribute, value] = self._people.get((attribute, value), 0) + sign * min(people, MOST_PEOPLE)
                if not many:
                    del known[value], self._people[attribute, value]
                    self._pieces.pop(value, None)
                if many <= (sign > 0):  # it came, or is gone
                    self._stands.clear()

    def people(self, attribute: str, value: str) -> int:
        """How many people have a value; of one pattern ``MOST_PEOPLE`` at most."""
        return self._people.get((attribute, value), 0)

    def stand_in(self, attribute: str, value: str) -> tuple[str, float]:
        """The value itself when anybody has it, else the one that is written most like it; and how alike they are, 0 to 1."""
        known = self._patterns[attribute]
        if value in known:
            return value, 1.0
        if (attribute, value) not in self._stands:
            found = most_alike(value, known, self._pieces_of) if len(known) <= MOST_VALUES else None
            if len(self._stands) >= _MOST_KEPT:
                self._stands.clear()
            self._stands[attribute, value] = found or (value, 0.0)
        return self._stands[attribute, value]

    def _pieces_of(self, value: str) -> frozenset[str]:
        if (found := self._pieces.get(value)) is None:
            found = self._pieces[value] = pieces(value)
        return found
