"""What a test or a demo can do in the AWS twin: what others put there, and what an administrator takes from our key."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any


class AwsSteering(ABC):
    """The part of ``Sandbox`` that plays the other people of an AWS account."""

    @abstractmethod
    def _control(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Call the control server."""

    async def aws_access(self, *, revoked: bool = False, denied: Iterable[str] = ()) -> None:
        """Decide whether our key is known at all, and which permissions it lacks, such as ``s3:GetBucketAcl``."""
        await self._in_aws("access", revoked=revoked, denied=sorted(denied))

    async def aws_object(self, bucket: str, key: str, text: str = "", *, days_ago: float = 0.0) -> None:
        """Put an object into a bucket, or change one."""
        await self._in_aws("objects", bucket=bucket, key=key, text=text, days_ago=days_ago)

    async def aws_tagged(self, bucket: str, key: str, value: str) -> None:
        """Tag a bucket, made for that when there is none."""
        await self._in_aws("tagged", bucket=bucket, key=key, value=value)

    async def aws_pipelines_idle(self, idle: bool = True) -> None:
        """Let pipelines that provision an AWS access say that they worked, and leave nothing there."""
        await self._in_aws("pipelines", idle=idle)

    async def _in_aws(self, what: str, **body: Any) -> dict[str, Any]:
        return await asyncio.to_thread(self._control, "POST", f"/aws/{what}", body)
