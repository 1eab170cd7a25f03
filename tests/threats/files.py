"""Cases in which somebody writes into the files: the database, plan files, the policy. Each tampering is a small function."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from agent_ops import AgentOps, AgentOpsError, Plan, Profile
from agent_ops.domain.runs import Request
from agent_ops.runtime.compose import compose
from agent_ops.runtime.data_dir import DATABASE
from tests.threats.cases import Case
from tests.threats.place import Evidence, Place
from tests.threats.ways import answered, asked, ended, keep_grants, opened

Row = dict[str, Any]
Tampering = Callable[[sqlite3.Connection, list[Row]], None]
OTHER = Profile("Other Person", "Contractors", external_id="T-2")
"""Somebody whose run waits beside the case's own."""


def _grant_with(grant: Row, more: list[str]) -> str:
    body = json.loads(grant["body"])
    return json.dumps({**body, "effects": [*body["effects"], more]})


def widened(connection: sqlite3.Connection, grants: list[Row]) -> None:
    """The grant gets one more pipeline, one that policy would give, and keeps its seal."""
    connection.execute("DROP TRIGGER grants_never_change")
    more = _grant_with(grants[0], ["jenkins", "jenkins.run_pipeline", "confluence"])
    connection.execute("UPDATE grants SET body = ? WHERE run_id = ?", (more, grants[0]["run_id"]))


def swapped(connection: sqlite3.Connection, grants: list[Row]) -> None:
    """Two runs have each other's grants, each with its own true seal."""
    connection.execute("DROP TRIGGER grants_never_change")
    for grant, other in zip(grants, reversed(grants), strict=True):
        values = (other["body"], other["seal"], grant["run_id"])
        connection.execute("UPDATE grants SET body = ?, seal = ? WHERE run_id = ?", values)


def moved(connection: sqlite3.Connection, grants: list[Row]) -> None:
    """The two runs are each other's employee's."""
    for grant, other in zip(grants, reversed(grants), strict=True):
        employee = json.loads(other["body"])["employee_id"]
        connection.execute("UPDATE runs SET employee_id = ? WHERE id = ?", (employee, grant["run_id"]))


def removed(connection: sqlite3.Connection, grants: list[Row]) -> None:
    """The grants are gone."""
    connection.execute("DROP TRIGGER grants_never_go")
    connection.execute("DELETE FROM grants")


def items_added(connection: sqlite3.Connection, grants: list[Row]) -> None:
    """An access item is due that nobody asked for."""
    employee = json.loads(grants[0]["body"])["employee_id"]
    values = (employee, "database", "pending", "2026-01-01T00:00:00+00:00")
    connection.execute("INSERT INTO items (employee_id, item, status, updated_at) VALUES (?, ?, ?, ?)", values)


TAMPERINGS: dict[str, Tampering] = {f.__name__: f for f in (widened, swapped, moved, removed, items_added)}


async def tampered(place: Place, case: Case, evidence: Evidence) -> None:
    """Requests are admitted and nobody drives them; the database is written into; then a worker comes."""
    requests = [_request(case.body), *([Request(OTHER, ())] if case.more.get("two") else [])]
    async with compose(place.settings(evidence.data_dir)) as system:
        runs = [await system.edge.admit(request, place.caller(case.request["as"])) for request in requests]
    await asyncio.to_thread(_tamper, evidence.data_dir / DATABASE, TAMPERINGS[case.more["tampering"]])
    keep_grants(evidence)
    async with opened(place, case, evidence) as ops:
        for run in runs:
            await ended(ops, evidence, run)


def _request(body: Row) -> Request:
    profile = Profile.from_json({key: value for key, value in body.items() if key != "access_items"})
    return Request(profile, tuple(body["access_items"]))


def _tamper(database: Path, tampering: Tampering) -> None:
    with contextlib.closing(sqlite3.connect(database)) as connection, connection:
        connection.row_factory = sqlite3.Row
        grants = [dict(row) for row in connection.execute("SELECT run_id, body, seal FROM grants ORDER BY rowid")]
        tampering(connection, grants)


# Plan files


def _altered(text: str) -> str:
    """The plan as JSON that says something else, spelt as the program spells it."""
    plan = json.loads(text)
    for effect in plan["effects"]:
        if effect["action"] == "jenkins.run_pipeline":
            effect["pinned"]["job"] = "provisioning/database"
    return json.dumps(plan, ensure_ascii=False, indent=2) + "\n"


def _for_another(text: str) -> str:
    plan = json.loads(text)
    plan["request"]["profile"]["name"] = "Mallory Kane"
    return json.dumps(plan, ensure_ascii=False, indent=2) + "\n"


def _mass_assigned(text: str) -> str:
    plan = json.loads(text)
    plan["request"]["grant"] = {"services": ["database"]}
    return json.dumps(plan, ensure_ascii=False, indent=2) + "\n"


PLANS: dict[str, Callable[[str], str]] = {
    "altered": _altered,
    "for another": _for_another,
    "mass assigned": _mass_assigned,
    "nested": lambda text: "[" * 100_000,
    "as it is": lambda text: text,
}


async def planned(place: Place, case: Case, evidence: Evidence) -> None:
    """A plan is made, its file is changed, and applied: by whom and where the case says, several times."""
    made_in = evidence.data_dir.parent / "elsewhere" if case.more.get("elsewhere") else evidence.data_dir
    async with AgentOps(place.settings(made_in), caller=place.caller("hr-key")) as ops:
        text = (await asked(case.body, ops.plan)).to_text()
    text = PLANS[case.more["plan"]](text)
    async with opened(place, case, evidence) as ops:
        for _ in range(case.more.get("times", 1)):
            await ended(ops, evidence, await answered(evidence, _applied(ops, text)))


async def _applied(ops: AgentOps, text: str) -> Any:
    return await ops.apply(Plan.from_text(text))


async def policy(place: Place, case: Case, evidence: Evidence) -> None:
    """A policy file with the payload in it: the start must refuse it, or read it as what it is."""
    from dataclasses import replace

    evidence.data_dir.mkdir()
    file = evidence.data_dir / "policy.toml"
    file.write_text(place.policy_file.read_text(encoding="utf-8") + case.more["policy"], encoding="utf-8")
    try:
        async with AgentOps(replace(place.settings(evidence.data_dir), policy_file=file)) as ops:
            await ended(ops, evidence, await answered(evidence, asked(case.body, ops.submit)))
    except AgentOpsError as error:
        evidence.answered(error)
    file.unlink()
