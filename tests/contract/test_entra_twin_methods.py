"""The twin's authentication methods: what is registered, why a pass cannot be used, and what the tenant's policy allows."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.contract.entra_bench import Bench, served

ADA = "/users/ada@example.test"
PASSES, METHODS = f"{ADA}/authentication/temporaryAccessPassMethods", f"{ADA}/authentication/methods"


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with served(tmp_path) as found:
        yield found


async def reason(bench: Bench) -> tuple[bool, str]:
    (kept,) = (await bench.json("GET", PASSES))["value"]
    return kept["isUsable"], kept["methodUsabilityReason"]


async def test_every_method_is_listed_with_its_type(bench: Bench) -> None:
    await bench.json("POST", PASSES, 201, json={})
    bench.twin.passes.befall("ada@example.test", "phoneAuthenticationMethod")
    kinds = [m["@odata.type"].rpartition(".")[2] for m in (await bench.json("GET", METHODS))["value"]]
    assert kinds == ["passwordAuthenticationMethod", "temporaryAccessPassAuthenticationMethod", "phoneAuthenticationMethod"]


@pytest.mark.parametrize(("event", "why"), [("used", "OneTimeUsed"), ("expired", "Expired")])
async def test_a_pass_says_why_it_cannot_be_used(bench: Bench, event: str, why: str) -> None:
    await bench.json("POST", PASSES, 201, json={"isUsableOnce": True})
    assert await reason(bench) == (True, "EnabledByPolicy")
    bench.twin.passes.befall("ada@example.test", event)
    assert await reason(bench) == (False, why)
    bench.twin.conditions.change(passes_enabled=False)
    assert await reason(bench) == (False, "DisabledByPolicy")


async def test_the_policy_bounds_lifetime_and_use(bench: Bench) -> None:
    bench.twin.conditions.change(passes_only_once=True)
    for body in ({"lifetimeInMinutes": 59}, {"lifetimeInMinutes": 481}, {"isUsableOnce": False}):
        await bench.error("POST", PASSES, 400, "Request_BadRequest", json={"isUsableOnce": True, **body})
    bench.twin.conditions.change(passes_enabled=False)
    error = await bench.error("POST", PASSES, 403, "accessDenied", json={"isUsableOnce": True})
    assert "does not allow creating" in error["message"]


async def test_a_new_pass_takes_the_place_of_the_one_before(bench: Bench) -> None:
    first = await bench.json("POST", PASSES, 201, json={})
    second = await bench.json("POST", PASSES, 201, json={})
    assert [kept["id"] for kept in (await bench.json("GET", PASSES))["value"]] == [second["id"]] != [first["id"]]


async def test_a_lagging_read_does_not_show_a_new_pass(bench: Bench) -> None:
    await bench.json("POST", PASSES, 201, json={})
    bench.lag(30)
    assert (await bench.json("GET", f"{METHODS}"))["value"][1:] == []


async def test_sign_ins_are_shown_to_whoever_may_see_them(bench: Bench) -> None:
    path = f"{ADA}?$select=id,signInActivity"
    bench.twin.passes.befall("ada@example.test", "signed_in")
    await bench.error("GET", path, 403, "Authorization_RequestDenied")
    bench.twin.set_permissions({*bench.twin.permissions, "AuditLog.Read.All"})
    bench.graph.headers.update(await bench.fresh_token())
    assert (await bench.json("GET", path))["signInActivity"]["lastSignInDateTime"]
    bench.twin.conditions.change(premium=False)
    await bench.error("GET", path, 403, "Authentication_RequestFromNonPremiumTenantOrB2CTenant")
