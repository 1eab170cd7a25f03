"""Separation of duties: what the policy refuses, and that no request gets round it."""

from __future__ import annotations

import copy
import sys
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_ops.domain.access import ItemStatus
from agent_ops.domain.effects import Action, Proposal
from agent_ops.domain.employee import Employee, Profile
from agent_ops.domain.errors import InvalidRequest, PolicyError
from agent_ops.domain.grants import Grant
from agent_ops.domain.policy import EntitlementPolicy
from agent_ops.domain.separation import Separation, collision
from agent_ops.domain.withholding import withheld
from agent_ops.policies import EXAMPLE

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

TABLES = tomllib.loads(EXAMPLE.read_text(encoding="utf-8"))
KEYS = sorted(TABLES["items"])
PAIR = {"items": ["kubernetes", "sonarqube"], "reason": "who deploys does not audit"}
ANA = Profile("Ana Silva", "Engineering")


def policy(*separations: Any, **more: Any) -> EntitlementPolicy:
    return EntitlementPolicy.from_tables({**copy.deepcopy(TABLES), "separation": list(separations), **more})


@pytest.mark.parametrize(
    ("tables", "why"),
    [
        ("x", r"\[\[separation\]\]"),
        ([{"items": ["aws"]}], "two or more"),
        ([{"items": ["aws", "aws"]}], "two or more"),
        ([{"items": "aws"}], "two or more"),
        ([{"items": ["aws", "nothing"]}], "not in the catalogue: nothing"),
        ([PAIR, {"items": ["aws", "vpn"], "why": ""}], r"\[\[separation\]\] 2"),
        ([{"items": ["aws", "github"]}], r"\[teams.engineering\] gives by birthright: aws and github"),
        ([{"items": ["snowflake", "m365"]}], r"\[teams.data\] level L3 gives by birthright: m365 and snowflake"),
    ],
)
def test_a_broken_separation_is_refused_at_start(tables: Any, why: str) -> None:
    with pytest.raises(PolicyError, match=why):
        EntitlementPolicy.from_tables({**copy.deepcopy(TABLES), "separation": tables})


def test_both_in_one_request_are_refused_by_name() -> None:
    with pytest.raises(InvalidRequest, match="kubernetes and sonarqube may not be held by one person: who deploys"):
        policy(PAIR).check_separation({"aws", "sonarqube", "kubernetes"})
    with pytest.raises(InvalidRequest, match="sonarqube and kubernetes may not be held"):
        policy(PAIR).check_separation({"aws", "sonarqube"}, {"kubernetes"})
    policy(PAIR).check_separation({"aws", "sonarqube"}, {"vpn"})
    policy(PAIR).check_separation({"aws"}, {"kubernetes", "sonarqube"})


sets = st.lists(st.sampled_from(KEYS), min_size=2, max_size=4, unique=True)
free = st.lists(sets, max_size=3)


@given(separations=free, requested=st.lists(st.sampled_from(KEYS), max_size=8), held=st.sets(st.sampled_from(KEYS), max_size=3))
def test_no_admitted_request_yields_a_separated_pair(separations: list[list[str]], requested: list[str], held: set[str]) -> None:
    rules = [Separation(frozenset(items)) for items in separations]
    try:
        found = policy(*({"items": items} for items in separations))
        items = {item.item for item in found.due(ANA, requested) if item.status is ItemStatus.PENDING}
        found.check_separation(items, held)
    except (PolicyError, InvalidRequest):
        return
    for rule in rules:
        assert len(rule.items & (items | held)) < 2 or not rule.items & items


@given(separations=free, wanted=st.sets(st.sampled_from(KEYS)), held=st.sets(st.sampled_from(KEYS)))
def test_a_collision_is_found_exactly_when_there_is_one(separations: list[list[str]], wanted: set[str], held: set[str]) -> None:
    rules = [Separation(frozenset(items)) for items in separations]
    there = any(rule.items & wanted and len(rule.items & (wanted | held)) > 1 for rule in rules)
    assert (collision(rules, wanted, held) is not None) == there


def test_the_partner_of_what_is_held_is_withheld_before_the_effect() -> None:
    now = datetime.now(timezone.utc)
    proposal = Proposal("jenkins", Action.RUN_PIPELINE, "kubernetes")
    grant = Grant("r", "e", "hr", (proposal,), "v", now, now, "k")
    holder = Employee("e", ANA, holds=frozenset({"sonarqube"}))
    assert "who deploys" in (withheld(policy(PAIR), proposal, grant, holder) or "")
    assert withheld(policy(), proposal, grant, holder) is None
    assert withheld(policy(PAIR), proposal, grant, Employee("e", ANA, holds=frozenset({"kubernetes"}))) is None
    revoke = Proposal("jenkins", Action.REVOKE_PIPELINE, "kubernetes")
    assert withheld(policy(PAIR), revoke, grant, holder) is None
