"""Profiles: what is refused at the edge, and what makes two requests be about one person."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from agent_ops.domain.employee import Profile, identity_of
from agent_ops.domain.errors import InvalidRequest
from agent_ops.domain.runs import Request


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "Ana\x07"}, "name"),
        ({"team": " "}, "team"),
        ({"joining_date": "2026-02-30"}, "joining_date"),
        ({"joining_date": "yesterday"}, "joining_date"),
        ({"joining_date": "1492-10-12"}, "joining_date"),
        ({"joining_date": date(2999, 1, 1)}, "joining_date"),
        ({"contact_number": "12"}, "contact_number"),
        ({"external_id": "E-1\r\nBcc: x@evil.example"}, "external_id"),
        ({"manager": "Bob\u202e"}, "manager"),
        ({"location": "x" * 201}, "location"),
    ],
)
def test_bad_fields_are_named_in_one_line(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        Profile(**{"name": "Ana Silva", "team": "Data", **fields})
    assert caught.value.field == field
    assert "\n" not in str(caught.value)


def test_a_profile_survives_json() -> None:
    profile = Profile("Ana Silva", "Data", joining_date=date(2026, 12, 1), contact_number="+351 912 345 678")
    assert Profile.from_json(profile.to_json()) == profile


def test_identity_prefers_the_external_id_then_name_date_and_number() -> None:
    by_id = Profile("Ana Silva", "Data", external_id="E-1", joining_date=date(2026, 12, 1))
    assert identity_of(by_id) == identity_of(Profile("Anna Sylva", "Sales", external_id="E-1"))
    one = Profile("Ana  Silva", "Data", joining_date=date(2026, 12, 1), contact_number="+351 912-345-678")
    other = Profile("ANA SILVA", "Data", joining_date=date(2026, 12, 1), contact_number="351912345678")
    assert identity_of(one) == identity_of(other)
    assert identity_of(one) != identity_of(Profile("Ana Silva", "Data", joining_date=date(2026, 12, 2)))
    assert identity_of(Profile("Ana Silva", "Data")).startswith("name:")


@pytest.mark.parametrize("more", [{"is_admin": True}, {"grant": {"services": ["database"]}}, {"entra_id": "x"}])
def test_a_field_that_nobody_knows_is_refused(more: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest, match="no field"):
        Profile.from_json({"name": "Ana Silva", "team": "Engineering", **more})
    with pytest.raises(InvalidRequest, match="no field"):
        Request.from_json({**Request(Profile("Ana Silva", "Engineering")).to_json(), **more})
    with pytest.raises(InvalidRequest, match="team: is missing"):
        Profile.from_json({"name": "Ana Silva"})
