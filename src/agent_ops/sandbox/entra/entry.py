"""One object of the directory, and how it is kept as a document."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from agent_ops.sandbox.entra.schema import BOOLEAN, COMPLEX, OTHER, STRINGS, Schema
from agent_ops.sandbox.records import Document

_PRIVATE = "_twin"


@dataclass
class Entry:
    """A user or a group. ``born`` (Unix time) decides what a lagging read shows; ``name_before`` is a deleted user's address."""

    id: str
    properties: dict[str, Any]
    born: float = 0.0
    manager: str | None = None
    name_before: str | None = None

    def to_document(self) -> Document:
        """The public properties, with what is the twin's own business under one key."""
        return {**self.properties, _PRIVATE: {"born": self.born, "manager": self.manager, "name_before": self.name_before}}

    @classmethod
    def from_document(cls, document: Document) -> Entry:
        properties = dict(document)
        own = properties.pop(_PRIVATE)
        return cls(properties["id"], properties, own["born"], own["manager"], own["name_before"])

    def value(self, path: str) -> Any:
        """The value at ``name`` or ``name/field``, ``None`` when it is not set."""
        name, _, inner = path.partition("/")
        found = self.properties.get(name)
        if not inner:
            return found
        return found.get(inner) if isinstance(found, dict) else None

    def render(self, names: tuple[str, ...], schema: Schema) -> Document:
        """The named properties as Graph shows them: unset ones are null, or empty when they are lists."""
        return {name: self._shown(name, schema) for name in names}

    def _shown(self, name: str, schema: Schema) -> Any:
        kind, value = schema.properties[name], self.properties.get(name)
        if kind.edm in (STRINGS, OTHER):
            return copy.deepcopy(value) if value is not None else []
        if name == "onPremisesExtensionAttributes":
            return {**dict.fromkeys(kind.fields), **(value or {})}
        if kind.edm == COMPLEX:
            return dict(value) if value else None
        return bool(value) if kind.edm == BOOLEAN and value is not None else value
