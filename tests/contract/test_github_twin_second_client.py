"""The GitHub twin as githubkit sees it: a client that nobody here wrote, whose models are made from GitHub's description."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.github_bench import TOKEN, Bench, served

githubkit = pytest.importorskip("githubkit", reason="githubkit is one of the judges (pip install 'agent-ops[judges]')")


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with served(tmp_path / "records.db") as bench:
        yield bench


@pytest.fixture
async def client(bench: Bench) -> AsyncIterator[Any]:
    async with githubkit.GitHub(TOKEN, base_url=bench.config.url, http_cache=False, auto_retry=False, trust_env=False) as client:
        yield client


async def test_repositories_and_members(client: Any) -> None:
    assert (await client.rest.users.async_get_authenticated()).parsed_data.login == "svc-agent-ops"
    names = [one.full_name for one in (await client.rest.repos.async_list_for_org("acme")).parsed_data]
    assert "acme/web" in names
    assert "acme/payroll" not in names
    assert (await client.rest.repos.async_get("acme", "web")).parsed_data.default_branch == "main"
    member = (await client.rest.orgs.async_get_membership_for_user("acme", "jane-doe")).parsed_data
    assert (member.state, member.organization.login) == ("active", "acme")
    in_team = await client.rest.teams.async_get_membership_for_user_in_org("acme", "platform", "tom-becker")
    assert in_team.parsed_data.state == "active"
    assert (await client.rest.orgs.async_get("acme")).parsed_data.login == "acme"
    assert (await client.rest.teams.async_get_by_name("acme", "platform")).parsed_data.slug == "platform"


async def test_pull_requests(client: Any) -> None:
    numbers = [pull.number async for pull in client.rest.paginate(client.rest.pulls.async_list, owner="acme", repo="web")]
    assert len(numbers) > 30
    where = ("acme", "web", 5193)
    pull = (await client.rest.pulls.async_get(*where)).parsed_data
    assert (pull.user.login, pull.mergeable_state) == ("jane-doe", "unstable")
    files = (await client.rest.pulls.async_list_files(*where)).parsed_data
    assert len(files) == pull.changed_files
    assert [one.state for one in (await client.rest.pulls.async_list_reviews(*where)).parsed_data] == ["APPROVED"]
    checks = (await client.rest.checks.async_list_for_ref("acme", "web", pull.head.sha)).parsed_data
    assert {run.name: run.conclusion for run in checks.check_runs}["tests"] == "failure"
    assert (await client.rest.repos.async_get_combined_status_for_ref("acme", "web", pull.head.sha)).parsed_data.total_count == 0
    commits = (await client.rest.pulls.async_list_commits(*where)).parsed_data
    assert commits[-1].sha == pull.head.sha
    assert (await client.rest.repos.async_get_commit("acme", "web", pull.head.sha)).parsed_data.files


async def test_commits_contents_and_searches(client: Any) -> None:
    commits = (await client.rest.repos.async_list_commits("acme", "web", author="jane-doe")).parsed_data
    assert [one.commit.message for one in commits] == ["Add Jane Doe to people.md"]
    file = (await client.rest.repos.async_get_content("acme", "web", "package.json")).parsed_data
    assert (file.type, file.encoding) == ("file", "base64")
    found = (await client.rest.search.async_code(q="MAX_RETRIES repo:acme/web")).parsed_data
    assert [one.path for one in found.items] == ["src/checkout/retry.ts"]
    pulls = (await client.rest.search.async_issues_and_pull_requests(q="repo:acme/web is:pr author:jane-doe")).parsed_data
    assert [one.number for one in pulls.items] == [5193, 5171]
    assert (await client.rest.rate_limit.async_get()).parsed_data.resources.core.limit == 5000


async def test_refusals_are_its_own_errors(bench: Bench, client: Any) -> None:
    from githubkit.exception import PrimaryRateLimitExceeded, RequestFailed, SecondaryRateLimitExceeded

    with pytest.raises(RequestFailed) as missing:
        await client.rest.repos.async_get("acme", "nope")
    assert missing.value.response.status_code == 404
    bench.twin.limits.exhaust("core", 60)
    with pytest.raises(PrimaryRateLimitExceeded):
        await client.rest.repos.async_get("acme", "web")
    bench.twin.limits.exhaust("core", 0)
    bench.twin.limits.slow_until = bench.twin.site.start + 3600
    with pytest.raises(SecondaryRateLimitExceeded):
        await client.rest.repos.async_get("acme", "web")
