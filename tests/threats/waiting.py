"""Ways in that do not exist yet, with the cases that wait for them; a way that has landed may not be waited for any more."""

from __future__ import annotations

import dataclasses
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass

from agent_ops import EntitlementPolicy
from agent_ops.agents import load_agents
from tests.threats.cases import Case


@dataclass(frozen=True)
class Missing:
    """A way in that is to come. ``landed`` tells that it is there, ``waits`` whether a case comes by it."""

    name: str
    landed: Callable[[], bool]
    waits: Callable[[Case], bool]


def _module(name: str) -> Callable[[], bool]:
    return lambda: importlib.util.find_spec(name) is not None


def _agent(name: str) -> Missing:
    return Missing(f"the {name} agent", lambda: name in load_agents(), lambda case: name in case.planted_in.lower().split())


WAITED_FOR = (
    Missing("the REST service", _module("agent_ops.api"), lambda case: case.request.get("path", "").startswith("/api/")),
    Missing("LangServe", _module("agent_ops.api"), lambda case: case.request.get("path", "").startswith("/langserve")),
    *(_agent(name) for name in ("jira", "github", "confluence", "aws")),
    Missing(
        "limits",
        lambda: "limits" in {field.name for field in dataclasses.fields(EntitlementPolicy)},
        lambda case: case.way == "flood",
    ),
)
