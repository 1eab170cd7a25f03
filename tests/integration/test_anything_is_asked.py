"""Whatever is asked for at the edge is recorded whole, or refused with one clear error and not recorded at all."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from agent_ops import AgentOps, AgentOpsError, Profile, Settings
from agent_ops.domain.errors import InvalidRequest
from agent_ops.domain.plans import Plan
from tests.fakes import FakeServices

TEXT = st.text(st.characters(exclude_categories=()), max_size=30)  # lone surrogates, too
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.binary(max_size=5) | st.dates() | st.datetimes(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
FIELDS = {
    "name": st.sampled_from(["Ana Silva", "Zoë Müller", "李小龍"]),
    "team": st.sampled_from(["Engineering", "data"]),
    "level": st.sampled_from([None, "L2", "l3"]),
    "location": st.sampled_from([None, "Lisbon"]),
    "manager": st.sampled_from([None, "Bo Boss", "boss@acme.example"]),
    "joining_date": st.sampled_from([None, date(2026, 1, 5), "2026-01-05"]),
    "contact_number": st.sampled_from([None, "+351 912 345 678"]),
    "email_wish": st.sampled_from([None, "ana@home.example"]),
    "external_id": st.none() | st.uuids().map(str),
}
OPTIONS = {
    "access_items": st.sampled_from([None, ["github"], ("aws", "AWS ")]),
    "idempotency_key": st.none() | st.uuids().map(str),
    "run_after": st.sampled_from([None, date(2026, 1, 5)]),
    "link_existing": st.none(),
    "new_person": st.just(False),
    "request_id": st.none() | st.uuids().map(str),
}
TABLES = ("employees", "items", "runs", "grants", "requests", "events", "audit")


@st.composite
def asked(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """A request that is right but for at most two of its parts, which can be anything."""
    wrong = draw(st.sets(st.sampled_from([*FIELDS, *OPTIONS]), max_size=2))
    fields = {name: draw(JSON if name in wrong else right) for name, right in FIELDS.items()}
    return fields, {name: draw(JSON if name in wrong else right) for name, right in OPTIONS.items()}


def counted(data_dir: Path) -> dict[str, int]:
    with closing(sqlite3.connect(data_dir / "operations.db")) as db:
        return {table: db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES}


def test_any_request_is_recorded_whole_or_refused(settings: Settings) -> None:
    outcomes = {"recorded": 0, "refused": 0}

    async def once(fields: dict[str, Any], options: dict[str, Any]) -> None:
        async with AgentOps(replace(settings, concurrency=0), adapters=FakeServices().adapters()) as ops:
            before = counted(settings.data_dir)
            try:
                run = await ops.submit(Profile(**fields), **options)
            except AgentOpsError as error:
                assert str(error)
                assert counted(settings.data_dir) == before, "a refused request left something behind"
                outcomes["refused"] += 1
                return
            grown = {table: count - before[table] for table, count in counted(settings.data_dir).items()}
            assert (grown["runs"], grown["grants"], grown["requests"]) in ((1, 1, 1), (0, 0, 0))
            (report,) = await ops.report(run.id)
            assert report.employee.profile == Profile(**fields)
            outcomes["recorded"] += 1

    @examples(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
    @given(asked())
    def ask(request: tuple[dict[str, Any], dict[str, Any]]) -> None:
        asyncio.run(once(*request))

    ask()
    assert min(outcomes.values()) > 15, outcomes


def test_a_refusal_names_the_field() -> None:
    wrong: list[tuple[str, Any]] = [
        *[(field, value) for field in FIELDS for value in (5, b"x", [], "\ud800", "\u202e")],
        *[("joining_date", value) for value in (datetime.now(timezone.utc), "tomorrow", "2026-02-30", date(1066, 1, 1))],
    ]
    for field, value in wrong:
        try:
            Profile(**{"name": "Ana Silva", "team": "Engineering", field: value})
        except InvalidRequest as error:
            assert error.field == field
            assert str(error).startswith(field)
        else:
            raise AssertionError((field, value))


@examples(max_examples=200, deadline=None)
@given(JSON.map(lambda value: json.dumps(value, default=str)) | TEXT)
def test_any_text_is_a_plan_or_none(text: str) -> None:
    try:
        Plan.from_text(text)
    except AgentOpsError as error:
        assert "plan" in str(error)
