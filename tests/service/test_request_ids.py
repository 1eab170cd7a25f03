"""A request's id goes through the service into every line about the run that it made, down to the calls of services."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest

from agent_ops import AgentOps, Settings
from agent_ops.api.app import SERVICE, build_app
from agent_ops.policies import read_policy
from tests.service.conftest import ADMIN

HIRE = {"name": "Ida Request", "team": "Engineering", "level": "L2", "location": "Lisbon", "external_id": "RID-1"}
PLAN = {"name": "Olga Request", "team": "Engineering", "level": "L2", "location": "Lisbon", "external_id": "RID-2"}
SERVICES = {"Graph", "Jenkins", "mail"}


@pytest.fixture
async def client(sandbox_settings: Settings, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the service over the twins, whose log tells everything."""
    settings = replace(sandbox_settings, log_file=tmp_path / "log", log_level="DEBUG")

    @contextlib.asynccontextmanager
    async def opening() -> AsyncIterator[AgentOps]:
        async with AgentOps(settings, caller=SERVICE) as ops:
            yield ops

    app = build_app(read_policy(settings.policy_file), opening)
    async with app.router.lifespan_context(app):
        _, secret = await app.state.ops.api_keys.create(ADMIN, "hr", tuple(ADMIN.scopes), 1)
        headers = {"Authorization": f"Bearer {secret.take()}"}
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service", headers=headers) as found:
            yield found


async def test_every_way_to_make_a_run_names_its_request(client: httpx.AsyncClient, tmp_path: Path) -> None:
    async def asked(request_id: str, path: str, body: Any = None) -> dict[str, Any]:
        answer = await client.post(path, json=body, headers={"X-Request-ID": request_id})
        assert answer.status_code < 300, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def over(run_id: str) -> str:
        async with client.stream("GET", f"/api/runs/{run_id}/events", headers={"X-Request-ID": "looking"}) as answer:
            await answer.aread()
        return str((await client.get(f"/api/runs/{run_id}")).json()["status"])

    hired = (await asked("r-hire", "/api/users/onboard_user", {**HIRE, "run_after": f"{date.today().year + 1}-06-01"}))["run_id"]
    assert (await asked("r-cancel", f"/api/runs/{hired}/cancel"))["run_id"] == hired
    retried = (await asked("r-retry", f"/api/runs/{hired}/retry"))["run_id"]
    assert await over(retried) == "done"
    employee = (await client.get(f"/api/runs/{retried}")).json()["employee_id"]
    shown = await client.post(f"/api/users/{employee}/first_sign_in", headers={"X-Request-ID": "r-pass"})
    assert shown.status_code == 201, shown.text
    undone = (await asked("r-undo", f"/api/runs/{retried}/cancel", {"undo": True}))["run_id"]
    assert await over(undone) == "done"
    plan = (await asked("r-plan", "/api/plans", PLAN))["plan"]
    applied = (await asked("r-apply", "/api/plans/apply", {"plan": plan}))["run_id"]
    assert await over(applied) == "done"

    lines = [json.loads(line) for line in (tmp_path / "log").read_text(encoding="utf-8").splitlines()]
    made = {retried: "r-retry", undone: "r-undo", applied: "r-apply", shown.json()["run_id"]: "r-pass"}
    for run, request in made.items():
        about = [line for line in lines if line.get("run") == run and line["event"] != "request_served"]
        assert {line.get("request") for line in about} == {request}, about
        called = {line["service"] for line in about if line["event"] == "service_call"}
        assert called & SERVICES and {"effect_sent", "effect"} <= {line["event"] for line in about}, about
        assert all(line["employee"] for line in about)
    cancelled = [line["request"] for line in lines if line.get("run") == hired]
    assert set(cancelled) == {"r-hire", "r-cancel"}
    planning = [line for line in lines if line["event"] == "service_call" and line.get("request") == "r-plan"]
    assert planning
