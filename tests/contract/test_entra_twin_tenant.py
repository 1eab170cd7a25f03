"""What a check-up of a tenant reads: domains, organization, the application's permissions and credentials, the clock."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import jwt
import pytest

from tests.contract.entra_bench import SECRET, WORLD, Bench, acquire, new_user, served

APPLICATION = f"/applications(appId='{WORLD.client_id}')"


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with served(tmp_path) as bench:
        yield bench


async def _domains(bench: Bench) -> dict[str, Any]:
    return {row["id"]: row for row in (await bench.json("GET", "/domains"))["value"]}


async def test_a_tenant_has_its_domain_and_the_one_from_microsoft(bench: Bench) -> None:
    domains = await _domains(bench)
    own, initial = domains["example.test"], domains["example.onmicrosoft.com"]
    assert (own["isDefault"], own["isInitial"], own["isVerified"], own["authenticationType"]) == (True, False, True, "Managed")
    assert (initial["isDefault"], initial["isInitial"], initial["isVerified"]) == (False, True, True)
    assert (await bench.json("GET", "/domains/EXAMPLE.test"))["id"] == "example.test"
    await bench.error("GET", "/domains/elsewhere.test", 404, "Request_ResourceNotFound")


async def test_no_user_is_created_in_a_domain_that_is_not_verified(bench: Bench) -> None:
    bench.twin.directory.domains.set("new.test", verified=False)
    assert (await _domains(bench))["new.test"]["isVerified"] is False
    body = new_user("grace", userPrincipalName="grace@new.test")
    error = await bench.error("POST", "/users", 400, "Request_BadRequest", json=body)
    assert "must use one of the verified domain names" in error["message"]
    bench.twin.directory.domains.set("NEW.test")
    await bench.json("POST", "/users", 201, json=body)
    bench.twin.directory.domains.set("example.test", verified=False)
    await bench.error("POST", "/users", 400, "Request_BadRequest", json=new_user("eve"))
    names = (await bench.json("GET", "/organization"))["value"][0]["verifiedDomains"]
    assert sorted(domain["name"] for domain in names) == ["example.onmicrosoft.com", "new.test"]


async def test_a_federated_domain_wants_the_immutable_id(bench: Bench) -> None:
    bench.twin.directory.domains.set("example.test", federated=True)
    assert (await _domains(bench))["example.test"]["authenticationType"] == "Federated"
    await bench.error("POST", "/users", 400, "Request_BadRequest", json=new_user("grace"))
    await bench.create("grace", onPremisesImmutableId="6E2pnDPS6jO")
    await bench.create("eve", userPrincipalName="eve@example.onmicrosoft.com")


async def test_one_domain_is_the_default(bench: Bench) -> None:
    bench.twin.directory.domains.set("new.test", default=True)
    assert [name for name, row in (await _domains(bench)).items() if row["isDefault"]] == ["new.test"]


async def test_the_organization_says_whether_it_is_synchronised(bench: Bench) -> None:
    before = (await bench.json("GET", "/organization"))["value"][0]
    assert (before["id"], before["onPremisesSyncEnabled"]) == (WORLD.tenant_id, None)
    bench.twin.conditions.change(synchronised=True)
    assert (await bench.json("GET", "/organization"))["value"][0]["onPremisesSyncEnabled"] is True


async def test_the_token_lists_exactly_what_is_granted(bench: Bench) -> None:
    bench.twin.set_permissions({"User.Read.All", "Domain.Read.All"})
    token = (await bench.fresh_token())["Authorization"].partition(" ")[2]
    claims = jwt.decode(token, options={"verify_signature": False})
    assert claims["roles"] == ["Domain.Read.All", "User.Read.All"] and claims["appidacr"] == "1"


async def test_the_application_shows_when_its_secret_ends_and_never_the_secret(bench: Bench) -> None:
    listed = await bench.json("GET", "/applications", params={"$filter": f"appId eq '{WORLD.client_id}'"})
    by_id = await bench.json("GET", f"/applications/{listed['value'][0]['id']}")
    application = await bench.json("GET", APPLICATION)
    assert listed["value"] == [{name: value for name, value in row.items() if name[0] != "@"} for row in (application,)]
    assert by_id["appId"] == application["appId"] == WORLD.client_id and application["keyCredentials"] == []
    secret = application["passwordCredentials"][0]
    assert secret["secretText"] is None and secret["hint"] == SECRET[:3] and SECRET not in str(application)
    ends = datetime.fromisoformat(secret["endDateTime"].replace("Z", "+00:00"))
    assert 700 < (ends - datetime.now(timezone.utc)).days <= 730
    bench.twin.conditions.change(secret_ends=0.0)
    selected = await bench.json("GET", f"{APPLICATION}?$select=passwordCredentials")
    assert selected["passwordCredentials"][0]["endDateTime"] == "1970-01-01T00:00:00Z" and "appId" not in selected
    assert (await bench.json("GET", "/applications", params={"$filter": "displayName eq 'other'"}))["value"] == []
    await bench.error("GET", APPLICATION.replace("0f5a", "1f5a"), 404, "Request_ResourceNotFound")


@pytest.mark.parametrize(
    ("granted", "status"),
    [
        ("Application.Read.All", 200),
        ("Application.ReadWrite.OwnedBy", 200),
        ("Application.ReadWrite.All", 200),
        ("Directory.Read.All", 200),
        ("User.ReadWrite.All", 403),
    ],
)
async def test_applications_are_read_with_their_permission(bench: Bench, granted: str, status: int) -> None:
    bench.twin.set_permissions({granted})
    await bench.json("GET", APPLICATION, status, headers=await bench.fresh_token())


async def test_an_expired_secret_is_refused_at_sign_in(bench: Bench) -> None:
    bench.twin.conditions.change(secret_ends=time.time() - 1)
    result = await asyncio.to_thread(acquire, bench.base_url, bench.tls)
    assert (result["error"], result["error_codes"]) == ("invalid_client", [7000222])
    assert "are expired" in result["error_description"]


async def test_every_answer_has_the_services_time_of_day(bench: Bench) -> None:
    for path in ("/v1.0/domains", f"/{WORLD.tenant_id}/v2.0/.well-known/openid-configuration"):
        for ahead in (0.0, 900.0, -900.0):
            bench.twin.conditions.change(clock_seconds=ahead)
            date = (await bench.graph.get(path)).headers["Date"]
            assert abs(parsedate_to_datetime(date).timestamp() - time.time() - ahead) < 5


async def test_all_of_it_outlives_a_restart(tmp_path: Path) -> None:
    async with served(tmp_path) as first:
        first.twin.directory.domains.set("new.test", verified=False)
        first.twin.conditions.change(synchronised=True)
        before = await first.json("GET", APPLICATION)
    async with served(tmp_path) as second:
        assert (await _domains(second))["new.test"]["isVerified"] is False
        assert (await second.json("GET", "/organization"))["value"][0]["onPremisesSyncEnabled"] is True
        after = await second.json("GET", APPLICATION)
        assert after["passwordCredentials"] == before["passwordCredentials"] and after["id"] == before["id"]
