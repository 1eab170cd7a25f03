"""The Confluence agent's reader against the twin, over the wire: its answers, in how many calls, its words when it cannot."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from agent_ops.domain.errors import AccessRefused, RateLimited, ServiceError, ServiceRefused, ServiceUnavailable
from agent_ops.domain.readings import MAX_READING
from agent_ops.readers.confluence import ConfluenceConfig
from agent_ops.sandbox.faults import Fault, FaultKind
from agent_ops.sandbox.world import SpaceSeed
from tests.contract.atlassian_bench import ARCHIVE, ENG, WORLD, Bench, answering, bench, serving

__all__ = ["bench"]


async def test_a_page_is_read_as_text_in_one_call(bench: Bench) -> None:
    async with bench.asking_confluence() as confluence:
        reading = await confluence.page(str(ENG + 11))
    assert (reading.facts["title"], reading.facts["space"], reading.more, reading.cut) == ("Deployment guide", "ENG", "", False)
    assert reading.facts["text"].splitlines() == [
        "# Deployment guide",
        "acme/web is deployed by the pipeline web/deploy, never by hand.",
        "make release",
        "make deploy ENV=staging && make smoke",
        "# Windows",
        "day | hours (UTC)",
        "Monday to Thursday | 08:00–15:00",
        "Friday | none",
    ]
    assert [str(source) for source in reading.sources] == [f"Confluence: page {ENG + 11} (Deployment guide)"]
    assert reading.sources[0].url == f"{bench.confluence.base_url}/wiki/spaces/ENG/pages/{ENG + 11}/Deployment+guide"
    assert [call.path for call in bench.calls("confluence")] == [f"/wiki/api/v2/pages/{ENG + 11}?body-format=storage"]


async def test_a_page_of_five_megabytes_is_read_in_parts_and_its_length_told(bench: Bench) -> None:
    async with bench.asking_confluence() as confluence:
        first = await confluence.page(ARCHIVE)
        second = await confluence.page(ARCHIVE, first.more)
        last = await confluence.page(ARCHIVE, "40")
        beyond = await confluence.page(ARCHIVE, "400")
    assert first.facts["characters_of_storage"] > 4_000_000
    assert (first.cut, first.more, second.more, last.more) == (True, "2", "3", "")
    lines = (first.facts["text"] + second.facts["text"]).splitlines()
    assert {f"{number:06d} 10.0.0.1 GET /index.html 200" for number in (0, 50, 140, 200)} <= set(lines)
    assert len(first.text) < MAX_READING
    assert beyond.facts["text"] == ""
    assert len(bench.calls("confluence")) == 4


async def test_a_search_is_one_call_a_page_200_pages_deep(bench: Bench) -> None:
    cql, seen = "space = ENG AND type = page ORDER BY id", []
    async with bench.asking_confluence() as confluence:
        page = await confluence.search(cql, limit=5)
        for _ in range(200):
            seen += [row["id"] for row in page.facts]
            page = await confluence.search(cql, limit=5, page=page.more)
    assert seen == [str(ENG + number) for number in range(1000)]
    assert [row["id"] for row in page.facts] == [str(ENG + number) for number in range(1000, 1005)]
    assert len(bench.calls("confluence")) == 201


async def test_a_result_is_compact_and_without_the_searchs_marks(bench: Bench) -> None:
    async with bench.asking_confluence() as confluence:
        (row,) = (await confluence.search('title = "Holiday policy"')).facts
        nothing = await confluence.search('text ~ "zebra crossing"')
    assert (row["title"], row["space"], row["type"]) == ("Holiday policy", "HR", "page")
    assert "hl@@@" not in json.dumps(row)
    assert row["excerpt"].startswith("Everybody has 28 days")
    assert (nothing.facts, nothing.more) == ([], "")


async def test_a_page_of_results_is_never_cut_off_unseen(bench: Bench) -> None:
    for number in range(30):
        bench.confluence.site.write("HR", f"{number} " + '"\\' * 200, '"\\' * 400, "dana@acme.example", time.time())
    async with bench.asking_confluence() as confluence:
        reading = await confluence.search("space = HR AND created >= now('-1d')")
    assert len(reading.facts) == 25
    assert len(reading.text) < MAX_READING


async def test_spaces_are_listed_and_a_hidden_one_is_as_if_it_were_not(bench: Bench) -> None:
    async with bench.asking_confluence() as confluence:
        assert [row["key"] for row in (await confluence.spaces()).facts] == ["ENG", "HR", "OPS"]
        assert await confluence.sees_space("eng")
        bench.confluence.closed = {"ENG"}
        assert not await confluence.sees_space("ENG")
        assert not await confluence.sees_space("NOPE")
        assert [row["key"] for row in (await confluence.spaces()).facts] == ["HR", "OPS"]
        assert (await confluence.search("space = ENG")).facts == []
        with pytest.raises(ServiceRefused, match=f"there is no page {ENG + 11}"):
            await confluence.page(str(ENG + 11))
    assert len(bench.calls("confluence")) == 7


async def test_many_spaces_are_read_on_by_the_cursor(bench: Bench) -> None:
    for number in range(60):
        bench.confluence.site.spaces[f"T{number:02d}"] = SpaceSeed(f"T{number:02d}", "Team")
    async with bench.asking_confluence() as confluence:
        pages = [await confluence.spaces()]
        while pages[-1].more:
            pages.append(await confluence.spaces(pages[-1].more))
    assert [len(page.facts) for page in pages] == [25, 25, 13]
    assert len({row["key"] for page in pages for row in page.facts}) == 63


@pytest.mark.parametrize(
    ("question", "words"),
    [
        (lambda site: site.page("99"), "there is no page 99, or our account may not see it. Look for it with search_pages"),
        (lambda site: site.search("space = = ENG"), "Could not parse cql : space = = ENG"),
        (lambda site: site.search("colour = red"), "No field exists with the name: 'colour'"),
        (lambda site: site.search("space = ENG", page="nonsense"), "Invalid cursor"),
    ],
)
async def test_a_question_that_cannot_be_answered_is_one_clear_line(bench: Bench, question: Any, words: str) -> None:
    async with bench.asking_confluence() as confluence:
        with pytest.raises(ServiceRefused, match=words) as refused:
            await question(confluence)
    assert "\n" not in str(refused.value)
    assert "com.atlassian" not in str(refused.value)
    assert len(bench.calls("confluence")) == 1


async def test_a_revoked_token_and_a_missing_licence_say_what_to_check(bench: Bench) -> None:
    async with bench.asking_confluence() as confluence:
        bench.confluence.revoked = True
        with pytest.raises(AccessRefused, match="CONFLUENCE_API_TOKEN") as refused:
            await confluence.spaces()
        assert "canary" not in str(refused.value)
        bench.confluence.revoked, bench.confluence.forbidden = False, True
        with pytest.raises(AccessRefused, match="403: Current user not permitted to use Confluence"):
            await confluence.page("1")
    assert len(bench.calls("confluence")) == 2


async def test_a_url_at_which_there_is_no_confluence_is_no_missing_page(bench: Bench) -> None:
    async with bench.asking_confluence(url=f"{bench.confluence.base_url}/elsewhere") as confluence:
        with pytest.raises(ServiceRefused, match="404") as refused:
            await confluence.page(str(ENG))
    assert "there is no page" not in str(refused.value)


async def test_a_rate_limit_is_waited_for_or_told(bench: Bench) -> None:
    bench.faults.add(Fault("confluence", FaultKind.STATUS, status=429, retry_after=1, times=1))
    async with bench.asking_confluence() as confluence:
        assert (await confluence.spaces()).facts
        bench.faults.add(Fault("confluence", FaultKind.STATUS, status=429, retry_after=600))
        with pytest.raises(RateLimited, match="come again in 600 s"):
            await confluence.spaces()
    assert [call.status for call in bench.calls("confluence")] == [429, 200, 429]


@pytest.mark.parametrize("body", [[], {}, {"results": [7]}, {"id": 1, "title": "x"}, {"id": 1, "title": "x", "body": {}}])
async def test_an_answer_that_is_none_of_confluences_is_no_reading(bench: Bench, body: Any) -> None:
    async with answering(body) as url, bench.asking_confluence(url=url, deadline=1) as confluence:
        with pytest.raises(ServiceUnavailable):
            await confluence.page("1")
        with pytest.raises(ServiceUnavailable):
            await confluence.spaces()


async def test_nothing_but_reads_leaves_us(bench: Bench) -> None:
    async with bench.asking_confluence() as confluence:
        for method in ("post", "put", "delete", "patch"):
            with pytest.raises(ServiceError, match="can only read"):
                await confluence._site.once(lambda site, method=method: getattr(site, method)("api/v2/pages", data={}))
    assert bench.calls("confluence") == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_no_redirect_is_followed_so_that_no_token_leaves_the_host(bench: Bench, status: int) -> None:
    async def away(request: web.Request) -> web.Response:
        other = bench.confluence.base_url.replace("127.0.0.1", "localhost")
        return web.Response(status=status, headers={"Location": other + request.path_qs})

    app = web.Application()
    app.router.add_get("/{path:.*}", away)
    async with serving(app) as url, bench.asking_confluence(url=url) as confluence:
        with pytest.raises(ServiceRefused, match="redirect, which is not followed"):
            await confluence.spaces()
    assert bench.calls("confluence") == []


@pytest.mark.parametrize("url", ["https://acme.atlassian.net", "https://acme.atlassian.net/", "https://acme.atlassian.net/wiki"])
def test_the_url_may_be_written_with_its_context_or_without(url: str) -> None:
    config = ConfluenceConfig(url, WORLD.jira_user, "t")
    assert config.root == replace(config).root == "https://acme.atlassian.net/wiki"
