"""Keyed hashes in the place of what could name an erased person: equal texts have equal ones, and nobody can read them back."""

from __future__ import annotations

from agent_ops.domain.effects import keyed_id
from agent_ops.domain.lookalikes import skeleton

PREFIX = "erased:"


class Pseudonyms:
    """Makes them under the installation's identity key, which never rotates."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def name(self, compared: str) -> str:
        """Of a name in the form in which two spellings compare equal (``name_key``)."""
        return self._of("name", compared)

    def address(self, address: str) -> str:
        """The same for addresses that look alike, so that one comparison refuses both (see ``look_alikes``)."""
        local, _, domain = address.lower().partition("@")
        return self._of("address", f"{skeleton(local).casefold()}@{domain}")

    def idempotency_key(self, key: str) -> str:
        return self._of("idempotency key", key)

    def requester(self, name: str) -> str:
        """Of a caller, for what memory counts by who asked for it; empty for nobody."""
        return name and keyed_id(self._key, f"requester\x1f{name}")

    def _of(self, kind: str, text: str) -> str:
        return PREFIX + keyed_id(self._key, f"erased {kind}\x1f{text}")
