"""Who holds an administrator role, directly or by way of a group, and what an application may not do to them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from agent_ops.sandbox.world import GroupSeed, UserSeed
from tests.contract.entra_bench import ADVANCED, GROUP, WORLD, Bench, member, served

ADMINS = "6f0b1d52-3c0e-4f0c-9a52-0d5a4f2f9f04"
GLOBAL = "62e90394-69f5-4237-9190-012177145e10"
GUARDED = replace(
    WORLD,
    users=(
        *WORLD.users,
        UserSeed("root@example.test", "Root", roles=("Global Administrator",)),
        UserSeed("help@example.test", "Help", roles=("Helpdesk Administrator",)),
        UserSeed("indirect@example.test", "Indirect"),
    ),
    groups=(*WORLD.groups, GroupSeed(ADMINS, "Admins", roles=("User Administrator",))),
)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with served(tmp_path, GUARDED) as bench:
        indirect = await bench.json("GET", "/users/indirect@example.test")
        await bench.json("POST", f"/groups/{ADMINS}/members/$ref", 204, json=member(indirect["id"]))
        await bench.json("POST", f"/groups/{GROUP}/members/$ref", 204, json=member(indirect["id"]))
        yield bench


async def _roles(bench: Bench, name: str, relation: str = "transitiveMemberOf") -> list[str | None]:
    path, params = f"/users/{name}@example.test/{relation}/microsoft.graph.directoryRole", {"$count": "true"}
    rows = (await bench.json("GET", path, params=params, headers=ADVANCED))["value"]
    return [row["displayName"] for row in rows]


async def test_assignments_by_principal_show_direct_ones(bench: Bench) -> None:
    path = "/roleManagement/directory/roleAssignments"
    root = (await bench.json("GET", "/users/root@example.test"))["id"]
    rows = (await bench.json("GET", path, params={"$filter": f"principalId eq '{root}'"}))["value"]
    assert [(row["roleDefinitionId"], row["directoryScopeId"]) for row in rows] == [(GLOBAL, "/")]
    indirect = (await bench.json("GET", "/users/indirect@example.test"))["id"]
    assert (await bench.json("GET", path, params={"$filter": f"principalId eq '{indirect}'"}))["value"] == []
    assert len((await bench.json("GET", path))["value"]) == 3
    await bench.error("GET", path, 400, "Request_UnsupportedQuery", params={"$filter": "directoryScopeId eq '/'"})


async def test_transitive_memberships_show_all_roles(bench: Bench) -> None:
    assert await _roles(bench, "root") == ["Global Administrator"]
    assert await _roles(bench, "indirect") == ["User Administrator"] and await _roles(bench, "indirect", "memberOf") == []
    assert await _roles(bench, "ada") == []
    cast = "/users/root@example.test/transitiveMemberOf/microsoft.graph.directoryRole"
    await bench.error("GET", cast, 400, "Request_UnsupportedQuery")
    rows = (await bench.json("GET", "/users/indirect@example.test/transitiveMemberOf"))["value"]
    assert sorted(row["@odata.type"] for row in rows) == ["#microsoft.graph.directoryRole", *["#microsoft.graph.group"] * 2]
    groups = (await bench.json("GET", "/users/indirect@example.test/memberOf/microsoft.graph.group"))["value"]
    assert {group["id"]: group["isAssignableToRole"] for group in groups} == {GROUP: None, ADMINS: True}


async def test_roles_need_their_own_permission(bench: Bench) -> None:
    bench.twin.set_permissions({"User.Read.All"})
    headers = await bench.fresh_token()
    await bench.error("GET", "/roleManagement/directory/roleAssignments", 403, "Authorization_RequestDenied", headers=headers)
    rows = (await bench.json("GET", "/users/root@example.test/memberOf", headers=headers))["value"]
    assert [(row["@odata.type"], row["displayName"]) for row in rows] == [("#microsoft.graph.directoryRole", None)] and rows[0][
        "id"
    ]
    bench.twin.set_permissions({"RoleManagement.Read.Directory"})
    headers = await bench.fresh_token()
    await bench.json("GET", "/roleManagement/directory/roleAssignments", headers=headers)
    await bench.error("GET", "/users/root@example.test/memberOf", 403, "Authorization_RequestDenied", headers=headers)


async def test_an_application_does_not_touch_what_is_sensitive_about_administrators(bench: Bench) -> None:
    for name in ("root", "indirect"):
        path = f"/users/{name}@example.test"
        for change in ({"accountEnabled": False}, {"mobilePhone": "+49 1"}, {"userPrincipalName": "x@example.test"}):
            await bench.error("PATCH", path, 403, "Authorization_RequestDenied", json=change)
        await bench.error("DELETE", path, 403, "Authorization_RequestDenied")
        await bench.json("PATCH", path, 204, json={"jobTitle": "Admiral"})
    await bench.json("PATCH", "/users/help@example.test", 204, json={"accountEnabled": False})


async def test_roles_outlive_a_restart(tmp_path: Path) -> None:
    async with served(tmp_path, GUARDED) as first:
        first.twin.directory.plant_user(UserSeed("late@example.test", "Late", roles=("Application Administrator",)))
    async with served(tmp_path, GUARDED) as second:
        assert await _roles(second, "late") == ["Application Administrator"] and await _roles(second, "root")
        with pytest.raises(Exception, match="knows no role 'Wizard'"):
            second.twin.directory.plant_user(UserSeed("wizard@example.test", "Wizard", roles=("Wizard",)))
