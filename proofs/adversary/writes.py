"""What services received: beside the bytes on disk the only evidence by which invariants are judged."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

EVERY_KIND = ("create", "link", "attributes", "manager", "enable", "disable", "group", "build", "mail", "other")


@dataclass
class Write:
    """One call that would change a service, as it arrived.

    Args:
        kind: one of ``EVERY_KIND``.
        values: everything that was sent.
        account: the object id that it names, empty for a new account, a build and a mail.
        marker: what was left to find it again (key.attempt).
        audited: the newest audit row on disk when it arrived.
        effective: whether the service's world changed by it.
        result: of a build.
        at: seconds, monotonic.
    """

    kind: str
    values: dict[str, Any]
    account: str = ""
    marker: str = ""
    audited: int = 0
    effective: bool = False
    result: str = ""
    at: float = field(default_factory=time.monotonic)

    @property
    def key(self) -> str:
        return self.marker.partition(".")[0]


@dataclass
class Account:
    """An account in the directory; ``ours`` when we made it."""

    id: str
    address: str
    name: str
    ours: bool = False
    enabled: bool = True
    marker: str = ""


class World(Protocol):
    """The services as a judge sees them."""

    writes: list[Write]
    accounts: dict[str, Account]

    def look(self) -> None:
        """Bring ``writes`` and ``accounts`` up to date."""


def texts(value: Any) -> Iterator[str]:
    """Every string in a value, keys too."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield str(key)
            yield from texts(item)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for item in value:
            yield from texts(item)
    else:
        yield str(value)
