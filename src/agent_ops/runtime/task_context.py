"""A task on its way in: words and context, checked before anybody acts on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timezone
from typing import Any

from agent_ops.domain.employee import UNPLACED, Profile, check_fields
from agent_ops.domain.errors import InvalidRequest
from agent_ops.domain.grants import Caller
from agent_ops.domain.plain import harmless
from agent_ops.domain.runs import Request
from agent_ops.domain.tasks import MAX_TASK, Task
from agent_ops.runtime.asking import request_for

_OF_THE_PROFILE = frozenset(field.name for field in fields(Profile))
_FURTHER = frozenset({"access_items", "evidence", "employee_id"})


@dataclass(frozen=True)
class Asked:
    """A checked task.

    Args:
        task: as it will be stored.
        request: the joiner that the context names; its team is :data:`UNPLACED` when the context gives none.
        employee_id: the known employee that the context names by id.
    """

    task: Task
    request: Request | None = None
    employee_id: str = ""

    @property
    def placed(self) -> bool:
        """Whether the context names a joiner with a team: enough for an account."""
        return self.request is not None and self.request.profile.team != UNPLACED


def asked_from(text: str, context: Mapping[str, Any] | None, caller: Caller, agent: str = "") -> Asked:
    """Check what was given; ``agent`` is the only one that may carry the task out.

    Raises:
        InvalidRequest: naming what cannot be like that.
    """
    given = {} if context is None else context
    if not isinstance(given, Mapping):
        raise InvalidRequest("context", "must be an object of names and values", 'For example: {"name": "John Doe"}.')
    check_fields(dict(given), set(_OF_THE_PROFILE | _FURTHER), set())
    about = {key: value for key, value in given.items() if key in _OF_THE_PROFILE}
    employee_id = given.get("employee_id", "")
    if not isinstance(employee_id, str):
        raise InvalidRequest("employee_id", "must be text")
    if about and "name" not in about:
        raise InvalidRequest("context", "tells of a joiner and has no name", 'Add "name".')
    request = None
    if about:
        profile = Profile(**{"team": UNPLACED, **about})
        request = request_for(profile, given.get("access_items"), evidence=given.get("evidence"))
    task = Task(_words(text), caller.name, caller.scopes, datetime.now(timezone.utc), dict(given), agent=agent)
    return Asked(task, request, employee_id)


def _words(text: str) -> str:
    if not isinstance(text, str) or not text.strip():
        raise InvalidRequest("task", "is empty", "Say what is to be done, in words.")
    if len(text) > MAX_TASK:
        raise InvalidRequest("task", f"has {len(text)} characters, more than {MAX_TASK}", "Ask for less at once.")
    return harmless(text.strip())
