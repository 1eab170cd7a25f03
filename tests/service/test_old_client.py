"""A client that was written for the old routes works unchanged but for its key: the bodies as it always sent them."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from agent_ops import Sandbox
from tests.service.served import ended

pytestmark = pytest.mark.slow
HIRE = {
    "name": "Olga Oldfield",
    "emailid": "olga@home.example",
    "contact_no": "+351 912 345 678",
    "location": "Lisbon",
    "date_of_joining": "2026-11-02",
    "level": "L2",
    "team": "Engineering",
    "manager": "Grace Hopper",
}


class OldClient:
    """As somebody wrote it years ago."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def onboard_user(self, body: dict[str, Any], **headers: str) -> httpx.Response:
        return self._client.post("/api/users/onboard_user", json=body, headers=headers)

    def status_all(self) -> list[dict[str, Any]]:
        answer = self._client.get("/api/users/status_all")
        assert answer.status_code == 200
        found: list[dict[str, Any]] = answer.json()
        return found

    def named(self, name: str) -> list[dict[str, Any]]:
        return [user for user in self.status_all() if user["name"] == name]

    def get(self, user: str) -> dict[str, Any]:
        found: dict[str, Any] = self._client.get(f"/api/users/{user}").json()
        return found

    def update_status(self, body: dict[str, Any]) -> httpx.Response:
        return self._client.post("/api/users/update_status", json=body)

    def delete_email_by_name(self, name: str, by_query: bool = False) -> httpx.Response:
        if by_query:
            return self._client.delete("/api/users/delete_email_by_name", params={"name": name})
        return self._client.request("DELETE", "/api/users/delete_email_by_name", json={"name": name})

    def execute_task(self, task: str, context: dict[str, Any] | None = None) -> dict[str, Any]:
        answer = self._client.post("/api/execute_task", json={"task": task, "context": context or {}})
        assert answer.status_code == 200
        found: dict[str, Any] = answer.json()
        return found

    def agents(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._client.get("/api/agents").json()
        return found


def test_the_old_client_works(client: httpx.Client, sandbox: Sandbox) -> None:
    old = OldClient(client)
    answer = old.onboard_user(HIRE)
    assert answer.status_code == 202
    accepted = answer.json()
    assert answer.headers["Location"] == accepted["status_url"] == f"/api/runs/{accepted['run_id']}"
    assert ended(client, accepted["run_id"])["status"] == "done"
    assert client.get(accepted["status_url"]).json()["employee_id"] == accepted["employee_id"]

    (user,) = old.named("Olga Oldfield")
    assert user == old.get(accepted["employee_id"])
    assert (user["emailid"], user["status"]) == ("olga.oldfield@acme.example", "onboarded")
    given = dict.fromkeys(("aws", "database"), "completed") | dict.fromkeys(("confluence", "github"), "verified")
    assert user["access_items_status"] == given
    assert {field: user[field] for field in HIRE if field != "emailid"} == {f: v for f, v in HIRE.items() if f != "emailid"}

    again = old.onboard_user(HIRE)
    assert (again.status_code, again.json()["run_id"]) == (202, accepted["run_id"])
    assert old.onboard_user({**HIRE, "team": "Data"}).status_code == 409
    created = [call for call in sandbox.effects("entra") if call.detail.get("upn") == "olga.oldfield@acme.example"]
    assert len(created) == 1, "the repeat made no second account"

    said = old.update_status({"user": "Olga Oldfield", "status": "failed", "access_items_status": {"github": "pending"}})
    assert (said.status_code, said.json()["status"], said.json()["access_items_status"]["github"]) == (200, "failed", "pending")
    assert [one["by"] for one in old.get("Olga Oldfield")["asserted"]] == ["key:tester", "key:tester"]

    assert old.delete_email_by_name("olga oldfield").json()["emailid"] == ""
    assert old.get("Olga Oldfield")["emailid"] == ""
    assert old.delete_email_by_name("Olga Oldfield", by_query=True).status_code == 200
    assert {"entra", "jenkins"} <= {agent["name"] for agent in old.agents()}
    assert len([c for c in sandbox.effects("entra") if c.detail.get("upn") == "olga.oldfield@acme.example"]) == 1


def test_the_old_client_gives_a_task(client: httpx.Client) -> None:
    """A question, answered with sources, and an address for whom the context names; it waits, as it always did."""
    old = OldClient(client)
    read = old.execute_task("List EC2 instances")
    assert (read["status"], read["needs_model"], [step["agent"] for step in read["steps"]]) == ("done", "", ["aws"])
    assert read["sources"] and all(source in read["summary"] for source in read["sources"])
    assert read["plan"] and [result["step"] for result in read["results"]] == [step["id"] for step in read["steps"]]
    saved = old.execute_task("Generate and save email for user with name Tess Tasker", {"name": "Tess Tasker"})
    (address,) = saved["changes"]
    assert (saved["status"], address["status"], address["detail"]) == ("done", "completed", "tess.tasker@acme.example")


def test_an_idempotency_key_marks_a_repeat(client: httpx.Client) -> None:
    old, body = OldClient(client), {"name": "Ivo Idem", "team": "Data", "access_items": ["confluence"]}
    first = old.onboard_user(body, **{"Idempotency-Key": "ivo-1"})
    again = old.onboard_user(body, **{"Idempotency-Key": "ivo-1"})
    assert (first.status_code, again.json()["run_id"]) == (202, first.json()["run_id"])
    assert old.onboard_user({**body, "team": "Engineering"}, **{"Idempotency-Key": "ivo-1"}).status_code == 409
    assert old.onboard_user(body).status_code == 409, "a known name, and nothing else to tell people apart"


def test_an_ambiguous_name_is_answered_with_candidates(client: httpx.Client) -> None:
    old = OldClient(client)
    ids = {
        old.onboard_user({"name": "Twin Twofold", "team": "Data", "external_id": f"T-{n}", "access_items": []}).json()[
            "employee_id"
        ]
        for n in (1, 2)
    }
    answer = old.delete_email_by_name("Twin Twofold")
    assert (answer.status_code, set(answer.json()["candidates"])) == (409, ids)
    assert old.delete_email_by_name("Twin%").status_code == 404, "no wildcards"
    assert old.delete_email_by_name(min(ids)).status_code == 200
