"""What completes an account: the properties and the manager that are set after it was created, and who may set them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.entra_bench import GROUP, Bench, member, served


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with served(tmp_path) as bench:
        yield bench


COMPLETE = {
    "usageLocation": "DE",
    "employeeType": "Employee",
    "employeeHireDate": "2031-05-01T08:00:00+02:00",
    "department": "Research",
    "jobTitle": "Admiral",
    "accountEnabled": False,
}


async def test_a_patch_completes_the_account(bench: Bench) -> None:
    user = await bench.create("grace")
    await bench.json("PATCH", f"/users/{user['id']}", 204, json=COMPLETE)
    read = await bench.json("GET", f"/users/{user['id']}", params={"$select": ",".join(COMPLETE)})
    assert {name: read[name] for name in COMPLETE} == {**COMPLETE, "employeeHireDate": "2031-05-01T06:00:00Z"}
    assert await bench.names("/users", params={"$filter": "accountEnabled eq false"}) == ["grace"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"usageLocation": "Germany"}, "Request_BadRequest"),
        ({"usageLocation": "1A"}, "Request_BadRequest"),
        ({"usageLocation": None}, "Request_BadRequest"),
        ({"usageLocation": ""}, "Request_BadRequest"),
        ({"department": "x" * 65}, "Request_BadRequest"),
        ({"jobTitle": "x" * 129}, "Request_BadRequest"),
        ({"jobTitle": ""}, "Request_BadRequest"),
        ({"employeeHireDate": "first of May"}, "BadRequest"),
        ({"employeeHireDate": "2031-13-01T00:00:00Z"}, "BadRequest"),
        ({"employeeHireDate": 1}, "BadRequest"),
        ({"accountEnabled": "false"}, "BadRequest"),
        ({"accountEnabled": None}, "Request_BadRequest"),
        ({"employeeType": ["Employee"]}, "BadRequest"),
        ({"manager": "ada@example.test"}, "Request_BadRequest"),
    ],
)
async def test_a_value_of_the_wrong_form_changes_nothing(bench: Bench, change: dict[str, Any], code: str) -> None:
    user = await bench.create("grace")
    await bench.error("PATCH", f"/users/{user['id']}", 400, code, json={"city": "Berlin", **change})
    assert (await bench.json("GET", f"/users/{user['id']}?$select=city"))["city"] is None
    assert [call.effect for call in bench.effects()] == ["entra.create"]


@pytest.mark.parametrize(
    ("granted", "allowed", "denied"),
    [
        ({"User.ReadWrite.All"}, ["jobTitle", "accountEnabled", "otherMails", "mobilePhone"], ["passwordProfile"]),
        ({"Directory.ReadWrite.All"}, ["jobTitle", "accountEnabled", "passwordProfile", "mobilePhone"], []),
        ({"User.EnableDisableAccount.All", "User.Read.All"}, ["accountEnabled"], ["jobTitle", "usageLocation"]),
        ({"User.EnableDisableAccount.All"}, [], ["accountEnabled"]),
        ({"User-Phone.ReadWrite.All"}, ["mobilePhone"], ["jobTitle", "otherMails"]),
        ({"User-Mail.ReadWrite.All"}, ["otherMails"], ["mobilePhone", "accountEnabled"]),
        ({"User-PasswordProfile.ReadWrite.All"}, ["passwordProfile"], ["accountEnabled"]),
        ({"User.Read.All"}, [], ["jobTitle", "accountEnabled"]),
    ],
)
async def test_each_property_needs_its_permission(bench: Bench, granted: set[str], allowed: list[str], denied: list[str]) -> None:
    values: dict[str, Any] = {
        "jobTitle": "Admiral",
        "usageLocation": "DE",
        "accountEnabled": False,
        "otherMails": ["g@example.test"],
        "mobilePhone": "+49 170 1",
        "passwordProfile": {"password": "Xy7!another-Pass"},
    }
    bench.twin.set_permissions(granted)
    headers = await bench.fresh_token()
    for name in allowed:
        await bench.json("PATCH", "/users/ada@example.test", 204, json={name: values[name]}, headers=headers)
    for name in denied:
        await bench.error(
            "PATCH", "/users/ada@example.test", 403, "Authorization_RequestDenied", json={name: values[name]}, headers=headers
        )
    assert [call.detail["properties"] for call in bench.effects()] == [[name] for name in allowed]


async def test_a_manager_is_set_by_reference_and_must_exist(bench: Bench) -> None:
    user = await bench.create("grace")
    ada = await bench.json("GET", "/users/ada@example.test")
    manager = f"/users/{user['id']}/manager"
    await bench.json("PUT", f"{manager}/$ref", 204, json=member(ada["id"]))
    assert (await bench.json("GET", f"{manager}?$select=id,displayName"))["id"] == ada["id"]
    await bench.error("PUT", f"{manager}/$ref", 404, "Request_ResourceNotFound", json=member(GROUP))
    await bench.error("PUT", f"{manager}/$ref", 400, "BadRequest", json={"id": ada["id"]})
    other = await bench.create("lin")
    await bench.json("PUT", f"{manager}/$ref", 204, json=member(other["id"]))  # the last one counts
    assert (await bench.json("GET", manager))["id"] == other["id"]
    bench.twin.set_permissions({"User.Read.All", "User.EnableDisableAccount.All"})
    headers = await bench.fresh_token()
    await bench.error("PUT", f"{manager}/$ref", 403, "Authorization_RequestDenied", json=member(ada["id"]), headers=headers)
