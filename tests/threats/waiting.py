"""Ways in that do not exist yet, with the cases that wait for them; a way that has landed may not be waited for any more."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass

from agent_ops.agents import load_agents
from tests.threats.cases import Case, read_by


@dataclass(frozen=True)
class Missing:
    """A way in that is to come. ``landed`` tells that it is there, ``waits`` whether a case comes by it."""

    name: str
    landed: Callable[[], bool]
    waits: Callable[[Case], bool]


def _module(name: str) -> Callable[[], bool]:
    return lambda: importlib.util.find_spec(name) is not None


def _agent(name: str) -> Missing:
    """An agent reads what somebody planted there; what a service answers to an effector is read today."""

    def waits(case: Case) -> bool:
        return _shared(case) and read_by(case.planted_in) == name and case.way != "read"

    return Missing(f"the {name} agent", lambda: name in load_agents(), waits)


def _shared(case: Case) -> bool:
    """Our own cases are written for the ways that there are."""
    return not case.id.startswith("OWN-")


def _by_task(case: Case) -> bool:
    return _shared(case) and case.request.get("path", "") == "/api/execute_task"


WAITED_FOR = (
    Missing("tasks in words over REST", _module("agent_ops.api.routes.tasks"), _by_task),
    Missing("LangServe", _module("agent_ops.api.langserve"), lambda case: case.request.get("path", "").startswith("/langserve")),
    *(_agent(name) for name in ("github", "aws")),
)
