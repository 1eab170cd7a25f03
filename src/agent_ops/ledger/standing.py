"""How far somebody's access is, read from our own records for a task, within its caller's scopes."""

from __future__ import annotations

from typing import Any

from agent_ops.domain.employee import Employee, EmployeeStatus
from agent_ops.domain.errors import NotFound, NotPermitted
from agent_ops.domain.names import name_key
from agent_ops.domain.readings import Reading, Source
from agent_ops.storage import Tx

SCOPE = "status"
MAX_PEOPLE = 10
SUBJECT = "the employee"
"""The handle under which planners know the run's employee (``domain.veil``)."""
_SERVICE = "agent-ops"


def standing_of(tx: Tx, run_id: str, name: str) -> Reading:
    """Everybody whose name has all the given words; one person with their access, several as candidates.

    Raises:
        NotPermitted: the task's caller lacks the scope ``status``. NotFound: there is nobody.
    """
    task = tx.tasks.get(run_id)
    if task is None or SCOPE not in task.scopes:
        raise NotPermitted(f"the task's caller lacks the scope {SCOPE!r}")
    subject = tx.people.get(run.employee_id) if (run := tx.runs.get(run_id)) and name_key(name) == SUBJECT else None
    if subject is not None:
        return Reading(_facts(tx, subject), (_source(subject),))
    wanted = set(name_key(name).split())
    known = [person for person in tx.people.all() if person.status is not EmployeeStatus.ERASED]
    exact = [person for person in known if name_key(person.profile.name) == name_key(name)]
    found = exact or [person for person in known if wanted and wanted <= set(name_key(person.profile.name).split())]
    if not found:
        raise NotFound(f"nobody called {name!r} is known", "See `agent-ops status` for everybody.")
    if len(found) > 1:
        candidates = [_candidate(person) for person in found[:MAX_PEOPLE]]
        sources = tuple(_source(person) for person in found[:MAX_PEOPLE])
        return Reading({"several people are meant": candidates}, sources, cut=len(found) > MAX_PEOPLE)
    return Reading(_facts(tx, found[0]), (_source(found[0]),))


def _facts(tx: Tx, person: Employee) -> dict[str, Any]:
    items = tx.people.items(person.id)
    runs = tx.runs.of_employee(person.id)
    missing = [item.item for item in items if not item.status.in_place]
    return {
        **_candidate(person),
        "joining_date": person.profile.joining_date,
        "address": person.address or "",
        "account_exists": person.entra_id is not None,
        "access_complete": person.entra_id is not None and not missing,
        "missing": missing,
        "access_items": [{"item": i.item, "status": i.status.value, "reason": i.reason} for i in items],
        "latest_run": {"id": runs[0].id, "status": runs[0].status.value, "summary": runs[0].summary} if runs else None,
    }


def _candidate(person: Employee) -> dict[str, Any]:
    return {"name": person.profile.name, "employee": person.id, "team": person.profile.team, "status": person.status.value}


def _source(person: Employee) -> Source:
    return Source(_SERVICE, f"employee {person.id}")
