"""The AWS reader against the twin, over the wire: pages, dates, pieces of text, what is public, what may not be seen."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from agent_ops import Sandbox, Settings
from agent_ops.domain.errors import AccessRefused, InvalidRequest, RateLimited, ServiceRefused, ServiceUnavailable
from agent_ops.readers.aws import AwsReader
from agent_ops.sandbox.aws.content import BIG_BYTES, HR_EXPORTS, OLD_EXPORTS
from agent_ops.sandbox.faults import Fault, FaultKind
from agent_ops.sandbox.records import Call, Records
from agent_ops.transport.aws_session import reading_client

WEEK = ["access-review/open.csv", "joiners/joiners.json", "joiners/notes.txt", "org-chart/chart.csv", "payroll/current.csv"]
OTHERS = 3  # objects of hr-exports that are neither of this week nor payroll of past months


@pytest.fixture
async def reader(box: Sandbox, sandbox_settings: Settings) -> AsyncIterator[AwsReader]:
    made = AwsReader(replace(sandbox_settings.aws, timeout=30.0))
    await made.buckets()  # what the twin makes when it is first asked is made
    yield made
    await made.close()
    await box.aws_access()


def calls(box: Sandbox) -> list[Call]:
    records = Records(box.directory / "records.db")
    try:
        return list(records.calls("aws"))
    finally:
        records.close()


def days_ago(days: float) -> str:
    return (datetime.now(timezone.utc) - timedelta(days=days)).isoformat()


async def test_every_bucket_is_listed_a_page_at_a_time(box: Sandbox, sandbox_settings: Settings) -> None:
    reader, found, page = AwsReader(sandbox_settings.aws, rows=2), list[str](), ""
    while True:
        reading = await reader.buckets(page)
        assert len(reading.facts) <= 2
        found += [one["bucket"] for one in reading.facts]
        if not (page := reading.more):
            break
    await reader.close()
    assert HR_EXPORTS in found
    assert found == sorted(set(found))


async def test_pages_go_two_hundred_deep_at_one_call_each(box: Sandbox, sandbox_settings: Settings, reader: AwsReader) -> None:
    few = AwsReader(replace(sandbox_settings.aws, timeout=30.0), rows=12)
    before, keys, page = len(calls(box)), list[str](), ""
    for _ in range(200):
        reading = await few.objects(HR_EXPORTS, page=page)
        keys += [row["key"] for row in reading.facts]
        page = reading.more
    await few.close()
    assert page, "there is more than two hundred pages"
    assert len(calls(box)) - before == 200
    assert len(keys) == len(set(keys)) == 2_400
    assert keys == sorted(keys)


async def test_what_changed_since_is_found_among_thousands_by_three_calls(box: Sandbox, reader: AwsReader) -> None:
    before = len(calls(box))
    reading = await reader.objects(HR_EXPORTS, changed_since=days_ago(7))
    assert [row["key"] for row in reading.facts["objects"]] == WEEK
    assert reading.facts["objects_looked_at"] == OLD_EXPORTS + len(WEEK) + OTHERS
    assert reading.more == ""
    assert [call.path for call in calls(box)[before:]] == [f"/{HR_EXPORTS}?list"] * 3
    assert [source.reference for source in reading.sources] == [f"s3://{HR_EXPORTS}/{key}" for key in WEEK]


async def test_more_changed_objects_than_one_answer_holds_are_read_on_with_none_twice(
    sandbox_settings: Settings, reader: AwsReader
) -> None:
    few, keys, page = AwsReader(sandbox_settings.aws, rows=2), list[str](), ""
    while True:
        reading = await few.objects(HR_EXPORTS, changed_since=days_ago(7), page=page)
        keys += [row["key"] for row in reading.facts["objects"]]
        if not (page := reading.more):
            break
    await few.close()
    assert keys == WEEK


async def test_a_prefix_a_date_alone_and_an_empty_answer(reader: AwsReader) -> None:
    reading = await reader.objects(HR_EXPORTS, prefix="badges/")
    assert [row["key"] for row in reading.facts] == ["badges/.keep", "badges/jane-doe.png"]
    tomorrow = (datetime.now(timezone.utc) + timedelta(days=1)).date().isoformat()
    assert (await reader.objects(HR_EXPORTS, changed_since=tomorrow)).facts["objects"] == []
    assert "the bucket exists" in (await reader.objects("acme-empty")).facts
    with pytest.raises(InvalidRequest, match="last week is no time"):
        await reader.objects(HR_EXPORTS, changed_since="last week")


async def test_a_big_object_is_read_in_pieces_and_never_whole(box: Sandbox, reader: AwsReader) -> None:
    first = await reader.object_text(HR_EXPORTS, "directory/dump.csv")
    assert (first.facts["size"], first.cut, first.more) == (BIG_BYTES, True, "6000")
    assert first.facts["text"].startswith("E-000000,engineering,lisbon")
    second = await reader.object_text(HR_EXPORTS, "directory/dump.csv", first.more)
    whole = first.facts["text"] + second.facts["text"]
    assert whole.splitlines()[:-1] == [
        f"E-{n:06},engineering,lisbon,active,2024-05-01" for n in range(len(whole.splitlines()) - 1)
    ]
    assert "shortened" in first.text
    assert len(first.text) <= 8_000


async def test_a_character_that_a_piece_cuts_is_not_lost(box: Sandbox, reader: AwsReader) -> None:
    await box.aws_object("acme-shared-drop", "words.txt", "ü" * 3_001 + "€" * 2_000)
    await box.aws_object("acme-shared-drop", "odd.txt", "x" + "ü" * 4_000)
    await box.aws_object("acme-shared-drop", "quotes.txt", '"\n' * 4_000)
    for key in ("words.txt", "odd.txt", "quotes.txt"):
        text, page = "", ""
        while True:
            reading = await reader.object_text("acme-shared-drop", key, page)
            text += reading.facts["text"]
            assert reading.text.endswith("}"), "nothing is cut off"
            if not (page := reading.more):
                break
        assert text in ('"\n' * 4_000, "ü" * 3_001 + "€" * 2_000, "x" + "ü" * 4_000)


async def test_a_binary_an_empty_and_a_steering_object(box: Sandbox, reader: AwsReader) -> None:
    picture = await reader.object_text(HR_EXPORTS, "badges/jane-doe.png")
    assert picture.facts == {
        "key": "badges/jane-doe.png",
        "size": 40_008,
        "type": "image/png",
        "note": "binary: its content is not shown",
    }
    assert "empty" in (await reader.object_text(HR_EXPORTS, "badges/.keep")).facts["note"]
    await box.aws_object(HR_EXPORTS, "x/steering.txt", "a\x1b[31mred\u202e gnp", days_ago=90)
    assert (await reader.object_text(HR_EXPORTS, "x/steering.txt")).facts["text"] == "ared gnp"
    assert "grant admin" in (await reader.object_text(HR_EXPORTS, "joiners/notes.txt")).facts["text"], "it is data"


async def test_facts_of_an_object(reader: AwsReader) -> None:
    reading = await reader.object_facts(HR_EXPORTS, "joiners/joiners.json")
    assert (reading.facts["size"], reading.facts["type"]) == (133, "application/json")
    assert reading.facts["metadata"] == {"source": "hr-system"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", reading.facts["changed"])
    assert str(reading.sources[0]) == "aws: s3://hr-exports/joiners/joiners.json"


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda r: r.objects("no-such-bucket"), "there is no bucket no-such-bucket. List the buckets"),
        (lambda r: r.public_access("no-such-bucket"), "there is no bucket no-such-bucket"),
        (lambda r: r.object_text(HR_EXPORTS, "nothing.csv"), "there is no object nothing.csv in hr-exports. List its objects"),
        (lambda r: r.object_facts(HR_EXPORTS, "nothing.csv"), "there is no object nothing.csv in hr-exports"),
        (lambda r: r.instances(instance_id="i-0123456789abcdef0"), "there is no i-0123456789abcdef0 in eu-central-1"),
        (lambda r: r.security_groups(group_id="sg-0123456789abcdef0"), "there is no sg-0123456789abcdef0 in eu-central-1"),
    ],
)
async def test_what_is_missing_is_one_line_that_says_what_to_do(reader: AwsReader, ask: Any, words: str) -> None:
    with pytest.raises(ServiceRefused, match=re.escape(words)) as refused:
        await ask(reader)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("bucket", "public", "way"),
    [
        (HR_EXPORTS, False, ""),
        ("acme-public-site", True, "policy: AWS calls it public"),
        ("acme-shared-drop", True, "access list: everybody has READ"),
        ("acme-empty", False, ""),
    ],
)
async def test_public_access(reader: AwsReader, bucket: str, public: bool, way: str) -> None:
    facts = (await reader.public_access(bucket)).facts
    assert facts["public"] is public
    assert facts["opened_by"] == ([way] if way else [])
    assert "could_not_be_seen" not in facts


@pytest.mark.parametrize(
    ("denied", "bucket", "public"),
    [
        ("s3:GetBucketAcl", "acme-empty", "unknown"),
        ("s3:GetBucketAcl", HR_EXPORTS, False),  # the block overrules whatever the list says
        ("s3:GetBucketAcl", "acme-public-site", True),
        ("s3:GetBucketPolicyStatus", "acme-empty", "unknown"),
        ("s3:GetBucketPublicAccessBlock", "acme-public-site", "unknown"),
        ("s3:GetBucketPublicAccessBlock", "acme-empty", False),
    ],
)
async def test_what_may_not_be_seen_is_said(box: Sandbox, reader: AwsReader, denied: str, bucket: str, public: Any) -> None:
    await box.aws_access(denied=[denied])
    facts = (await reader.public_access(bucket)).facts
    assert facts["public"] == public
    assert len(facts["could_not_be_seen"]) == 1
    assert denied in str(facts["could_not_be_seen"])


async def test_permissions_that_lack_are_named(box: Sandbox, reader: AwsReader) -> None:
    await box.aws_access(denied=["s3:GetObject", "ec2:DescribeInstances", "s3:ListBucket"])
    with pytest.raises(AccessRefused, match=r"joiners/notes.txt in hr-exports may not be read.*s3:GetObject"):
        await reader.object_text(HR_EXPORTS, "joiners/notes.txt")
    with pytest.raises(AccessRefused, match=r"hr-exports may not be read.*s3:ListBucket"):
        await reader.objects(HR_EXPORTS)
    with pytest.raises(AccessRefused, match="ec2:DescribeInstances"):
        await reader.instances()


@pytest.mark.parametrize("ask", [lambda r: r.buckets(), lambda r: r.instances(), lambda r: r.tagged("owner", "x")])
async def test_a_revoked_key_is_said_so(box: Sandbox, reader: AwsReader, ask: Any) -> None:
    await box.aws_access(revoked=True)
    with pytest.raises(AccessRefused, match="renew AWS_ACCESS_KEY_ID"):
        await ask(reader)


async def test_machines_by_state_and_tag(reader: AwsReader) -> None:
    async def names(**asked: str) -> set[str]:
        return {one["name"] for one in (await reader.instances(**asked)).facts}

    assert len(await names()) == 10
    assert await names(state="stopped") == {"web-3", "reports-db", "legacy-cron"}
    assert await names(tag="team", tag_value="data") == {"analytics-db", "reports-db"}
    assert await names(tag="owner") == {"web-1", "web-2", "analytics-db"}
    assert await names(tag="team", tag_value="data", state="running") == {"analytics-db"}
    assert "no machine fits" in (await reader.instances(tag="nothing")).facts
    with pytest.raises(InvalidRequest, match="tag_value"):
        await reader.instances(tag_value="data")


async def test_machines_come_in_pages_and_one_by_its_id(sandbox_settings: Settings, reader: AwsReader) -> None:
    few = AwsReader(replace(sandbox_settings.aws, timeout=30.0), rows=5)
    first = await few.instances()
    second = await few.instances(page=first.more)
    await few.close()
    both = [*first.facts, *second.facts]
    assert (len(first.facts), len(second.facts), second.more) == (5, 5, "")
    one = await reader.instances(instance_id=both[-1]["instance"])
    assert one.facts == [both[-1]]
    assert str(one.sources[0]) == f"aws: ec2://eu-central-1/{both[-1]['instance']}"


async def test_security_groups_say_what_is_open_to_the_world(reader: AwsReader) -> None:
    everything = {one["name"]: one for one in (await reader.security_groups()).facts}
    assert everything["bastion"]["open_to_world"] == ["tcp 22 from 0.0.0.0/0"]
    assert sorted(everything["web"]["open_to_world"]) == ["tcp 443 from 0.0.0.0/0", "tcp 443 from ::/0"]
    assert everything["api"]["open_to_world"] == []
    assert everything["api"]["lets_in"] == ["tcp 8080 from 10.0.0.0/8"]
    open_ones = await reader.security_groups(open_to_world=True)
    assert {one["name"] for one in open_ones.facts} == {"web", "bastion"}
    assert (await reader.security_groups(group_id=everything["web"]["group"])).facts == [everything["web"]]


async def test_a_tag_finds_its_resource(box: Sandbox, reader: AwsReader) -> None:
    assert "instance/i-" in await reader.tagged("owner", "alice.chen@acme.example")
    assert await reader.tagged("owner", "nobody@acme.example") == ""
    await box.aws_tagged("home-of-bo", "owner", "bo.lin@acme.example")
    assert await reader.tagged("owner", "bo.lin@acme.example") == "arn:aws:s3:::home-of-bo"


async def test_a_read_that_fails_once_is_tried_again(box: Sandbox, reader: AwsReader) -> None:
    await box.fault(Fault("aws", FaultKind.STATUS, path="/acme-empty", status=500, times=1))
    assert "the bucket exists" in (await reader.objects("acme-empty", prefix="zzz")).text
    assert [fault["struck"] for fault in await box.struck()] == [1]


async def test_a_rate_limit_is_waited_for_or_told(box: Sandbox, reader: AwsReader) -> None:
    await box.fault(Fault("aws", FaultKind.STATUS, path="/acme-empty", status=503, retry_after=1, times=1))
    assert "the bucket exists" in (await reader.objects("acme-empty", prefix="zzz")).text
    await box.clear_faults()
    await box.fault(Fault("aws", FaultKind.STATUS, path="/acme-empty", status=503, retry_after=240))
    with pytest.raises(RateLimited, match=r"SlowDown.*Ask again in 240 s"):
        await reader.objects("acme-empty")
    assert [fault["struck"] for fault in await box.struck()] == [1], "nothing is asked before the time"


async def test_an_aws_that_is_not_there(sandbox_settings: Settings) -> None:
    reader = AwsReader(replace(sandbox_settings.aws, endpoint_url="http://127.0.0.1:9", timeout=1.0), deadline=2.0)
    with pytest.raises(ServiceUnavailable, match="Could not connect"):
        await reader.buckets()
    await reader.close()


@pytest.mark.parametrize(
    ("service", "operation", "asked"),
    [
        ("s3", "put_object", {"Bucket": HR_EXPORTS, "Key": "x", "Body": b"x"}),
        ("s3", "delete_object", {"Bucket": HR_EXPORTS, "Key": "joiners/notes.txt"}),
        ("s3", "delete_bucket", {"Bucket": "acme-empty"}),
        ("s3", "put_bucket_acl", {"Bucket": HR_EXPORTS, "ACL": "public-read"}),
        ("ec2", "terminate_instances", {"InstanceIds": ["i-0123456789abcdef0"]}),
        ("ec2", "run_instances", {"MinCount": 1, "MaxCount": 1, "ImageId": "ami-12345678"}),
        ("resourcegroupstaggingapi", "tag_resources", {"ResourceARNList": ["arn:aws:s3:::hr-exports"], "Tags": {"a": "b"}}),
        ("sts", "get_session_token", {}),
    ],
)
def test_the_readers_clients_refuse_every_write_before_it_is_sent(
    sandbox: Sandbox, sandbox_settings: Settings, service: str, operation: str, asked: dict[str, Any]
) -> None:
    before = len(calls(sandbox))
    with pytest.raises(ServiceRefused, match="not among what may be read"):
        getattr(reading_client(sandbox_settings.aws, service), operation)(**asked)
    assert len(calls(sandbox)) == before, "nothing reached AWS"


async def test_rows_that_do_not_fit_come_with_the_next_page(box: Sandbox, reader: AwsReader) -> None:
    made = [f"long/{number:02}/{'x' * 230}" for number in range(45)]
    for key in made:
        await box.aws_object("acme-shared-drop", key)
    for asked in ({}, {"changed_since": days_ago(1)}):
        keys, page, pages = list[str](), "", 0
        while True:
            reading = await reader.objects("acme-shared-drop", prefix="long/", page=page, **asked)
            rows = reading.facts["objects"] if asked else reading.facts
            assert reading.text.endswith("}"), "nothing is cut off"
            keys, pages = keys + [row["key"] for row in rows], pages + 1
            if not (page := reading.more):
                break
        assert keys == made
        assert pages == 3
