"""Licences by group: seats, states, errors, mailboxes, all by Graph's own calls."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent_ops.domain.policy import EntitlementPolicy
from agent_ops.policies import EXAMPLE, read_policy
from agent_ops.sandbox.entra.skus import sku_of
from agent_ops.sandbox.seeding import world_of
from agent_ops.sandbox.world import GroupSeed, LicenceSeed
from tests.contract.entra_bench import GROUP, OTHER_GROUP, WORLD, Bench, member, served

E3, E5 = sku_of("SPE_E3").id, sku_of("SPE_E5").id
LICENSED = replace(
    WORLD,
    groups=(GroupSeed(GROUP, "Microsoft 365", "SPE_E3"), GroupSeed(OTHER_GROUP, "Everybody", "SPE_E3")),
    licences=(LicenceSeed("SPE_E3", 2, prohibited=("KP",)), LicenceSeed("SPE_E5", 7), LicenceSeed("AAD_PREMIUM", 3)),
    licence_seconds=0.0,
    mailbox_seconds=0.0,
)
SHOWN = "licenseAssignmentStates,assignedLicenses,assignedPlans,mail,proxyAddresses"


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with served(tmp_path, LICENSED) as bench:
        yield bench


async def _join(bench: Bench, user: dict[str, Any], group: str = GROUP) -> None:
    await bench.json("POST", f"/groups/{group}/members/$ref", 204, json=member(user["id"]))


async def _seen(bench: Bench, user: dict[str, Any]) -> dict[str, Any]:
    return dict(await bench.json("GET", f"/users/{user['id']}", params={"$select": SHOWN}))


async def _states(bench: Bench, user: dict[str, Any]) -> list[tuple[str, str]]:
    return [(state["state"], state["error"]) for state in (await _seen(bench, user))["licenseAssignmentStates"]]


async def _seats(bench: Bench, part: str = "SPE_E3") -> tuple[int, int]:
    rows = (await bench.json("GET", "/subscribedSkus"))["value"]
    return next((row["consumedUnits"], row["prepaidUnits"]["enabled"]) for row in rows if row["skuPartNumber"] == part)


async def test_a_member_gets_the_groups_licence_then_a_mailbox(bench: Bench) -> None:
    user = await bench.create("grace", usageLocation="DE")
    before = await _seen(bench, user)
    assert (before["licenseAssignmentStates"], before["assignedLicenses"], before["mail"]) == ([], [], None)
    await _join(bench, user)
    after = await _seen(bench, user)
    state = after["licenseAssignmentStates"][0]
    assert (state["assignedByGroup"], state["skuId"], state["state"], state["error"]) == (GROUP, E3, "Active", "None")
    assert state["disabledPlans"] == [] and state["lastUpdatedDateTime"].endswith("Z")
    assert after["assignedLicenses"] == [{"disabledPlans": [], "skuId": E3}]
    assert "exchange" in [plan["service"] for plan in after["assignedPlans"] if plan["capabilityStatus"] == "Enabled"]
    assert after["mail"] == "grace@example.test" and "SMTP:grace@example.test" in after["proxyAddresses"]
    group = await bench.json("GET", f"/groups/{GROUP}?$select=assignedLicenses")
    assert group["assignedLicenses"] == [{"disabledPlans": [], "skuId": E3}]
    assert "assignedLicenses" not in await bench.json("GET", f"/groups/{GROUP}")


async def test_licence_and_mailbox_each_take_their_time(bench: Bench) -> None:
    bench.twin.subscriptions.set_pace(licence_seconds=0.3, mailbox_seconds=0.3)
    user, began = await bench.create("grace"), time.time()
    await _join(bench, user)
    assert await _states(bench, user) == []
    seen = await _until(bench, user, lambda seen: bool(seen["licenseAssignmentStates"]))
    assert time.time() - began >= 0.3 and seen["mail"] is None
    await _until(bench, user, lambda seen: bool(seen["mail"]))
    assert time.time() - began >= 0.6


async def _until(bench: Bench, user: dict[str, Any], done: Any) -> dict[str, Any]:
    deadline = time.monotonic() + 60
    while not done(seen := await _seen(bench, user)):
        assert time.monotonic() < deadline, seen
        await asyncio.sleep(0.02)
    return seen


async def test_without_a_free_seat_the_state_is_count_violation_until_reprocessed(bench: Bench) -> None:
    users = [await bench.create(name) for name in ("ann", "bob", "cleo")]
    for user in users:
        await _join(bench, user)
    assert await _states(bench, users[1]) == [("Active", "None")] and await _seats(bench) == (2, 2)
    assert await _states(bench, users[2]) == [("Error", "CountViolation")]
    short = await _seen(bench, users[2])
    assert (short["assignedLicenses"], short["mail"]) == ([], None)
    bench.twin.subscriptions.set_seats("SPE_E3", 3)
    assert await _states(bench, users[2]) == [("Error", "CountViolation")] and await _seats(bench) == (2, 3)
    await bench.json("POST", f"/users/{users[2]['id']}/reprocessLicenseAssignment")
    assert await _states(bench, users[2]) == [("Active", "None")] and await _seats(bench) == (3, 3)
    assert (await _seen(bench, users[2]))["mail"] == "cleo@example.test"


async def test_who_leaves_the_group_frees_the_seat_and_so_does_a_deleted_user(bench: Bench) -> None:
    ann, bob = await bench.create("ann"), await bench.create("bob")
    await _join(bench, ann)
    await _join(bench, bob)
    await bench.json("DELETE", f"/groups/{GROUP}/members/{ann['id']}/$ref", 204)
    left = await _seen(bench, ann)
    assert (left["licenseAssignmentStates"], left["assignedLicenses"], left["assignedPlans"]) == ([], [], [])
    assert await _seats(bench) == (1, 2)
    await bench.json("DELETE", f"/users/{bob['id']}", 204)
    assert await _seats(bench) == (0, 2)


async def test_one_product_by_two_groups_is_one_seat(bench: Bench) -> None:
    user = await bench.create("ann")
    await _join(bench, user)
    assert await _seats(bench) == (1, 2)
    bench.twin.subscriptions.set_seats("SPE_E3", 0)  # none to be had, but this user has one
    await _join(bench, user, OTHER_GROUP)
    assert await _states(bench, user) == [("Active", "None")] * 2 and await _seats(bench) == (1, 0)
    await bench.json("DELETE", f"/groups/{GROUP}/members/{user['id']}/$ref", 204)
    assert await _states(bench, user) == [("Active", "None")] and await _seats(bench) == (1, 0)


async def test_the_place_of_use_decides_and_the_tenants_stands_in_for_a_missing_one(bench: Bench) -> None:
    nowhere, there = await bench.create("ann"), await bench.create("kim", usageLocation="KP")
    await _join(bench, nowhere)
    await _join(bench, there)
    assert await _states(bench, nowhere) == [("Active", "None")]
    assert await _states(bench, there) == [("Error", "ProhibitedInUsageLocationViolation")] and await _seats(bench) == (1, 2)
    await bench.json("PATCH", f"/users/{there['id']}", 204, json={"usageLocation": "DE"})
    await bench.json("POST", f"/users/{there['id']}/reprocessLicenseAssignment")
    assert await _states(bench, there) == [("Active", "None")]


async def test_every_subscription_is_listed(bench: Bench) -> None:
    rows = (await bench.json("GET", "/subscribedSkus"))["value"]
    assert {row["skuPartNumber"]: row["prepaidUnits"]["enabled"] for row in rows} == {"SPE_E3": 2, "SPE_E5": 7, "AAD_PREMIUM": 3}
    assert {row["skuId"] for row in rows} >= {E3, E5} and len({row["id"] for row in rows}) == 3
    bench.twin.set_permissions({"LicenseAssignment.Read.All"})
    await bench.error("GET", "/subscribedSkus", 403, "Authorization_RequestDenied")  # not in the token that we hold
    headers = await bench.fresh_token()
    await bench.json("GET", "/subscribedSkus", headers=headers)
    await bench.error("GET", "/organization", 403, "Authorization_RequestDenied", headers=headers)


async def test_licences_and_what_is_still_due_outlive_a_restart(tmp_path: Path) -> None:
    async with served(tmp_path, LICENSED) as first:
        done, due = await first.create("ann"), await first.create("bob")
        await _join(first, done)
        assert await _states(first, done) == [("Active", "None")]
        first.twin.subscriptions.set_pace(licence_seconds=0.5)
        first.twin.subscriptions.set_seats("SPE_E5", 9)
        await _join(first, due)
    async with served(tmp_path, LICENSED) as second:
        assert await _states(second, done) == [("Active", "None")] and await _seats(second, "SPE_E5") == (0, 9)
        assert (await _seen(second, done))["mail"] == "ann@example.test"
        seen = await _until(second, due, lambda seen: bool(seen["mail"]))
        assert seen["licenseAssignmentStates"][0]["state"] == "Active" and await _seats(second) == (2, 2)


async def test_a_group_that_the_world_licenses_later_gives_licences_from_then_on(tmp_path: Path) -> None:
    async with served(tmp_path) as plain:
        user = await plain.create("ann")
        await _join(plain, user)
        assert await _states(plain, user) == []
    async with served(tmp_path, LICENSED) as licensed:
        await _join(licensed, user, OTHER_GROUP)
        assert len(await _states(licensed, user)) == 2


def test_the_policys_licence_groups_give_licences_with_seats_to_spare() -> None:
    policy: EntitlementPolicy = read_policy(EXAMPLE)
    world = world_of(policy, WORLD.credentials)
    group = policy.catalogue["m365"].group  # type: ignore[union-attr]
    assert next(seed.licence for seed in world.groups if seed.id == group) == "SPE_E3"
    assert {licence.sku: licence.seats for licence in world.licences} == {"SPE_E3": 1000}
