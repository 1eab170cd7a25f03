"""A service that echoes what it was sent, secrets and all, in the words of its refusal: some real ones do."""

from __future__ import annotations

from aiohttp import web


async def echoed(request: web.Request) -> str:
    """The call's Authorization header and body, as one line."""
    body = (await request.read()).decode("utf-8", "replace")
    return f"told to fail; you sent Authorization: {request.headers.get('Authorization', '')} and {body}"
