"""Ways in that do not exist yet, with the cases that wait for them; a way that has landed may not be waited for any more."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass

from tests.threats.cases import Case


@dataclass(frozen=True)
class Missing:
    """A way in that is to come. ``landed`` tells that it is there, ``waits`` whether a case comes by it."""

    name: str
    landed: Callable[[], bool]
    waits: Callable[[Case], bool]


def _module(name: str) -> Callable[[], bool]:
    return lambda: importlib.util.find_spec(name) is not None


WAITED_FOR = (
    Missing("LangServe", _module("agent_ops.api.langserve"), lambda case: case.request.get("path", "").startswith("/langserve")),
)
