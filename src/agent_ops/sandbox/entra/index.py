"""Look-ups by value, so that a filter on a marker or an address does not walk through the whole directory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from agent_ops.sandbox.entra.entry import Entry
from agent_ops.sandbox.entra.schema import EXTENSION_ATTRIBUTES

_PATHS = (
    *("userPrincipalName", "mail", "mailNickname", "employeeId", "displayName", "proxyAddresses"),
    *(f"onPremisesExtensionAttributes/{name}" for name in EXTENSION_ATTRIBUTES),
)


class Index:
    """Ids by property path and folded value; equality in Entra ID ignores case."""

    def __init__(self) -> None:
        self._ids: dict[str, dict[str, set[str]]] = {path: {} for path in _PATHS}

    def add(self, entry: Entry) -> None:
        for path, value in _values(entry):
            self._ids[path].setdefault(value, set()).add(entry.id)

    def discard(self, entry: Entry) -> None:
        """Forget an entry; call it before the entry's properties change."""
        for path, value in _values(entry):
            ids = self._ids[path].get(value, set())
            ids.discard(entry.id)
            if not ids:
                self._ids[path].pop(value, None)

    def find(self, path: str, value: str) -> set[str] | None:
        """The ids with this value; ``None`` when the path is not indexed."""
        by_value = self._ids.get(path)
        return None if by_value is None else by_value.get(value.casefold(), set())

    def any_of(self, pairs: Iterable[tuple[str, str]]) -> set[str] | None:
        """The ids with one of these values at its path; ``None`` when a path is not indexed."""
        found = [self.find(*pair) for pair in pairs]
        return None if None in found else set().union(*(ids for ids in found if ids))


def _values(entry: Entry) -> Iterator[tuple[str, str]]:
    for path in _PATHS[:6]:
        yield from ((path, value) for value in _folded(entry.properties.get(path)))
    attributes = entry.properties.get("onPremisesExtensionAttributes") or {}
    for name, value in attributes.items():
        if value is not None:
            yield f"onPremisesExtensionAttributes/{name}", value.casefold()


def _folded(value: Any) -> list[str]:
    if isinstance(value, list):
        return [item.casefold() for item in value]
    return [value.casefold()] if isinstance(value, str) else []
