"""Recommendations over REST."""

from __future__ import annotations

from fastapi import FastAPI

from agent_ops import AgentOps, Profile
from tests.integration.test_recommending import known
from tests.service.conftest import Enter


async def test_recommendations_outliers_history_and_declining(app: FastAPI, enter: Enter, ana: Profile) -> None:
    ops: AgentOps = app.state.ops
    await known(ops, 20, ["jira"])
    writer, reader = await enter("hr"), await enter("reader", "status")
    body = {"name": "Ana Silva", "team": "Engineering", "level": "L2", "location": "Lisbon", "external_id": "E-1"}
    made = await writer.post("/api/users/onboard_user", json={**body, "access_items": ["datadog"]})
    run, who = made.json()["run_id"], made.json()["employee_id"]
    await ops.wait(run)

    asked = {"team": "Engineering", "level": "L2", "location": "Lisbon"}
    (one,) = (await reader.post("/api/recommendations", json=asked)).json()
    assert (one["item"], one["how"], one["holders"], one["people"]) == ("jira", "suggested", 20, 21)
    assert (await reader.get(f"/api/recommendations?user={who}")).json() == [one]
    assert (await reader.get("/api/recommendations?user=nobody")).status_code == 404
    assert (await reader.post("/api/recommendations", json={"team": "Piracy"})).status_code == 422

    weights = (await reader.get("/api/recommendations/weights")).json()
    assert (weights["patterns"], weights["worth"]["team"], weights["said"]) == (
        0,
        1.0,
        "nothing was learned yet: that takes 20 patterns",
    )

    (found,) = (await reader.get("/api/recommendations/outliers")).json()
    assert (found["employee_id"], found["name"], found["item"]) == (who, None, "datadog")
    assert (await writer.get("/api/recommendations/outliers")).json()[0]["name"] == "Ana Silva"

    declining = {"user": who, "item": "jira", "why": "no"}
    assert (await reader.post("/api/recommendations/decline", json=declining)).status_code == 403
    assert (await writer.post("/api/recommendations/decline", json=declining)).status_code == 201
    assert (await reader.get(f"/api/recommendations?user={who}")).json() == []
    history = (await reader.get(f"/api/recommendations/history?user={who}")).json()
    assert [(line["kind"], line["item"], line["said"]) for line in history] == [
        ("declined", "jira", None),
        ("suggested", "jira", None),
        ("asked", "datadog", None),
    ]
    details = (await writer.get(f"/api/runs/{run}")).json()
    assert [line["item"] for line in details["recommended"]] == ["jira"]
