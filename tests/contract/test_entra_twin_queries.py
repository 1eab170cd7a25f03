"""The Entra twin's queries, and what it does with strange input: served as documented, or refused as Graph refuses."""

from __future__ import annotations

import json
import string
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent_ops.sandbox.entra import rules
from agent_ops.sandbox.entra.errors import GraphError
from agent_ops.sandbox.entra.odata_filter import parse_filter
from agent_ops.sandbox.entra.schema import USER
from tests.contract.entra_bench import ADVANCED, GROUP, Bench, new_user, served

MARK = "onPremisesExtensionAttributes/extensionAttribute7"


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with served(tmp_path) as bench:
        yield bench


# --- queries


async def test_filters(bench: Bench) -> None:
    await bench.create("zoe.o'neil", employeeId="E7", onPremisesExtensionAttributes={"extensionAttribute7": "k-1"}, city="Köln")
    await bench.create("grace", accountEnabled=False, mail="Grace@example.test", department="Research")
    for text, expected in {
        "userPrincipalName eq 'ZOE.O''NEIL@example.test'": ["zoe.o'neil"],
        "startswith(displayName,'gr')": ["grace"],
        "mail eq 'grace@EXAMPLE.test' or employeeId eq 'E7'": ["grace", "zoe.o'neil"],
        "accountEnabled eq true and (city eq 'köln' or city eq 'Bonn')": ["zoe.o'neil"],
        "employeeId in ('E1','E7')": ["ada", "zoe.o'neil"],
        "proxyAddresses/any(p:p eq 'smtp:grace@example.test')": ["grace"],
        "department eq 'Research' and accountEnabled eq false": ["grace"],
        "mailNickname eq 'nobody'": [],
        "createdDateTime ge 2020-01-01T00:00:00Z": ["grace", "zoe.o'neil"],
    }.items():
        assert sorted(await bench.names("/users", params={"$filter": text})) == expected, text
    for text, expected in {
        f"{MARK} eq 'K-1'": ["zoe.o'neil"],
        "employeeId ne 'E1' and accountEnabled eq true": ["zoe.o'neil"],
        "not(startswith(displayName,'gr'))": ["ada", "zoe.o'neil"],
        "endsWith(mail,'@example.test')": ["ada", "grace"],
    }.items():
        params = {"$filter": text, "$count": "true"}
        body = await bench.json("GET", "/users", params=params, headers=ADVANCED)
        found = sorted(user["userPrincipalName"].partition("@")[0] for user in body["value"])
        assert (found, body["@odata.count"]) == (expected, len(expected)), text
        await bench.error("GET", "/users", 400, "Request_UnsupportedQuery", params=params)
        await bench.error("GET", "/users", 400, "Request_UnsupportedQuery", params={"$filter": text}, headers=ADVANCED)


async def test_pages_hold_every_user_once_in_every_order(bench: Bench) -> None:
    names = sorted(["ada", *(f"user{n:02}" for n in range(25))])
    for name in names[1:]:
        await bench.create(name)
    for options in (
        {},
        {"$orderby": "displayName"},
        {"$orderby": "userPrincipalName desc"},
        {"$filter": "accountEnabled eq true"},
    ):
        params: dict[str, str] | None = {"$top": "7", "$select": "userPrincipalName", **options}
        url, found = f"{bench.base_url}/v1.0/users", []
        while url:
            body = (await bench.graph.get(url, params=params)).json()
            assert body["@odata.context"].endswith("$metadata#users(userPrincipalName)")
            found += [user["userPrincipalName"].partition("@")[0] for user in body["value"]]
            url, params = body.get("@odata.nextLink", ""), None
        assert sorted(found) == names
        if "$orderby" in options:
            assert found == (names[::-1] if "desc" in options["$orderby"] else names)


async def test_search_and_count_need_the_consistency_header(bench: Bench) -> None:
    await bench.create("grace", displayName="Grace Brewster Hopper")
    params = {"$search": '"displayName:hop" OR "mail:nobody"'}
    assert await bench.names("/users", params=params, headers=ADVANCED) == ["grace"]
    await bench.error("GET", "/users", 400, "Request_UnsupportedQuery", params=params)
    assert (await bench.graph.get("/v1.0/users/$count", headers=ADVANCED)).text == "2"
    await bench.error("GET", "/users/$count", 400, "BadRequest")


@pytest.mark.parametrize(
    "query",
    [
        *("$filter=", "$filter=displayName", "$filter=displayName eq", "$filter=displayName eq 'x", "$filter=shoe eq 'x'"),
        *("$filter=accountEnabled eq 'x'", "$filter=displayName eq 5", "$filter=id eq 'x'", "$filter=displayName gt 'x'"),
        *(
            "$filter=(displayName eq 'x'",
            "$filter=proxyAddresses eq 'x'",
            "$filter=" + "(" * 500,
            "$filter=displayName eq 'x' xor",
        ),
        *("$filter=passwordProfile/password eq 'x'", "$top=0", "$top=1000", "$top=-1", "$top=many", "$top=" + "9" * 5000),
        *(
            "$select=shoe",
            "$orderby=shoe",
            "$orderby=city",
            "$orderby=displayName sideways",
            "$skip=3",
            "$skiptoken=x",
            "$count=maybe",
        ),
        *("$skiptoken=W10=", "$foo=1", "$top=1&$top=2", "$expand=manager", "$orderby=displayName&$filter=city eq 'x'"),
    ],
)
async def test_queries_that_cannot_be_served_are_refused(bench: Bench, query: str) -> None:
    response = await bench.graph.get(f"/v1.0/users?{query}")
    assert response.status_code == 400 and response.json()["error"]["code"], (query, response.text)


# --- strange input


@pytest.mark.parametrize(
    ("changes", "target"),
    [
        ({"accountEnabled": None}, "accountEnabled"),
        ({"displayName": ""}, "displayName"),
        ({"displayName": "x" * 257}, "displayName"),
        ({"mailNickname": "a b"}, "mailNickname"),
        ({"userPrincipalName": "grace"}, "userPrincipalName"),
        ({"userPrincipalName": "grace@elsewhere.test"}, "userPrincipalName"),
        ({"userPrincipalName": "gräce@example.test"}, "userPrincipalName"),
        ({"userPrincipalName": "grace.@example.test"}, "userPrincipalName"),
        ({"passwordProfile": {"forceChangePasswordNextSignIn": True}}, "password"),
        ({"passwordProfile": {"password": "Ab1"}}, "password"),
        ({"usageLocation": "Germany"}, "usageLocation"),
        ({"employeeId": "x" * 17}, "employeeId"),
        ({"businessPhones": ["1", "2"]}, "businessPhones"),
        ({"shoeSize": "42"}, "shoeSize"),
        ({"id": GROUP}, "id"),
        ({"proxyAddresses": ["smtp:x@example.test"]}, "proxyAddresses"),
    ],
)
async def test_a_user_that_breaks_a_rule_is_refused_with_the_property(bench: Bench, changes: dict[str, Any], target: str) -> None:
    error = await bench.error("POST", "/users", 400, "Request_BadRequest", json=new_user("grace", **changes))
    assert error["details"][0]["target"] == target and bench.effects() == []


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a": NaN}',
        b'{"displayName": 1e999999}',
        b"{}",
        b"1" * 9000,
    ],
)
@pytest.mark.parametrize("path", ["/users", f"/groups/{GROUP}/members/$ref"])
async def test_a_body_that_is_no_object_is_refused(bench: Bench, path: str, content: bytes) -> None:
    response = await bench.graph.post(f"/v1.0{path}", content=content, headers={"Content-Type": "application/json"})
    assert response.status_code == 400 and response.json()["error"]["innerError"]["request-id"], response.text


async def test_wrong_types_too_much_and_odd_paths(bench: Bench) -> None:
    for name, value in {
        "accountEnabled": 1,
        "displayName": 5,
        "otherMails": "x",
        "employeeHireDate": "2031-02-30",
        "mail": {},
    }.items():
        await bench.error("POST", "/users", 400, "BadRequest", json=new_user("grace", **{name: value}))
    odd = {"onPremisesExtensionAttributes": {"extensionAttribute16": "x"}}
    await bench.error("POST", "/users", 400, "BadRequest", json=new_user("grace", **odd))
    await bench.error("POST", "/users", 413, "RequestEntityTooLarge", json=new_user("g", displayName="x" * 3_000_000))
    await bench.error("POST", "/users", 400, "BadRequest", content=b"{}", headers={"Content-Type": "text/plain"})
    await bench.error("GET", "/users/%27%20or%201%20eq%201", 404, "Request_ResourceNotFound")
    await bench.error("GET", "/users/%F0%9F%90%8D@example.test", 404, "Request_ResourceNotFound")
    await bench.error("GET", "/groups/engineering", 400, "Request_BadRequest")
    await bench.error("GET", "/drives/x", 400, "BadRequest")
    await bench.error("GET", "/me", 400, "BadRequest")
    await bench.error("PUT", "/users", 405, "Request_BadRequest", json={})
    assert (await bench.graph.get("/v9.9/users")).status_code == 400
    surrogate = json.dumps(new_user("grace", jobTitle="\ud800")).encode()
    created = await bench.json("POST", "/users", 201, content=surrogate, headers={"Content-Type": "application/json"})
    assert (await bench.json("GET", f"/users/{created['id']}"))["jobTitle"] == "\ud800"


WORDS = st.sampled_from(
    ["displayName", "id", "eq", "ne", "and", "or", "not", "in", "(", ")", ",", "null", "true", "any", "'x'", "p:p", "/"]
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.one_of(st.text(string.printable, max_size=60), st.lists(WORDS, max_size=12).map(" ".join)))
def test_any_filter_text_is_parsed_or_refused(text: str) -> None:
    try:
        parse_filter(text, USER, advanced=True)
    except GraphError as refusal:
        assert refusal.status == 400


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["password", "extensionAttribute1", "x"]), inner),
    max_leaves=5,
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from([*USER.properties, "@odata.type", "unknown"]), VALUES, max_size=5))
def test_any_property_value_is_taken_or_refused(changes: dict[str, Any]) -> None:
    try:
        taken = rules.new_user(new_user("grace", **changes), {"example.test"})
    except GraphError as refusal:
        assert refusal.status == 400
    else:
        assert "passwordProfile" not in taken and json.dumps(taken)
