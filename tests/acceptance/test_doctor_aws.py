"""What the doctor says of reading AWS: that it works, or which permissions lack; onboarding needs none of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agent_ops import Sandbox
from tests.acceptance.live_env import Doctor

pytestmark = pytest.mark.slow  # a whole examination each


@pytest.fixture
def doctor(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Doctor]:
    yield Doctor(sandbox, tmp_path, monkeypatch)
    asyncio.run(sandbox.aws_access())


def about_aws(doctor: Doctor) -> list[dict[str, Any]]:
    return [line for line in doctor.diagnosis()["lines"] if line["service"] == "AWS"]


def test_all_of_it_can_be_read(doctor: Doctor) -> None:
    (line,) = about_aws(doctor)
    assert (line["verdict"], line["found"]) == ("works", "S3 and EC2 in eu-central-1 can be read")


def test_permissions_that_lack_are_named_and_hinder_nothing(doctor: Doctor) -> None:
    asyncio.run(doctor.box.aws_access(denied=["ec2:DescribeInstances", "s3:ListAllMyBuckets"]))
    found = doctor.diagnosis()
    (line,) = [line for line in found["lines"] if line["service"] == "AWS"]
    assert found["healthy"]
    assert line["verdict"] == "not configured"
    assert "allow s3:ListAllMyBuckets, ec2:DescribeInstances (" in line["remedy"]


def test_a_refused_key_is_told_once(doctor: Doctor) -> None:
    asyncio.run(doctor.box.aws_access(revoked=True))
    found = doctor.diagnosis()
    assert [line["about"] for line in found["lines"] if line["verdict"] == "wrong"] == ["AWS_ACCESS_KEY_ID"]
    assert [line for line in found["lines"] if line["service"] == "AWS"] == []
