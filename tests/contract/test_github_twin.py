"""The GitHub twin by itself: who is let in, limits, headers, pages, errors, and what stays after a restart."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from agent_ops.sandbox.github import GithubTwin
from tests.contract.github_bench import TOKEN, WORLD, Bench, served


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with served(tmp_path / "records.db") as bench:
        yield bench


@pytest.fixture
async def http(bench: Bench) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(bench.config.url, headers={"Authorization": f"Bearer {TOKEN}"}) as session:
        yield session


@pytest.mark.parametrize(
    ("login", "words"),
    [
        ("", "Requires authentication"),
        ("Bearer x", "Bad credentials"),
        ("Bearer ", "Bad credentials"),
        (TOKEN, "Bad credentials"),
    ],
)
async def test_nobody_is_let_in_without_the_token(bench: Bench, login: str, words: str) -> None:
    async with aiohttp.ClientSession(bench.config.url) as http, http.get("/user", headers={"Authorization": login}) as answer:
        assert (answer.status, (await answer.json())["message"]) == (401, words)


async def test_a_caller_without_a_name_is_refused(bench: Bench) -> None:
    bare = aiohttp.ClientSession(bench.config.url, skip_auto_headers=["User-Agent"])
    async with bare as http, http.get("/user", headers={"Authorization": f"Bearer {TOKEN}"}) as answer:
        assert answer.status == 403
        assert "User-Agent" in await answer.text()


async def test_each_answer_tells_the_limit_and_calls_use_it_up(bench: Bench, http: aiohttp.ClientSession) -> None:
    bench.twin.limits.budgets["core"].limit = 2
    for left in ("1", "0", "0"):
        async with http.get("/repos/acme/web") as answer:
            assert answer.headers["X-RateLimit-Limit"] == "2"
            assert (answer.headers["X-RateLimit-Remaining"], answer.headers["X-RateLimit-Resource"]) == (left, "core")
            assert 0 < int(answer.headers["X-RateLimit-Reset"]) - time.time() <= 3601
            last = answer.status, await answer.json()
    assert last[0] == 403
    assert last[1]["message"].startswith("API rate limit exceeded for user ID")
    assert last[1]["documentation_url"].startswith("https://docs.github.com/rest/")
    async with http.get("/rate_limit") as answer:  # costs nothing
        assert (await answer.json())["rate"]["remaining"] == 0


async def test_an_unchanged_answer_is_only_named_and_costs_nothing(bench: Bench, http: aiohttp.ClientSession) -> None:
    async with http.get("/repos/acme/web/pulls") as answer:
        tag, left = answer.headers["ETag"], answer.headers["X-RateLimit-Remaining"]
    assert tag.startswith('W/"')
    async with http.get("/repos/acme/web/pulls", headers={"If-None-Match": tag}) as answer:
        assert (answer.status, await answer.read(), answer.headers["X-RateLimit-Remaining"]) == (304, b"", left)
    bench.twin.site.open_pull("web", "jane-doe", "new", "", 0.0)
    async with http.get("/repos/acme/web/pulls", headers={"If-None-Match": tag}) as answer:
        assert answer.status == 200


async def test_links_lead_through_every_page(bench: Bench, http: aiohttp.ClientSession) -> None:
    seen: list[int] = []
    url: str | None = "/repos/acme/onboarding/pulls?state=all&per_page=10"
    while url is not None:
        async with http.get(url) as answer:
            seen += [pull["number"] for pull in await answer.json()]
            links = dict(reversed(pair) for pair in re.findall(r'<([^>]+)>; rel="(\w+)"', answer.headers["Link"]))
        following = links.get("next")
        url = following.removeprefix(bench.config.url) if following else None
    assert seen == list(range(34, 0, -1))
    assert set(links) == {"prev", "first"}
    async with http.get("/repos/acme/onboarding/pulls?state=all&per_page=500") as answer:
        assert (len(await answer.json()), "Link" in answer.headers) == (34, False)


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/repos/acme/nope", 404, "Not Found"),
        ("/repos/acme/payroll", 404, "Not Found"),
        ("/nowhere", 404, "Not Found"),
        ("/repos/acme/empty/commits", 409, "Git Repository is empty."),
        ("/repos/acme/web/commits/nope", 422, "No commit found for SHA: nope"),
        ("/repos/acme/web/pulls?state=none", 422, "Validation Failed"),
        ("/search/code?q=x+repo:acme/payroll", 422, "Validation Failed"),
        ("/search/code", 422, "Validation Failed"),
    ],
)
async def test_refusals_have_githubs_form(http: aiohttp.ClientSession, path: str, status: int, words: str) -> None:
    async with http.get(path) as answer:
        body = await answer.json()
    assert (answer.status, body["message"]) == (status, words)
    assert body["documentation_url"].startswith("https://docs.github.com/")


async def test_an_old_name_leads_to_the_repository_by_its_number(bench: Bench, http: aiohttp.ClientSession) -> None:
    async with http.get("/repos/acme/website/pulls?page=2", allow_redirects=False) as answer:
        assert (answer.status, (await answer.json())["message"]) == (301, "Moved Permanently")
        assert re.fullmatch(rf"{bench.config.url}/repositories/\d+/pulls\?page=2", answer.headers["Location"])
    async with http.get("/repos/acme/website") as answer:
        assert (await answer.json())["full_name"] == "acme/web"


async def test_a_second_twin_on_the_same_records_goes_on(bench: Bench) -> None:
    number = bench.twin.site.open_pull("web", "jane-doe", "kept", "", 0.0)
    bench.twin.site.member("ana-silva", "active")
    bench.twin.site.member("john-doe", "", "data")
    again = GithubTwin(WORLD, bench.records, bench.faults, bench.config.url).site
    assert (again.start, again.members) == (bench.twin.site.start, bench.twin.site.members)
    assert again.pulls(again.repositories()[0])[0].number == number == 5201
    assert again.members["acme"]["ana-silva"] == "active"


async def test_contents_are_made_as_they_are_asked_for(tmp_path: Path) -> None:
    began = time.process_time()
    async with served(tmp_path / "other.db"):
        assert time.process_time() - began < 0.2, "nothing is made at the start"
