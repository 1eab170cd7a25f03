"""The Entra twin as msal and a bare HTTP client see it."""

from __future__ import annotations

import asyncio
import json
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import jwt
import pytest

from agent_ops.sandbox.faults import Fault, FaultKind
from agent_ops.sandbox.tls import ensure_tls
from tests.contract.entra_bench import (
    ADVANCED,
    GROUP,
    OTHER_GROUP,
    PASSWORD,
    SCOPE,
    SECRET,
    WORLD,
    Bench,
    acquire,
    member,
    new_user,
    served,
)

MARK = "onPremisesExtensionAttributes/extensionAttribute7"
TOKEN_PATH = f"/{WORLD.tenant_id}/oauth2/v2.0/token"


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with served(tmp_path) as bench:
        yield bench


# --- TLS and tokens


def test_keys_are_private_and_made_once(tmp_path: Path) -> None:
    first = ensure_tls(tmp_path)
    before = [path.read_bytes() for path in (first.ca_file, first.cert_file, first.key_file)]
    assert stat.S_IMODE(first.key_file.stat().st_mode) == 0o600
    again = ensure_tls(tmp_path)
    assert [path.read_bytes() for path in (again.ca_file, again.cert_file, again.key_file)] == before
    first.cert_file.write_text("damaged")
    assert ensure_tls(tmp_path).cert_file.read_bytes() != before[1]


async def test_a_client_without_the_private_authority_refuses_the_twin(bench: Bench) -> None:
    async with httpx.AsyncClient(trust_env=False) as stranger:
        with pytest.raises(httpx.ConnectError):
            await stranger.get(f"{bench.base_url}/v1.0/users")


async def test_msal_gets_a_signed_token_with_the_granted_roles(bench: Bench) -> None:
    result = await asyncio.to_thread(acquire, bench.base_url, bench.tls)
    assert result["token_type"] == "Bearer" and 3500 < result["expires_in"] <= 3599
    metadata = (await bench.graph.get(f"/{WORLD.tenant_id}/v2.0/.well-known/openid-configuration")).json()
    keys = (await bench.graph.get(metadata["jwks_uri"])).json()["keys"]
    token = result["access_token"]
    key = next(key for key in keys if key["kid"] == jwt.get_unverified_header(token)["kid"])
    claims = jwt.decode(token, jwt.PyJWK(key, "RS256"), algorithms=["RS256"], audience="https://graph.microsoft.com")
    assert claims["tid"] == WORLD.tenant_id and claims["appid"] == WORLD.client_id
    assert "User.ReadWrite.All" in claims["roles"] and claims["exp"] - claims["iat"] == 3599


@pytest.mark.parametrize(
    ("changes", "error", "code"),
    [
        ({"secret": "wrong"}, "invalid_client", 7000215),
        ({"client_id": "00000000-0000-4000-8000-000000000001"}, "unauthorized_client", 700016),
    ],
)
async def test_msal_sees_microsofts_refusals(bench: Bench, changes: dict[str, str], error: str, code: int) -> None:
    result = await asyncio.to_thread(acquire, bench.base_url, bench.tls, **changes)
    assert result["error"] == error and result["error_codes"] == [code]
    assert result["error_description"].startswith(f"AADSTS{code}: ") and "Correlation ID" in result["error_description"]


async def test_an_unknown_tenant_is_refused_at_discovery_and_at_the_token_endpoint(bench: Bench) -> None:
    ghost = "00000000-0000-4000-8000-000000000009"
    with pytest.raises(ValueError, match="Unable to get authority configuration"):
        await asyncio.to_thread(acquire, bench.base_url, bench.tls, tenant=ghost)
    discovery = await bench.graph.get(f"/{ghost}/v2.0/.well-known/openid-configuration")
    token = await bench.graph.post(f"/{ghost}/oauth2/v2.0/token", data={})
    for response in (discovery, token):
        assert response.status_code == 400 and response.json()["error_codes"] == [90002]


@pytest.mark.parametrize(
    ("form", "status", "code"),
    [
        ({}, 400, 900144),
        ({"grant_type": "password", "client_id": WORLD.client_id}, 400, 70003),
        ({"grant_type": "client_credentials", "client_id": WORLD.client_id, "scope": SCOPE}, 401, 7000216),
        ({"grant_type": "client_credentials", "client_id": WORLD.client_id, "client_secret": SECRET}, 400, 900144),
        (
            {"grant_type": "client_credentials", "client_id": WORLD.client_id, "client_secret": SECRET, "scope": "User.Read"},
            400,
            1002012,
        ),
        (
            {
                "grant_type": "client_credentials",
                "client_id": WORLD.client_id,
                "client_secret": SECRET,
                "scope": "https://other.test/.default",
            },
            400,
            500011,
        ),
    ],
)
async def test_token_requests_are_judged_one_by_one(bench: Bench, form: dict[str, str], status: int, code: int) -> None:
    wanted = "11111111-2222-4333-8444-555555555555"
    response = await bench.graph.post(TOKEN_PATH, data=form, headers={"client-request-id": wanted})
    assert (response.status_code, response.json()["error_codes"]) == (status, [code])
    assert response.json()["correlation_id"] == response.headers["client-request-id"] == wanted


async def test_the_secret_may_come_by_basic_authentication(bench: Bench) -> None:
    form = {"grant_type": "client_credentials", "scope": f"{bench.base_url}/.default"}
    login = httpx.BasicAuth(WORLD.client_id, quote(SECRET))
    response = await bench.graph.post(TOKEN_PATH, data=form, auth=login)
    token = response.json()["access_token"]
    await bench.json("GET", "/users", headers={"Authorization": f"Bearer {token}"})


async def test_bad_tokens_get_graphs_401(bench: Bench) -> None:
    expired = bench.twin.tokens.issue(WORLD.client_id, SCOPE.removesuffix("/.default"), frozenset(), lifetime=-5)
    elsewhere = bench.twin.tokens.issue(WORLD.client_id, "https://vault.test", frozenset())
    good = bench.graph.headers["Authorization"]
    forged = good[:-8] + ("AAAAAAAA" if not good.endswith("AAAAAAAA") else "BBBBBBBB")
    for sent, words in {
        "": "Access token is empty.",
        "Bearer nonsense": "JWT is not well formed",
        f"Bearer {expired}": "the token is expired",
        f"Bearer {elsewhere}": "Invalid audience",
        forged: "Invalid signature",
    }.items():
        response = await bench.graph.get("/v1.0/users", headers={"Authorization": sent})
        assert response.status_code == 401 and response.headers["WWW-Authenticate"].startswith("Bearer ")
        assert response.json()["error"]["code"] == "InvalidAuthenticationToken" and words in response.text


async def test_a_permission_taken_away_strikes_at_once_and_a_new_one_needs_a_new_token(bench: Bench) -> None:
    bench.twin.set_permissions({"User.Read.All"})
    await bench.error("POST", "/users", 403, "Authorization_RequestDenied", json=new_user("eve"))
    await bench.error("GET", "/groups", 403, "Authorization_RequestDenied")
    await bench.error("POST", f"/groups/{GROUP}/members/$ref", 403, "Authorization_RequestDenied", json=member(GROUP))
    bench.twin.set_permissions({"User.Read.All", "Directory.ReadWrite.All"})
    await bench.error("GET", "/groups", 403, "Authorization_RequestDenied")
    assert bench.effects() == []


# --- users


async def test_create_answers_the_default_properties_and_keeps_the_rest(bench: Bench) -> None:
    body = new_user(
        "grace",
        usageLocation="DE",
        employeeId="E42",
        employeeHireDate="2031-05-01T00:00:00+02:00",
        businessPhones=["+49 30 1"],
        onPremisesExtensionAttributes={"extensionAttribute7": "mark-1"},
    )
    response = await bench.graph.post("/v1.0/users", json=body)
    created = response.json()
    assert response.status_code == 201 and created["id"] in response.headers["Location"]
    assert list(created)[:2] == ["@odata.context", "id"] and "employeeId" not in created
    select = "employeeId,employeeHireDate,passwordProfile,onPremisesExtensionAttributes"
    read = await bench.json("GET", f"/users/GRACE@example.test?$select={select}")
    assert read["employeeHireDate"] == "2031-04-30T22:00:00Z" and read["passwordProfile"] is None
    assert read["onPremisesExtensionAttributes"]["extensionAttribute7"] == "mark-1"
    assert read["onPremisesExtensionAttributes"]["extensionAttribute15"] is None
    effect = bench.effects()[0]
    assert (effect.effect, effect.detail["upn"], effect.detail["id"]) == ("entra.create", "grace@example.test", created["id"])


async def test_a_taken_address_is_refused_word_for_word(bench: Bench) -> None:
    await bench.create("grace")
    body = new_user("other", userPrincipalName="Grace@EXAMPLE.test")
    error = await bench.error("POST", "/users", 400, "Request_BadRequest", json=body, headers={"client-request-id": "mine-1"})
    message = "Another object with the same value for property userPrincipalName already exists."
    assert error["message"] == message and error["innerError"]["client-request-id"] == "mine-1"
    assert error["details"] == [{"code": "ObjectConflict", "message": message, "target": "userPrincipalName"}]
    error = await bench.error("POST", "/users", 400, "Request_BadRequest", json=new_user("x", mail="ADA@example.test"))
    assert error["details"][0]["target"] == "proxyAddresses"
    assert len(bench.effects()) == 1


async def test_of_many_equal_creates_at_once_one_succeeds(bench: Bench) -> None:
    calls = [bench.graph.post("/v1.0/users", json=new_user("grace")) for _ in range(20)]
    statuses = sorted([response.status_code for response in await asyncio.gather(*calls)])
    assert statuses == [201] + [400] * 19 and [call.effect for call in bench.effects()] == ["entra.create"]


async def test_passwords_stay_out_of_answers_and_records(bench: Bench, tmp_path: Path) -> None:
    created = await bench.create("grace")
    weak = new_user("weak", passwordProfile={"password": "alllowercase"})
    await bench.error("POST", "/users", 400, "Request_BadRequest", json=weak)
    await bench.error("POST", "/users", 400, "BadRequest", json=new_user("odd", passwordProfile=[PASSWORD]))
    shown = await bench.json("GET", f"/users/{created['id']}?$select=*")
    assert PASSWORD not in json.dumps(shown)
    for file in tmp_path.glob("records.db*"):
        content = file.read_bytes()
        assert PASSWORD.encode() not in content and b"alllowercase" not in content and SECRET.encode() not in content


async def test_patch_merges_and_checks(bench: Bench) -> None:
    user = await bench.create("grace", onPremisesExtensionAttributes={"extensionAttribute1": "a"})
    change = {"onPremisesExtensionAttributes": {"extensionAttribute2": "b"}, "jobTitle": "Admiral", "city": None}
    await bench.json("PATCH", f"/users/{user['id']}", 204, json=change)
    read = await bench.json("GET", f"/users/{user['id']}?$select=jobTitle,onPremisesExtensionAttributes")
    attributes = read["onPremisesExtensionAttributes"]
    assert (attributes["extensionAttribute1"], attributes["extensionAttribute2"], read["jobTitle"]) == ("a", "b", "Admiral")
    taken = {"userPrincipalName": "ada@example.test"}
    await bench.error("PATCH", f"/users/{user['id']}", 400, "Request_BadRequest", json=taken)
    password = {"passwordProfile": {"password": PASSWORD}}
    await bench.error("PATCH", f"/users/{user['id']}", 403, "Authorization_RequestDenied", json=password)
    assert bench.effects()[-1].detail == {"id": user["id"], "properties": sorted(change)}


async def test_a_deleted_user_frees_its_address_and_comes_back_only_when_it_is_free(bench: Bench) -> None:
    user = await bench.create("grace")
    await bench.json("POST", f"/groups/{GROUP}/members/$ref", 204, json=member(user["id"]))
    await bench.json("DELETE", "/users/grace@example.test", 204)
    await bench.error("GET", f"/users/{user['id']}", 404, "Request_ResourceNotFound")
    gone = (await bench.json("GET", "/directory/deletedItems/microsoft.graph.user"))["value"]
    assert [item["userPrincipalName"] for item in gone] == [user["id"].replace("-", "") + "grace@example.test"]
    assert gone[0]["deletedDateTime"] and (await bench.json("GET", f"/groups/{GROUP}/members"))["value"] == []
    second = await bench.create("grace")
    restore = f"/directory/deletedItems/{user['id']}/restore"
    error = await bench.error("POST", restore, 400, "Request_BadRequest")
    assert error["details"][0]["code"] == "ObjectConflict"
    await bench.json("DELETE", f"/users/{second['id']}", 204)
    assert (await bench.json("POST", restore))["userPrincipalName"] == "grace@example.test"
    assert await bench.names(f"/groups/{GROUP}/members") == ["grace"]
    await bench.json("DELETE", f"/directory/deletedItems/{second['id']}", 204)
    await bench.error("GET", f"/directory/deletedItems/{second['id']}", 404, "Request_ResourceNotFound")


async def test_manager_and_memberships(bench: Bench) -> None:
    user = await bench.create("grace")
    await bench.error("GET", f"/users/{user['id']}/manager", 404, "Request_ResourceNotFound")
    reference = {"@odata.id": f"{bench.base_url}/v1.0/users/ada@example.test"}
    await bench.json("PUT", f"/users/{user['id']}/manager/$ref", 204, json=reference)
    assert (await bench.json("GET", f"/users/{user['id']}/manager"))["displayName"] == "Ada Lovelace"
    add = f"/groups/{GROUP}/members/$ref"
    await bench.json("POST", add, 204, json=member(user["id"]))
    error = await bench.error("POST", add, 400, "Request_BadRequest", json=member(user["id"]))
    exists = "One or more added object references already exist for the following modified properties: 'members'."
    assert error["message"] == exists
    await bench.error("POST", add, 404, "Request_ResourceNotFound", json=member(OTHER_GROUP))
    ghost = GROUP.replace("6", "7")
    await bench.error("POST", f"/groups/{ghost}/members/$ref", 404, "Request_ResourceNotFound", json=member(user["id"]))
    groups = (await bench.json("GET", f"/users/{user['id']}/memberOf"))["value"]
    assert [(group["@odata.type"], group["id"]) for group in groups] == [("#microsoft.graph.group", GROUP)]
    remove = f"/groups/{GROUP}/members/{user['id']}/$ref"
    await bench.json("DELETE", remove, 204)
    await bench.error("DELETE", remove, 404, "Request_ResourceNotFound")
    effects = [call.effect for call in bench.effects()]
    assert effects == ["entra.create", "entra.manager", "entra.group.add", "entra.group.remove"]


# --- lag, restart, faults


async def test_lagging_reads_hide_what_is_young_while_uniqueness_knows_it(bench: Bench) -> None:
    bench.lag(60)
    user = await bench.create("grace", onPremisesExtensionAttributes={"extensionAttribute7": "m"})
    await bench.json("POST", f"/groups/{GROUP}/members/$ref", 204, json=member(user["id"]))
    await bench.error("GET", f"/users/{user['id']}", 404, "Request_ResourceNotFound")
    await bench.error("POST", "/users", 400, "Request_BadRequest", json=new_user("grace"))
    filtered = {"$filter": f"{MARK} eq 'm'", "$count": "true"}
    assert await bench.names("/users") == ["ada"] and await bench.names(f"/groups/{GROUP}/members") == []
    assert await bench.names("/users", params=filtered, headers=ADVANCED) == []
    bench.faults.clear()
    assert await bench.names("/users", params=filtered, headers=ADVANCED) == ["grace"]
    assert await bench.names(f"/groups/{GROUP}/members") == ["grace"]


async def test_a_restarted_twin_goes_on_where_it_was(tmp_path: Path) -> None:
    async with served(tmp_path) as first:
        user, gone = await first.create("grace"), await first.create("gone")
        await first.json("POST", f"/groups/{GROUP}/members/$ref", 204, json=member(user["id"]))
        await first.json("DELETE", f"/users/{gone['id']}", 204)
        await first.json("DELETE", "/users/ada@example.test", 204)
        old = dict(first.graph.headers)["authorization"]
        first.twin.set_permissions(first.twin.permissions - {"Domain.Read.All"})
    async with served(tmp_path) as second:
        second.graph.headers["Authorization"] = old
        assert await second.names("/users") == ["grace"] and await second.names(f"/groups/{GROUP}/members") == ["grace"]
        await second.error("POST", "/users", 400, "Request_BadRequest", json=new_user("grace"))
        deleted = (await second.json("GET", "/directory/deletedItems/graph.user"))["value"]
        assert {item["displayName"] for item in deleted} == {"Gone", "Ada Lovelace"}
        await second.json("POST", f"/directory/deletedItems/{gone['id']}/restore")
        await second.error("GET", "/domains", 403, "Authorization_RequestDenied")


async def test_work_done_before_a_cut_connection_stands(bench: Bench) -> None:
    bench.faults.add(Fault("entra", FaultKind.DROP_AFTER, method="POST", path="/v1.0/users", times=1))
    with pytest.raises(httpx.TransportError):
        await bench.create("grace")
    error = await bench.error("POST", "/users", 400, "Request_BadRequest", json=new_user("grace"))
    assert error["details"][0]["code"] == "ObjectConflict"
    assert [(call.effect, call.status) for call in bench.effects()] == [("entra.create", 0)]


async def test_an_access_pass_is_shown_once(bench: Bench) -> None:
    path = "/users/ada@example.test/authentication/temporaryAccessPassMethods"
    made: dict[str, Any] = await bench.json("POST", path, 201, json={"isUsableOnce": True, "lifetimeInMinutes": 60})
    listed = (await bench.json("GET", path))["value"]
    assert made["temporaryAccessPass"] and [(p["id"], p["temporaryAccessPass"]) for p in listed] == [(made["id"], None)]
    await bench.error("POST", path, 400, "Request_BadRequest", json={"lifetimeInMinutes": 5})
    await bench.json("DELETE", f"{path}/{made['id']}", 204)
    assert (await bench.json("GET", path))["value"] == []
