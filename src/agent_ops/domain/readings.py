"""What a reading agent brings back: facts, bounded, and where they stand."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

MAX_READING = 8_000
"""Characters of a reading that anybody is shown."""


@dataclass(frozen=True)
class Source:
    """Where something stands: ``reference`` in the service's own words (acme/web#12, OPS-12, s3://hr-exports/a.csv)."""

    service: str
    reference: str
    url: str = ""

    def __str__(self) -> str:
        return f"{self.service}: {self.reference}"


@dataclass(frozen=True)
class Reading:
    """An answer of a service that was only asked. All of it is untrusted: it is shown, and never becomes a write's argument.

    Args:
        facts: plain JSON with the service's own field names where it has them; times are ISO 8601.
        sources: one for each thing that the facts are about.
        more: what to give as ``page`` to read on; empty at the end.
        cut: whether something was left out for its length.
    """

    facts: Any
    sources: tuple[Source, ...] = ()
    more: str = ""
    cut: bool = False

    @property
    def text(self) -> str:
        """The facts for a model or a person: JSON, with how to go on in front, where a bound cannot cut it off."""
        notes = {**({"next_page": self.more} if self.more else {}), **({"shortened": True} if self.cut else {})}
        whole = json.dumps({**notes, "found": self.facts}, ensure_ascii=False, default=str)
        return whole if len(whole) <= MAX_READING else whole[: MAX_READING - 1] + "…"
