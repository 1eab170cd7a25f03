"""Where connections go: seen by the interpreter's own audit hook, beneath every library.

https://docs.python.org/3/library/audit_events.html
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Watch:
    """While it is open, every connection and every look-up of a name beyond ``allowed`` (host:port) is noted in ``gone``."""

    allowed: frozenset[str] = frozenset()
    gone: list[str] = field(default_factory=list)

    def see(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "socket.connect" and isinstance(arguments[1], tuple):
            self._note(f"{arguments[1][0]}:{arguments[1][1]}")
        if event == "socket.getaddrinfo" and arguments[0] is not None:
            self._note(f"{_text(arguments[0])}:{arguments[1]}")

    def _note(self, where: str) -> None:
        if where not in self.allowed:
            self.gone.append(f"a connection to {where}")


_watching: list[Watch] = []
_installed: list[bool] = []


def open_watch(allowed: frozenset[str] = frozenset()) -> Watch:
    """Begin to watch; hooks cannot be removed, so there is one for the life of the interpreter."""
    if not _installed:
        sys.addaudithook(_hook)
        _installed.append(True)
    watch = Watch(allowed)
    _watching.append(watch)
    return watch


def close_watch(watch: Watch) -> None:
    _watching.remove(watch)


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if event.startswith("socket."):
        for watch in _watching:
            watch.see(event, arguments)


def _text(host: Any) -> str:
    return host.decode() if isinstance(host, bytes) else str(host)
