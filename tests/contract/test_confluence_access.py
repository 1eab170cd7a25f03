"""Who may see a space: by a right of their own, by a group, by something that cannot be looked into; and whose account it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agent_ops.domain.errors import AccessRefused, ServiceRefused
from agent_ops.readers.confluence_access import SpaceAccess
from agent_ops.sandbox.atlassian.people import account_id_of
from agent_ops.sandbox.confluence.site import EVERYBODY
from tests.contract.atlassian_bench import Bench, bench
from tests.contract.test_atlassian_twins import problems, with_nulls

__all__ = ["bench"]
ADDRESS = "ana.silva.new@acme.example"
ANA = account_id_of(ADDRESS)


async def let_in(bench: Bench, key: str = "HR", account: str = ANA) -> str:
    async with bench.asking_confluence() as confluence:
        return await confluence.let_in(key, account)


async def test_a_right_of_ones_own_is_found_by_two_calls(bench: Bench) -> None:
    bench.confluence.site.let_in("HR", ANA)
    assert await let_in(bench, "hr") == "space hr, by a right of their own"
    assert await let_in(bench, "ENG") == ""
    assert [call.path.partition("?")[0] for call in bench.calls("confluence")][:2] == [
        "/wiki/api/v2/spaces",
        "/wiki/api/v2/spaces/32769/permissions",
    ]


async def test_a_group_lets_in_who_is_in_it(bench: Bench) -> None:
    assert await let_in(bench) == ""
    bench.confluence.site.groups[EVERYBODY].add(ANA)
    assert await let_in(bench) == "space HR, by the group staff"
    bench.confluence.site.permissions["HR"].clear()
    assert await let_in(bench) == ""


@pytest.mark.parametrize("assigned", [("ACCESS_CLASS", "all-licensed-users"), ("USER", ANA), ("GROUP", "builders")])
async def test_a_role_is_not_looked_into(bench: Bench, assigned: tuple[str, str]) -> None:
    bench.confluence.site.groups["builders"] = {ANA}
    bench.confluence.site.roles["HR"] = [("USER", "somebody else")]
    assert await let_in(bench) == ""
    bench.confluence.site.roles["HR"].append(assigned)
    with pytest.raises(ServiceRefused, match="roles, which cannot be looked into"):
        await let_in(bench)


async def test_a_permission_of_a_role_is_not_looked_into_either(bench: Bench) -> None:
    bench.confluence.site.permissions["HR"].append(("role", "viewer"))
    with pytest.raises(ServiceRefused, match="roles, which cannot be looked into"):
        await let_in(bench)


async def test_a_space_that_is_hidden_is_not_told_from_one_that_there_is_not(bench: Bench) -> None:
    bench.confluence.closed = {"HR"}
    for key in ("HR", "NOPE"):
        with pytest.raises(ServiceRefused, match=f"there is no space {key}, or our account may not see it"):
            await let_in(bench, key)


async def test_permissions_are_read_to_their_end(bench: Bench) -> None:
    for number in range(300):
        bench.confluence.site.permissions["HR"].append(("user", f"somebody-{number}"))
    bench.confluence.site.let_in("HR", ANA)
    assert await let_in(bench) == "space HR, by a right of their own"
    assert sum("permissions" in call.path for call in bench.calls("confluence")) == 3


async def test_a_right_to_do_something_there_is_none_to_see_it() -> None:
    rows = [{"principal": {"type": "user", "id": ANA}, "operation": {"key": "create", "targetType": "page"}}]

    async def get(path: str, asked: dict[str, Any]) -> dict[str, Any]:
        return {"results": {"spaces": [{"id": "7", "key": "HR"}], "permissions": rows}.get(path.rpartition("/")[2], [])}

    assert await SpaceAccess(get).of("HR", ANA) == ""
    rows.append({"principal": {"type": "user", "id": ANA}, "operation": {"key": "read", "targetType": "space"}})
    assert await SpaceAccess(get).of("HR", ANA) == "space HR, by a right of their own"


async def test_permissions_are_as_described(bench: Bench, shared: Path) -> None:
    says = with_nulls(json.loads((shared / "contracts" / "confluence-cloud-v2.json").read_text(encoding="utf-8")))
    status, body = await bench.get(bench.confluence, "/wiki/api/v2/spaces/32769/permissions", limit="250")
    assert (status, len(body["results"])) == (200, 7)
    row = says["components"]["schemas"]["SpacePermissionAssignment"]
    assert [problems(says, row, one) for one in body["results"]] == [[]] * 7


async def test_an_account_is_found_by_its_very_address(bench: Bench) -> None:
    bench.jira.site.person(f"{ADDRESS}.org", "Somebody else")
    bench.jira.site.person("mallory@acme.example", ADDRESS)
    async with bench.asking_jira() as jira:
        assert await jira.account_of(ADDRESS) == ""
        bench.jira.site.person(ADDRESS)
        assert await jira.account_of(ADDRESS.upper()) == ANA


async def test_whoever_hides_the_address_may_be_meant(bench: Bench) -> None:
    bench.jira.site.person(ADDRESS, hides_email=True)
    async with bench.asking_jira() as jira:
        with pytest.raises(ServiceRefused, match="whose own address is hidden"):
            await jira.account_of(ADDRESS)


async def test_finding_nobody_is_told_from_not_being_allowed_to_look(bench: Bench) -> None:
    bench.jira.site.person(ADDRESS)
    bench.jira.browses_users = False
    async with bench.asking_jira() as jira:
        with pytest.raises(AccessRefused, match="may not look for people"):
            await jira.account_of(ADDRESS)
