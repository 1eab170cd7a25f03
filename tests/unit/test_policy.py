"""The entitlement policy: what it grants, what it refuses, and how a broken file is told."""

from __future__ import annotations

import copy
import sys
from pathlib import Path
from typing import Any

import pytest

from agent_ops.domain.access import ItemStatus
from agent_ops.domain.employee import Profile
from agent_ops.domain.errors import InvalidRequest, PolicyError
from agent_ops.domain.policy import EntitlementPolicy, GroupItem, PipelineItem
from agent_ops.policies import EXAMPLE, read_policy

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def statuses(policy: EntitlementPolicy, profile: Profile, requested: list[str] | None) -> dict[str, ItemStatus]:
    return {item.item: item.status for item in policy.due(profile, requested)}


def test_the_example_has_the_four_services_and_a_dozen_more(policy: EntitlementPolicy) -> None:
    assert {"aws", "github", "confluence", "database"} < policy.catalogue.keys()
    assert len(policy.catalogue) >= 16
    kinds = {type(item) for item in policy.catalogue.values()}
    assert kinds == {PipelineItem, GroupItem}


def test_birthright_when_nothing_is_asked(policy: EntitlementPolicy) -> None:
    assert set(statuses(policy, Profile("Ana Silva", "engineering"), None)) == {"aws", "github", "confluence", "database"}
    assert "snowflake" in statuses(policy, Profile("Ana Silva", "Data", level="l3"), None)
    assert "snowflake" not in statuses(policy, Profile("Ana Silva", "Data", level="L1"), None)


def test_what_goes_beyond_allowed_is_denied_with_a_reason(policy: EntitlementPolicy) -> None:
    items = {item.item: item for item in policy.due(Profile("Ana Silva", "Contractors"), ["confluence", "AWS"])}
    assert items["confluence"].status is ItemStatus.PENDING
    assert items["aws"].status is ItemStatus.DENIED
    assert "Contractors" in items["aws"].reason


def test_an_empty_request_is_not_the_birthright(policy: EntitlementPolicy) -> None:
    assert policy.due(Profile("Ana Silva", "Engineering"), []) == ()


@pytest.mark.parametrize(
    ("profile", "items", "field"),
    [
        (Profile("Ana Silva", "Astrology"), None, "team"),
        (Profile("Ana Silva", "Data", level="L99"), None, "level"),
        (Profile("Ana Silva", "Data", location="Atlantis"), None, "location"),
        (Profile("Ana Silva", "Data"), ["root-shell"], "access_items"),
        (Profile("Ana Silva", "Data"), "aws", "access_items"),
        (Profile("Ana Silva", "Data"), [7], "access_items"),
    ],
)
def test_the_unknown_is_refused_and_the_known_is_listed(
    policy: EntitlementPolicy, profile: Profile, items: Any, field: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        policy.due(profile, items)
    assert caught.value.field == field
    assert caught.value.advice


BREAKS: list[tuple[str, Any, str]] = [
    ("company.domain", "not a domain", "domain"),
    ("items.aws.pipeline", "../../etc", "pipeline"),
    ("items.aws.timeout_seconds", 0, "timeout"),
    ("items.aws.surprise", 1, "unknown keys"),
    ("items.aws.user_parameter", "ROLE", "repeats"),
    ("locations.pune.zone", "Asia/Atlantis", "zone"),
    ("locations.pune.country", "India", "country"),
    ("teams.data.allowed", ["nothing"], "catalogue"),
    ("teams.contractors.birthright", ["aws"], "not allowed"),
    ("teams.data.levels.L9", {"allowed": []}, "unknown level"),
    ("teams.data.contacts", "data@acme.example", r"\[teams.data\] contacts must be a table"),
    ("teams.data.contacts", {"third": "a@b.example"}, r"\[teams.data\] contacts must be a table"),
    ("teams.data.contacts", {"first": "Data <data@acme.example>"}, r"\[teams.data\] contacts.first is no plain"),
    ("teams.data.contacts", {"second": "a@b.example\r\nBcc: c@d.example"}, r"\[teams.data\] contacts.second is no plain"),
    ("teams.data.contacts", {"first": ""}, r"\[teams.data\] contacts.first is no plain"),
    ("teams.data.contacts", {"first": 7}, r"\[teams.data\] contacts.first is no plain"),
    ("surprise", {}, "unknown keys"),
]


@pytest.mark.parametrize(("path", "value", "words"), BREAKS, ids=[f"{path}-{n}" for n, (path, _, _) in enumerate(BREAKS)])
def test_a_broken_policy_is_refused_where_it_is_broken(path: str, value: Any, words: str) -> None:
    tables = copy.deepcopy(tomllib.loads(EXAMPLE.read_text(encoding="utf-8")))
    *parents, last = path.split(".")
    table = tables
    for parent in parents:
        table = table[parent]
    table[last] = value
    with pytest.raises(PolicyError, match=words):
        EntitlementPolicy.from_tables(tables)


def test_an_unreadable_policy_is_told_by_path(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="cannot be read"):
        read_policy(tmp_path / "absent.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("teams = [", encoding="utf-8")
    with pytest.raises(PolicyError, match="no TOML"):
        read_policy(broken)


def test_the_version_changes_with_the_contents(policy: EntitlementPolicy) -> None:
    tables = tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))
    tables["company"]["domain"] = "other.example"
    assert EntitlementPolicy.from_tables(tables).version != policy.version
