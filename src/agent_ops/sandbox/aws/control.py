"""What the control server can tell the AWS twin: what an administrator does to our key, and what others put there."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from agent_ops.sandbox.aws.twin import AwsTwin


class AwsControl:
    """Routes below ``/aws`` of the control server. Nothing of it is a call to AWS."""

    def __init__(self, twin: AwsTwin) -> None:
        self._twin = twin

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/aws/access", self._access),
            web.post("/aws/objects", self._object),
            web.post("/aws/tagged", self._tagged),
            web.post("/aws/pipelines", self._pipelines),
        ]

    async def _access(self, request: web.Request) -> web.Response:
        data: dict[str, Any] = await request.json()
        self._twin.revoked, self._twin.denied = bool(data["revoked"]), frozenset(data["denied"])
        return web.json_response({})

    async def _object(self, request: web.Request) -> web.Response:
        data: dict[str, Any] = await request.json()
        put = self._twin.content.put  # the first of it takes a moment: the other twins go on
        await asyncio.to_thread(put, data["bucket"], data["key"], data["text"], float(data["days_ago"]))
        return web.json_response({})

    async def _tagged(self, request: web.Request) -> web.Response:
        data: dict[str, Any] = await request.json()
        await asyncio.to_thread(self._twin.content.tag_bucket, data["bucket"], data["key"], data["value"])
        return web.json_response({})

    async def _pipelines(self, request: web.Request) -> web.Response:
        self._twin.left_behind.idle = bool((await request.json())["idle"])
        return web.json_response({})
