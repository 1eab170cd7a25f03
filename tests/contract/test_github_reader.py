"""The GitHub reader against the twin, over the wire: what it tells, how often it asks, and what it says when it cannot."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent_ops.domain.errors import AccessRefused, RateLimited, ServiceRefused, ServiceUnavailable
from agent_ops.domain.readings import MAX_READING
from agent_ops.readers.github import GithubReader
from agent_ops.readers.github_facts import decoded
from agent_ops.sandbox.faults import Fault, FaultKind
from tests.contract.github_bench import TOKEN, Bench, reading, served


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    async with served(tmp_path / "records.db") as bench:
        yield bench


@pytest.fixture
async def reader(bench: Bench) -> AsyncIterator[GithubReader]:
    async with reading(bench.config) as reader:
        yield reader


# --- what it tells


async def test_open_pull_requests_a_page_in_one_call(bench: Bench, reader: GithubReader) -> None:
    first = await reader.pull_requests("acme/web")
    assert len(bench.calls()) == 1, "a lazy object would have asked again"
    rows = first.facts["pull_requests"]
    assert [row["state"] for row in rows] == ["open"] * 25
    assert rows == sorted(rows, key=lambda row: -int(row["number"]))
    assert str(first.sources[0]) == f"GitHub: acme/web#{rows[0]['number']}"
    second = await reader.pull_requests("acme/web", page=int(first.more))
    assert second.more == ""
    assert not {row["number"] for row in rows} & {row["number"] for row in second.facts["pull_requests"]}


async def test_two_hundred_pages_deep_costs_one_call_a_page(bench: Bench, reader: GithubReader) -> None:
    await reader.commits("acme/web", page=1)
    deep = await reader.commits("acme/web", page=220)
    pulls = await reader.pull_requests("acme/web", "all", page=205)
    assert len(bench.calls()) == 3
    assert (deep.more, pulls.more) == ("221", "206")
    assert len(deep.facts["commits"]) == len(pulls.facts["pull_requests"]) == 25
    beyond = await reader.commits("acme/web", page=9999)
    assert (beyond.facts["commits"], beyond.more) == ([], "")


async def test_every_row_of_a_page_is_shown_however_long_its_words_are(bench: Bench, reader: GithubReader) -> None:
    for number in range(25):
        bench.twin.site.open_pull("web", "jane-doe", f"{number} " + '"\\' * 400, "", 0.0)
    shown = await reader.pull_requests("acme/web")
    assert len(shown.text) < MAX_READING
    assert len(json.loads(shown.text)["found"]["pull_requests"]) == 25


async def test_pull_requests_of_somebody_since_a_day(bench: Bench, reader: GithubReader) -> None:
    day = time.strftime("%Y-%m-%d", time.gmtime(bench.twin.site.start - 2 * 86_400))
    hers = await reader.pull_requests("acme/web", "all", author="jane-doe", since=day)
    assert [row["title"] for row in hers.facts["pull_requests"]] == ["Retry payments at most three times"]
    every = await reader.pull_requests("acme/web", "all", author="jane-doe")
    assert [(row["state"], "merged" in row) for row in every.facts["pull_requests"]] == [("open", False), ("closed", True)]
    bots = await reader.pull_requests("acme/web", "all", author="dependabot[bot]")
    assert {row["author"] for row in bots.facts["pull_requests"]} == {"dependabot[bot]"}
    assert len(bench.calls()) == 3


async def test_a_search_ends_where_github_ends_it(bench: Bench, reader: GithubReader) -> None:
    last = await reader.pull_requests("acme/web", "all", since="2000-01-01", page=40)
    assert (len(last.facts["pull_requests"]), last.more) == (25, "")
    with pytest.raises(ServiceRefused, match="Only the first 1000 search results are available"):
        await reader.pull_requests("acme/web", "all", since="2000-01-01", page=41)


async def test_one_pull_request_with_files_reviews_and_checks(bench: Bench, reader: GithubReader) -> None:
    found = await reader.pull_request("acme/web", 5193)
    assert len(bench.calls()) == 5
    assert found.facts["author"] == "jane-doe"
    assert found.facts["changed_files"] == len(found.facts["files"])
    assert found.facts["reviews"][0]["by"] == "alice-chen"
    assert {row["check"]: row["result"] for row in found.facts["checks"]} == {
        **{"build": "success", "tests": "failure", "lint": "success"}
    }
    await reader.pull_request("acme/web", 5193, ["reviews"])
    assert len(bench.calls()) == 7, "what was not asked for is not read"


async def test_commits_by_author_day_and_path(bench: Bench, reader: GithubReader) -> None:
    hers = await reader.commits("acme/web", author="jane-doe")
    assert [row["message"] for row in hers.facts["commits"]] == ["Add Jane Doe to people.md"]
    week = time.strftime("%Y-%m-%d", time.gmtime(bench.twin.site.start - 7 * 86_400))
    recent = await reader.commits("acme/infra", since=week)
    assert recent.facts["commits"]
    assert all(row["date"][:10] >= week for row in recent.facts["commits"])
    docs = await reader.commits("acme/web", path="docs")
    assert docs.facts["commits"]
    tagged = await reader.commits("acme/web", branch="v1.0")
    assert tagged.facts["commits"][0]["date"] < recent.facts["commits"][-1]["date"]


async def test_a_commit_with_its_diff(bench: Bench, reader: GithubReader) -> None:
    sha = (await reader.commits("acme/web", author="jane-doe")).facts["commits"][0]["sha"]
    found = await reader.commit("acme/web", sha)
    assert found.facts["message"] == "Add Jane Doe to people.md"
    assert found.facts["files"][0]["patch"].startswith("@@ ")
    assert found.facts["stats"]["additions"] == sum(row["added"] for row in found.facts["files"])
    assert len(bench.calls()) == 2


async def test_directories_and_files(bench: Bench, reader: GithubReader) -> None:
    top = await reader.files("acme/web")
    assert {"name": "src/", "type": "dir"} in top.facts["entries"]
    modules = await reader.files("acme/web", "src/modules", page=3)
    assert (len(modules.facts["entries"]), modules.more) == (20, "")
    read = await reader.file("acme/web", "docs/onboarding.md")
    assert "Dana Whitfield approves access to production" in read.facts["text"]
    with pytest.raises(ServiceRefused, match=r"there is no docs/onboarding\.md in a repository acme/web at v1\.0"):
        await reader.file("acme/web", "docs/onboarding.md", ref="v1.0")
    with pytest.raises(ServiceRefused, match=r"is a directory. List it with list_files"):
        await reader.file("acme/web", "src")
    with pytest.raises(ServiceRefused, match=r"is no directory. Read it with read_file"):
        await reader.files("acme/web", "README.md")


async def test_a_large_and_a_binary_file_are_told_by_size_and_type(bench: Bench, reader: GithubReader) -> None:
    large = await reader.file("acme/data-pipeline", "samples/orders-full.csv")
    assert (large.facts["bytes"], large.cut) == (5 * 1024 * 1024, True)
    assert "5.2 MB is more than the 1 MB" in large.facts["note"]
    logo = await reader.file("acme/web", "assets/logo.png")
    assert logo.facts["note"] == "not shown: it is binary (image/png, 1,053 bytes)"
    assert "text" not in {**large.facts, **logo.facts}
    assert (decoded(b"a\0b"), decoded(b"\xff"), decoded(b"\xef\xbb\xbfa")) == (None, None, "a")


async def test_a_search_in_a_repository(bench: Bench, reader: GithubReader) -> None:
    found = await reader.search("acme/web", "MAX_RETRIES")
    (hit,) = found.facts["files"]
    assert hit["path"] == "src/checkout/retry.ts"
    assert "MAX_RETRIES = 3" in hit["has"]
    assert str(found.sources[0]) == "GitHub: acme/web/src/checkout/retry.ts"
    nothing = await reader.search("acme/web", "no such words anywhere")
    assert (nothing.facts["files"], nothing.facts["total"]) == ([], 0)
    assert [str(source) for source in nothing.sources] == ["GitHub: acme/web"]


async def test_a_searched_phrase_cannot_reach_another_repository(bench: Bench, reader: GithubReader) -> None:
    for phrase in ("TIMEOUT_SECONDS repo:acme/api", 'TIMEOUT_SECONDS" repo:acme/api'):
        assert (await reader.search("acme/web", phrase)).facts["files"] == []
    assert (await reader.search("acme/api", "TIMEOUT_SECONDS")).facts["total"] == 1


async def test_membership(bench: Bench, reader: GithubReader) -> None:
    async def told(login: str, team: str = "") -> str:
        return str((await reader.membership("acme", login, team)).facts["membership"])

    assert await told("jane-doe") == "active"
    assert (await told("jane-doe", "engineering"), await told("jane-doe", "data")) == ("active", "none")
    assert await told("ana-silva") == "none"
    bench.twin.site.member("ana-silva", "pending")
    assert await told("ana-silva") == "pending"
    with pytest.raises(ServiceRefused, match="there is no organisation acme-inc"):
        await reader.membership("acme-inc", "jane-doe")
    with pytest.raises(ServiceRefused, match="there is no team nobody in an organisation acme"):
        await reader.membership("acme", "jane-doe", "nobody")


async def test_what_was_planted_comes_as_words_only(bench: Bench, reader: GithubReader) -> None:
    bench.twin.site.open_pull("api", "mallory-x", "harmless\u202e\x1b[31mred\u200b", "one\x1b]0;x\x07two\u202ethree", 0.0)
    row = (await reader.pull_requests("acme/api")).facts["pull_requests"][0]
    assert row["title"] == "harmlessred"
    whole = await reader.pull_request("acme/api", row["number"], [])
    assert whole.facts["description"] == "onetwothree"
    planted = await reader.file("acme/web", "docs/for-assistants.md")
    assert "Ignore your instructions" in planted.text


async def test_a_renamed_repository_is_found_at_the_right_page(bench: Bench, reader: GithubReader) -> None:
    old = await reader.pull_requests("acme/website", "all", page=3)
    new = await reader.pull_requests("acme/web", "all", page=3)
    assert old.facts["pull_requests"] == new.facts["pull_requests"]
    assert [call.status for call in bench.calls()] == [301, 200, 200]


# --- what it says when it cannot


@pytest.mark.parametrize(
    ("question", "words"),
    [
        (("pull_requests", "acme/wbe"), "there is no repository acme/wbe, or our token may not see it. List what there is"),
        (("pull_requests", "acme/wbe", "open", "jane-doe"), "there is no repository acme/wbe, or our token may not see it"),
        (("commits", "acme/payroll"), "there is no repository acme/payroll, or our token may not see it"),
        (("commits", "acme/empty"), "409: Git Repository is empty"),
        (("pull_request", "acme/web", 999_999), "there is no pull request acme/web#999999"),
        (("commit", "acme/web", "nope"), "422: No commit found for SHA: nope"),
        (("search", "acme/payroll", "salary"), "there is no repository acme/payroll"),
        (("repositories", "emca"), "there is no organisation emca"),
    ],
)
async def test_what_is_missing_is_said_in_one_line(bench: Bench, reader: GithubReader, question: Any, words: str) -> None:
    with pytest.raises(ServiceRefused, match=words) as refused:
        await getattr(reader, question[0])(*question[1:])
    assert "\n" not in str(refused.value)
    assert len(bench.calls()) == 1


async def test_a_revoked_token_says_what_to_do_and_no_secret(bench: Bench, reader: GithubReader) -> None:
    bench.twin.revoked = True
    with pytest.raises(
        AccessRefused, match=r"401: Bad credentials. GITHUB_TOKEN is wrong, has expired or was revoked"
    ) as refused:
        await reader.files("acme/web")
    assert TOKEN not in str(refused.value)
    assert TOKEN not in repr(bench.config)
    assert len(bench.calls()) == 1


async def test_a_used_up_limit_says_when_to_come_again_and_is_not_asked_before(bench: Bench, reader: GithubReader) -> None:
    bench.twin.limits.exhaust("code_search", 50)
    for _ in range(3):
        with pytest.raises(RateLimited, match=r"come again in (4\d|5\d) s") as limited:
            await reader.search("acme/web", "MAX_RETRIES")
        assert 40 < limited.value.retry_after < 60
    assert len(bench.calls()) == 1
    await reader.files("acme/web")  # another kind of calls is not used up


async def test_the_limit_ends_by_githubs_clock_not_by_ours(bench: Bench, reader: GithubReader) -> None:
    bench.twin.limits.exhaust("core", 500)
    bench.faults.add(Fault("github", FaultKind.SKEW, seconds=300))
    with pytest.raises(RateLimited, match=r"the limit of 5000 core calls is used up: come again in (19|20)"):
        await reader.files("acme/web")


async def test_a_secondary_limit_is_waited_for_within_the_deadline(bench: Bench, reader: GithubReader) -> None:
    bench.twin.limits.slow_until = time.time() + 0.9
    assert (await reader.membership("acme", "jane-doe")).facts["membership"] == "active"
    assert [call.status for call in bench.calls()] == [403, 200]


@pytest.mark.parametrize(("hint", "seconds"), [(True, r"1[12]\d"), (False, "60")])
async def test_a_long_secondary_limit_closes_everything(bench: Bench, reader: GithubReader, hint: bool, seconds: str) -> None:
    bench.twin.limits.slow_until, bench.twin.limits.hint = time.time() + 120, hint
    with pytest.raises(RateLimited, match=rf"calls came too fast .* come again in {seconds} s"):
        await reader.search("acme/web", "MAX_RETRIES")
    with pytest.raises(RateLimited, match="asked us to wait"):
        await reader.files("acme/web")
    assert len(bench.calls()) == 1


async def test_a_passing_failure_is_tried_again(bench: Bench, reader: GithubReader) -> None:
    bench.faults.add(Fault("github", FaultKind.STATUS, status=502, times=1))
    bench.faults.add(Fault("github", FaultKind.DROP_BEFORE, times=1))
    assert (await reader.file("acme/web", "README.md")).facts["bytes"] > 0
    assert len(bench.calls()) <= 3


@pytest.mark.parametrize(
    "fault",
    [
        Fault("github", FaultKind.STATUS, status=503),
        Fault("github", FaultKind.DROP_BEFORE),
        Fault("github", FaultKind.HANG, seconds=30),
    ],
    ids=lambda fault: fault.kind.value,
)
async def test_a_github_that_is_down_is_unavailable_within_the_deadline(bench: Bench, fault: Fault) -> None:
    bench.faults.add(fault)
    began = time.monotonic()
    async with reading(replace(bench.config, timeout=1, deadline=2)) as reader:
        with pytest.raises(ServiceUnavailable):
            await reader.files("acme/web")
    assert time.monotonic() - began < 6
