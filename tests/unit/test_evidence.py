"""What an approval must be like: the rule's table, and the judgement of facts."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from agent_ops.domain.effects import Action, Proposal
from agent_ops.domain.employee import Employee, Profile
from agent_ops.domain.errors import PolicyError
from agent_ops.domain.evidence import Approval, Claim, Evidence, EvidenceRule, Move, Person, shortfall
from agent_ops.domain.grants import Grant

NOW = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
LEAD = Person("id-lead", "lead@acme.example", "Dana Whitfield")
MOVE = Move("7", LEAD, NOW - timedelta(days=2))
APPROVAL = Approval(
    "SEC-17",
    "SEC",
    "7",
    "Approved",
    "done",
    Person("id-rep", "rep@acme.example", "Rep"),
    (MOVE,),
    NOW,
    None,
    "Database for Ana Lee",
)
TABLE: dict[str, Any] = {"kind": "jira", "project": "SEC", "approved_status": ["Approved"]}
CLAIM = Claim("database", "Analytics database", Profile("Ana Lee", "Engineering", email_wish="ana@acme.example"), "hr")


def rule(**more: Any) -> EvidenceRule:
    return EvidenceRule.from_table("[items.database]", {**TABLE, **more})


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ("SEC", "must be a table"),
        ({**TABLE, "surprise": 1}, "unknown keys: surprise"),
        ({**TABLE, "kind": ""}, "needs a kind"),
        ({**TABLE, "project": "sec"}, "needs project"),
        ({**TABLE, "approved_status": []}, "needs approved_status"),
        ({**TABLE, "approved_status": "Approved"}, "list of words"),
        ({**TABLE, "approved_status": [""]}, "list of words"),
        ({**TABLE, "max_age_days": 0}, "max_age_days"),
        ({**TABLE, "max_age_days": True}, "max_age_days"),
        ({**TABLE, "must_name": ["manager"]}, "must_name has manager"),
        ({**TABLE, "approver_is_not": ["nobody"]}, "approver_is_not has nobody"),
        ({**TABLE, "pattern": "("}, "no regular expression"),
    ],
)
def test_a_broken_rule_is_refused_where_it_is_broken(table: Any, why: str) -> None:
    with pytest.raises(PolicyError, match=rf"\[items.x\] evidence.*{why}"):
        EvidenceRule.from_table("[items.x]", table)


def moved(by: Person, to: str = "7", at: datetime = NOW) -> Approval:
    return replace(APPROVAL, moves=(MOVE, Move(to, by, at)))


def test_the_plain_case_suffices() -> None:
    assert shortfall(rule(), APPROVAL, CLAIM, NOW) is None
    strict = rule(must_name=["beneficiary", "item"], approver_is_not=["requester", "reporter"], max_age_days=2)
    assert shortfall(replace(strict, approved_category="done"), APPROVAL, CLAIM, NOW) is None


@pytest.mark.parametrize(
    ("more", "approval", "why"),
    [
        ({}, replace(APPROVAL, project="OPS"), "is not in SEC"),
        ({}, replace(APPROVAL, reference="OPS-1"), "is not in SEC"),
        ({}, replace(APPROVAL, status="Declined"), "is not approved"),
        ({"approved_category": "done"}, replace(APPROVAL, category="new"), "category done"),
        ({}, replace(APPROVAL, moves=()), "does not tell who"),
        ({}, moved(LEAD, to="8"), "does not tell who"),
        ({}, moved(Person("id-a", "", "ana  LEE")), "by the beneficiary"),
        ({}, moved(Person("id-a", "ANA@acme.example", "A.")), "by the beneficiary"),
        ({}, moved(Person("id-a", "ana@elsewhere.example", "A.")), "by the beneficiary"),
        ({}, moved(Person("id-a", "hr@acme.example", "HR")), "by who asks"),
        ({}, moved(Person("id-a", "", "")), "too little"),
        ({}, moved(Person("", "x@acme.example", "X")), "too little"),
        ({}, moved(replace(LEAD, is_app=True)), "by a program"),
        ({"approver_is_not": ["reporter"]}, moved(APPROVAL.reporter), "by who reported"),
        ({"max_age_days": 1}, APPROVAL, "more than 1 days ago"),
        ({"must_name": ["beneficiary"]}, replace(APPROVAL, text="Database for Ana Leeson"), "name the beneficiary"),
        ({"must_name": ["beneficiary"]}, replace(APPROVAL, text="for ana@acme.example.evil"), "name the beneficiary"),
        ({"must_name": ["item"]}, replace(APPROVAL, text="databases for Ana Lee"), "name database"),
        ({"must_name": ["item"]}, replace(APPROVAL, reworded_at=NOW), "reworded"),
        ({"must_name": ["item"]}, replace(APPROVAL, reworded_at=MOVE.at), "reworded"),
    ],
)
def test_what_does_not_suffice_is_told(more: dict[str, Any], approval: Approval, why: str) -> None:
    assert why in (shortfall(rule(**more), approval, CLAIM, NOW) or "")


def test_what_the_rule_permits_is_permitted() -> None:
    assert shortfall(rule(approver_is_not=[]), moved(Person("id-a", "hr@acme.example", "HR")), CLAIM, NOW) is None
    assert shortfall(rule(), replace(APPROVAL, reworded_at=NOW), CLAIM, NOW) is None
    assert shortfall(rule(approved_status=["granted", "APPROVED"]), APPROVAL, CLAIM, NOW) is None


@pytest.mark.parametrize("caller", ["alice", "os:alice", "Alice@acme.example", "api:alice@acme.example", "ALICE Chen"])
def test_the_requester_is_known_by_any_form_of_the_callers_name(caller: str) -> None:
    approval = moved(Person("id-a", "alice@acme.example", "Alice Chen"))
    assert shortfall(rule(), approval, replace(CLAIM, requester=caller), NOW) == "was approved by who asks for the access"
    assert shortfall(rule(), moved(LEAD), replace(CLAIM, requester=caller), NOW) is None


def test_the_address_that_the_employee_has_by_now_counts() -> None:
    known = Employee("e", CLAIM.profile, address="ana.lee2@acme.example")
    claim = Claim.of("database", "", CLAIM.profile, "hr", known)
    approver = moved(Person("id-a", "ana.lee2@acme.example", "A."))
    assert shortfall(rule(), approver, CLAIM, NOW) is None
    assert shortfall(rule(), approver, claim, NOW) == "was approved by the beneficiary"


def test_a_grant_without_evidence_has_the_body_that_it_always_had() -> None:
    grant = Grant("r", "e", "hr", (Proposal("jenkins", Action.RUN_PIPELINE, "aws"),), "v", NOW, NOW, "k")
    old = {"run_id", "employee_id", "caller", "effects", "policy_version", "issued_at", "expires_at", "key_id"}
    assert set(grant.body()) == old
    evidence = Evidence("database", "jira", "SEC-17", "Approved", "0" * 32, NOW, NOW, NOW)
    approved = replace(grant, evidence=(evidence,))
    assert Grant.from_body(approved.body(), "") == approved
    assert Grant.from_body(grant.body(), "") == grant
