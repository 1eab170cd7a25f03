"""The words behind the audit's keyed hashes, as far as they still stand elsewhere: in grants, events and policies.

A hash cannot be undone. Whoever has the key can hash each word that might be meant, and see which fits; what was erased stays
a hash.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agent_ops.domain.audit import AuditKeys, AuditRow
from agent_ops.domain.runs import Event

_CODE = re.compile(r"(?:caller|text)-([0-9a-f]{24})")
_ITEM_TABLE = re.compile(r"^\s*\[items\.\"?([^\"\]]+)", re.MULTILINE)


class Words:
    """Finds words by their hashes."""

    def __init__(
        self,
        keys: AuditKeys,
        grants: Sequence[Mapping[str, Any]],
        events: Mapping[str, Sequence[Event]],
        policies: Mapping[str, str],
    ) -> None:
        known = set(_known(grants, events, policies))
        self._words = {keys.hashed(word, key_id): word for key_id in keys.keys for word in known}

    def of(self, row: AuditRow) -> str:
        """What a row's subject, item and detail say, with words in the place of hashes where they are known."""
        return " ".join(self.said(text) for text in (row.subject, row.item, row.detail) if text)

    def said(self, text: str) -> str:
        """A text with words in the place of known hashes."""
        return _CODE.sub(lambda found: self._words.get(found[1], found[0]), text)


def _known(
    grants: Sequence[Mapping[str, Any]], events: Mapping[str, Sequence[Event]], policies: Mapping[str, str]
) -> Iterator[str]:
    yield from (str(grant["body"].get("caller", "")) for grant in grants)
    for event in (event for of_run in events.values() for event in of_run):
        yield from (event.message, event.message.removeprefix("denied: "), event.item)
    for text in policies.values():
        yield from _ITEM_TABLE.findall(text)
