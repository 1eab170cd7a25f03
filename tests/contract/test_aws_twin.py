"""The AWS twin by boto3 and by bare HTTP: who is let in, how each service refuses, what is recorded as a change."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import botocore.exceptions
import pytest
import requests

from agent_ops import Sandbox, Settings
from agent_ops.transport.aws_session import AwsConfig, aws_client

ASKED: dict[str, tuple[str, dict[str, Any]]] = {
    "s3": ("list_buckets", {}),
    "ec2": ("describe_instances", {}),
    "resourcegroupstaggingapi": ("get_resources", {}),
    "ssm": ("describe_parameters", {}),
}


@pytest.fixture
async def config(box: Sandbox, sandbox_settings: Settings) -> AsyncIterator[AwsConfig]:
    yield replace(sandbox_settings.aws, timeout=30.0)
    await box.aws_access()


def refused(config: AwsConfig, service: str) -> tuple[int, str]:
    """Status and code with which the twin refuses a call."""
    operation, asked = ASKED[service]
    with pytest.raises(botocore.exceptions.ClientError) as error:
        getattr(aws_client(config, service, attempts=1), operation)(**asked)
    answer = error.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]


@pytest.mark.parametrize(
    ("service", "unknown_key", "wrong_secret"),
    [
        ("s3", (403, "InvalidAccessKeyId"), (403, "SignatureDoesNotMatch")),
        ("ec2", (401, "AuthFailure"), (403, "SignatureDoesNotMatch")),
        ("resourcegroupstaggingapi", (400, "UnrecognizedClientException"), (400, "InvalidSignatureException")),
        ("ssm", (400, "UnrecognizedClientException"), (400, "InvalidSignatureException")),
    ],
)
async def test_each_service_refuses_in_its_own_form(
    box: Sandbox, config: AwsConfig, service: str, unknown_key: tuple[int, str], wrong_secret: tuple[int, str]
) -> None:
    assert refused(replace(config, access_key_id="AKIASOMEBODYELSE0000"), service) == unknown_key
    assert refused(replace(config, secret_access_key="wrong"), service) == wrong_secret
    assert refused(replace(config, session_token="no-session"), service) == unknown_key
    await box.aws_access(revoked=True)
    assert refused(config, service) == unknown_key


@pytest.mark.parametrize(
    ("service", "permission", "code"),
    [
        ("s3", "s3:ListAllMyBuckets", (403, "AccessDenied")),
        ("ec2", "ec2:DescribeInstances", (403, "UnauthorizedOperation")),
        ("resourcegroupstaggingapi", "tag:GetResources", (400, "AccessDeniedException")),
    ],
)
async def test_a_permission_that_lacks(
    box: Sandbox, config: AwsConfig, service: str, permission: str, code: tuple[int, str]
) -> None:
    await box.aws_access(denied=[permission])
    assert refused(config, service) == code


@pytest.mark.parametrize(
    "path", ["/", "/hr-exports?list-type=2", "/hr-exports/joiners/notes.txt", "/acme-public-site/index.html"]
)
def test_who_signs_nothing_sees_nothing(config: AwsConfig, path: str) -> None:
    with requests.Session() as session:
        session.trust_env = False
        assert session.get(f"{config.endpoint_url}{path}", timeout=30).status_code in (400, 403)


async def test_whatever_changes_the_account_is_an_effect(box: Sandbox, config: AwsConfig) -> None:
    def changes() -> list[str]:
        return [call.path for call in box.effects("aws")]

    s3, ec2, before = aws_client(config, "s3"), aws_client(config, "ec2"), changes()
    machine = ec2.describe_instances(MaxResults=5)["Reservations"][0]["Instances"][0]["InstanceId"]
    s3.list_objects_v2(Bucket="acme-empty")
    assert changes() == before
    s3.create_bucket(Bucket="acme-scratch", CreateBucketConfiguration={"LocationConstraint": config.region})
    s3.put_object(Bucket="acme-scratch", Key="a b/ü.txt", Body=b"x")
    assert s3.get_object(Bucket="acme-scratch", Key="a b/ü.txt")["Body"].read() == b"x", "a path is signed as it is sent"
    ec2.create_tags(Resources=[machine], Tags=[{"Key": "seen", "Value": "yes"}])
    ec2.delete_tags(Resources=[machine], Tags=[{"Key": "seen"}])
    assert changes()[len(before) :] == ["/acme-scratch", "/acme-scratch/a%20b/%C3%BC.txt", "EC2.CreateTags", "EC2.DeleteTags"]
    s3.delete_object(Bucket="acme-scratch", Key="a b/ü.txt")
    s3.delete_bucket(Bucket="acme-scratch")


def test_the_list_of_buckets_has_pages_as_aws_has_them(config: AwsConfig) -> None:
    s3, names, token = aws_client(config, "s3"), list[str](), {}
    whole = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    for _ in range(len(whole)):
        answer = s3.list_buckets(MaxBuckets=1, **token)
        names += [bucket["Name"] for bucket in answer["Buckets"]]
        token = {"ContinuationToken": answer.get("ContinuationToken", "")}
    assert names == whole == sorted(whole)
    assert token == {"ContinuationToken": ""}
    with pytest.raises(botocore.exceptions.ClientError, match="continuation token"):
        s3.list_buckets(MaxBuckets=1, ContinuationToken="no token of ours!")


def test_dates_count_from_the_sandboxs_start(config: AwsConfig) -> None:
    s3 = aws_client(config, "s3")
    changed = s3.head_object(Bucket="hr-exports", Key="payroll/current.csv")["LastModified"]
    assert timedelta(days=6) <= datetime.now(timezone.utc) - changed < timedelta(days=6, hours=1)
    old = s3.list_objects_v2(Bucket="hr-exports", Prefix="payroll/2024-", MaxKeys=1000)["Contents"]
    assert len(old) == 1000
    assert all(one["LastModified"] < datetime.now(timezone.utc) - timedelta(days=8) for one in old)
