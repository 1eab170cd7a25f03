"""What AWS says of buckets, objects, machines and tags. By boto3, through clients that can send nothing but reads."""

from __future__ import annotations

from agent_ops.readers.aws_ec2 import Ec2Questions
from agent_ops.readers.aws_s3 import S3Questions


class AwsReader(S3Questions, Ec2Questions):
    """All questions to AWS. It has no call that changes anything, and its clients refuse any (``transport.aws_session.READS``).

    What people wrote into keys, tags, names and objects is untrusted.
    """

    async def myself(self) -> str:
        """Who we are there: the ARN of our credentials.

        Raises:
            ServiceUnavailable: AWS cannot be asked now. ServiceRefused: it does not answer us; AccessRefused among it.
        """
        return str((await self.call("sts", "get_caller_identity"))["Arn"])

    async def tagged(self, tag: str, value: str) -> str:
        """The ARN of a resource of the region with this tag; empty when none has it.

        https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html

        Raises:
            ServiceUnavailable: AWS cannot be asked now. ServiceRefused: it does not answer us; AccessRefused among it.
        """
        wanted = [{"Key": tag, "Values": [value]}]
        answer = await self.call("resourcegroupstaggingapi", "get_resources", TagFilters=wanted, ResourcesPerPage=1)
        found = answer.get("ResourceTagMappingList", [])
        return str(found[0]["ResourceARN"]) if found else ""
