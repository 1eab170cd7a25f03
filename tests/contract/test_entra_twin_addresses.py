"""Which addresses are in use, and by what: users, groups, contacts, deleted users, guests; found as Graph documents it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent_ops.sandbox.world import ContactSeed, GroupSeed, UserSeed
from tests.contract.entra_bench import ADVANCED, GROUP, WORLD, Bench, new_user, served

MARK = {"extensionAttribute7": "mark-1"}
PEOPLED = replace(
    WORLD,
    users=(
        *WORLD.users,
        UserSeed("old.hand@example.test", "Old Hand", {"employeeId": "E9", "onPremisesExtensionAttributes": MARK}, deleted=True),
        UserSeed("paused@example.test", "Pau Sed", {"accountEnabled": False}),
        UserSeed("synced@example.test", "Syn Ced", {"onPremisesSyncEnabled": True, "onPremisesSamAccountName": "synced"}),
        UserSeed(
            "gast_partner.example#EXT#@example.test",
            "Gast",
            {"userType": "Guest", "externalUserState": "Accepted", "mail": "gast@partner.example"},
        ),
    ),
    groups=(*WORLD.groups, GroupSeed("6f0b1d52-3c0e-4f0c-9a52-0d5a4f2f9f03", "All of us", mail="all@example.test")),
    contacts=(ContactSeed("Press Office", "press@example.test", ("smtp:media@example.test",)),),
)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with served(tmp_path, PEOPLED) as bench:
        yield bench


async def _found(bench: Bench, path: str, text: str, *, advanced: bool = False) -> list[str]:
    params = {"$filter": text, **({"$count": "true"} if advanced else {})}
    body = await bench.json("GET", path, params=params, headers=ADVANCED if advanced else None)
    return sorted(row["displayName"] for row in body["value"])


@pytest.mark.parametrize(
    ("path", "text", "names"),
    [
        ("/contacts", "mail eq 'PRESS@example.test'", ["Press Office"]),
        ("/contacts", "mail in ('press@example.test','nobody@example.test')", ["Press Office"]),
        ("/contacts", "proxyAddresses/any(p:p eq 'smtp:media@example.test')", ["Press Office"]),
        ("/contacts", "proxyAddresses/any(p:p eq 'smtp:press@example.test')", ["Press Office"]),
        ("/contacts", "proxyAddresses/any(p:startswith(p,'smtp:med'))", ["Press Office"]),
        ("/contacts", "mail eq 'ada@example.test'", []),
        ("/groups", "proxyAddresses/any(p:p eq 'smtp:ALL@example.test')", ["All of us"]),
        ("/groups", "mail in ('all@example.test','x@example.test')", ["All of us"]),
        ("/groups", "mail eq 'ada@example.test'", []),
        ("/users", "proxyAddresses/any(p:p eq 'smtp:ada@example.test')", ["Ada Lovelace"]),
        (
            "/users",
            "userPrincipalName in ('ADA@example.test','paused@example.test','old.hand@example.test')",
            ["Ada Lovelace", "Pau Sed"],
        ),
        ("/users", "mail in ('gast@partner.example')", ["Gast"]),
        ("/users", "userType eq 'Guest'", ["Gast"]),
        ("/users", "onPremisesSyncEnabled eq true", ["Syn Ced"]),
        ("/users", "accountEnabled eq false", ["Pau Sed"]),
        ("/directory/deletedItems/microsoft.graph.user", "employeeId eq 'E9'", ["Old Hand"]),
        ("/directory/deletedItems/microsoft.graph.user", "mail eq 'old.hand@example.test'", ["Old Hand"]),
        ("/directory/deletedItems/microsoft.graph.user", "proxyAddresses/any(p:p eq 'smtp:old.hand@example.test')", ["Old Hand"]),
        ("/directory/deletedItems/microsoft.graph.user", "userPrincipalName eq 'old.hand@example.test'", []),
        ("/directory/deletedItems/microsoft.graph.user", "deletedDateTime ge 2020-01-01T00:00:00Z", ["Old Hand"]),
    ],
)
async def test_who_has_an_address(bench: Bench, path: str, text: str, names: list[str]) -> None:
    assert await _found(bench, path, text) == names


@pytest.mark.parametrize(
    "text",
    [
        "endsWith(userPrincipalName,'old.hand@example.test')",
        "onPremisesExtensionAttributes/extensionAttribute7 eq 'mark-1'",
        "displayName ne 'Ada'",
    ],
)
async def test_what_of_the_deleted_users_needs_an_advanced_query(bench: Bench, text: str) -> None:
    deleted = "/directory/deletedItems/microsoft.graph.user"
    assert await _found(bench, deleted, text, advanced=True) == ["Old Hand"]
    await bench.error("GET", deleted, 400, "Request_UnsupportedQuery", params={"$filter": text})


async def test_a_deleted_user_keeps_mail_and_attributes_under_a_changed_name(bench: Bench) -> None:
    fields = "id,userPrincipalName,mail,proxyAddresses,displayName,employeeId,onPremisesExtensionAttributes,deletedDateTime"
    rows = (await bench.json("GET", f"/directory/deletedItems/microsoft.graph.user?$select={fields}"))["value"]
    row: dict[str, Any] = rows[0]
    assert row["userPrincipalName"] == row["id"].replace("-", "") + "old.hand@example.test" and row["deletedDateTime"]
    assert (row["mail"], row["proxyAddresses"]) == ("old.hand@example.test", ["SMTP:old.hand@example.test"])
    assert row["onPremisesExtensionAttributes"]["extensionAttribute7"] == "mark-1" and row["employeeId"] == "E9"
    order = {"$orderby": "deletedDateTime desc", "$count": "true"}
    await bench.json("GET", "/directory/deletedItems/microsoft.graph.user", params=order, headers=ADVANCED)
    await bench.error("GET", "/directory/deletedItems/microsoft.graph.user", 400, "Request_UnsupportedQuery", params=order)


async def test_an_address_is_one_objects_only_whatever_its_kind(bench: Bench) -> None:
    for taken in ("all", "press", "media", "gast_partner.example#EXT#"):
        error = await bench.error(
            "POST", "/users", 400, "Request_BadRequest", json=new_user("x", userPrincipalName=f"{taken}@example.test")
        )
        assert error["details"][0]["code"] == "ObjectConflict", taken
    error = await bench.error("POST", "/users", 400, "Request_BadRequest", json=new_user("x", mail="Press@example.test"))
    assert error["details"][0]["target"] == "proxyAddresses"
    await bench.create("old.hand")  # a deleted user's address is free for Entra ID
    assert [call.effect for call in bench.effects()] == ["entra.create"]


async def test_what_is_mastered_on_premises_is_not_changed_here(bench: Bench) -> None:
    user = "/users/synced@example.test"
    error = await bench.error("PATCH", user, 400, "Request_BadRequest", json={"jobTitle": "Admiral"})
    assert error["message"].startswith("Unable to update the specified properties for on-premises mastered")
    reference = {"@odata.id": f"{bench.base_url}/v1.0/users/ada@example.test"}
    await bench.error("PUT", f"{user}/manager/$ref", 400, "Request_BadRequest", json=reference)
    await bench.json("PATCH", user, 204, json={"usageLocation": "DE"})


async def test_contacts_are_read_with_their_own_permission(bench: Bench) -> None:
    contact = (await bench.json("GET", "/contacts?$select=id,mail"))["value"][0]
    assert (await bench.json("GET", f"/contacts/{contact['id']}"))["proxyAddresses"][1] == "smtp:media@example.test"
    assert (await bench.graph.get("/v1.0/contacts/$count", headers=ADVANCED)).text == "1"
    await bench.error("POST", "/contacts", 405, "Request_BadRequest", json={})
    bench.twin.set_permissions({"User.Read.All"})
    await bench.error("GET", "/contacts", 403, "Authorization_RequestDenied")
    for enough in ("OrgContact.Read.All", "Directory.Read.All"):
        bench.twin.set_permissions({enough})
        await bench.json("GET", "/contacts", headers=await bench.fresh_token())


async def test_everybody_is_still_there_after_a_restart(tmp_path: Path) -> None:
    async with served(tmp_path, PEOPLED) as first:
        await first.json("DELETE", "/users/paused@example.test", 204)
    async with served(tmp_path, PEOPLED) as second:
        assert await _found(second, "/contacts", "mail eq 'press@example.test'") == ["Press Office"]
        assert await _found(second, "/users", "userPrincipalName eq 'paused@example.test'") == []
        deleted = (await second.json("GET", "/directory/deletedItems/microsoft.graph.user"))["value"]
        assert sorted(row["displayName"] for row in deleted) == ["Old Hand", "Pau Sed"]


async def test_planting_while_the_twin_runs_keeps_addresses_unique(bench: Bench) -> None:
    entry = bench.twin.directory.plant_contact(ContactSeed("Late", "late@example.test"))
    assert (await bench.json("GET", f"/contacts/{entry.id}"))["mail"] == "late@example.test"
    bench.twin.directory.plant_group(GroupSeed(GROUP.replace("6", "8"), "Late group", mail="lates@example.test"))
    assert await _found(bench, "/groups", "mail eq 'lates@example.test'") == ["Late group"]
    with pytest.raises(Exception, match="proxyAddresses already exists"):
        bench.twin.directory.plant_contact(ContactSeed("Again", "lates@example.test"))
    with pytest.raises(Exception, match="Invalid property 'shoeSize'"):
        bench.twin.directory.plant_user(UserSeed("shoe@example.test", "Shoe", {"shoeSize": "42"}))
