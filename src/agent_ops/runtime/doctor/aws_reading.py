"""AWS: what the credentials may read of S3 and EC2. Onboarding needs none of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from agent_ops.domain.errors import AccessRefused, ServiceError
from agent_ops.readers.aws import AwsReader
from agent_ops.runtime.doctor.checks import Check
from agent_ops.runtime.doctor.examination import PROBE_SECONDS, Examination
from agent_ops.runtime.doctor.lines import Line, Verdict, warning, works
from agent_ops.runtime.doctor.reach import words

_READS = {
    "s3:ListAllMyBuckets": ("s3", "list_buckets", {"MaxBuckets": 1}),
    "ec2:DescribeInstances": ("ec2", "describe_instances", {"MaxResults": 5}),
    "ec2:DescribeSecurityGroups": ("ec2", "describe_security_groups", {"MaxResults": 5}),
    "tag:GetResources": ("resourcegroupstaggingapi", "get_resources", {"ResourcesPerPage": 1}),
}
"""A call for each permission that can be tried without knowing a bucket."""


async def reading(exam: Examination) -> Sequence[Line]:
    reader = AwsReader(replace(exam.settings.aws, timeout=PROBE_SECONDS), deadline=2 * PROBE_SECONDS)
    exam.stack.push_async_callback(reader.close)
    found = await asyncio.gather(*(_lacks(reader, permission) for permission in _READS))
    troubles = [line for line in found if isinstance(line, Line)]
    lacking = [permission for permission in found if isinstance(permission, str)]
    if lacking:
        remedy = f"Optional: allow {', '.join(lacking)} (docs/reading.md lists what the AWS agent reads)."
        troubles.append(Line(Verdict.NOT_CONFIGURED, "the credentials may not read all of S3 and EC2", remedy))
    return troubles or [works(f"S3 and EC2 in {exam.settings.aws.region} can be read")]


async def _lacks(reader: AwsReader, permission: str) -> str | Line | None:
    """The permission when it lacks, a line when nobody can tell."""
    service, operation, asked = _READS[permission]
    try:
        await reader.call(service, operation, **asked)
    except AccessRefused:
        return permission
    except ServiceError as error:
        return warning(words(error), f"Look again later: {permission} could not be tried.", "S3 and EC2")
    return None


CHECKS = (Check("AWS", "reading AWS", reading, needs=("parameter",)),)
