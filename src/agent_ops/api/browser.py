"""How a browser comes in: HTTP Basic whose password is an API key, on the playground's routes and on no others.

A browser sends such a key along by itself, whoever made the page that asks. So a request that does something has to come from
a page of this very origin, and with a content type that no other origin's form can send:
https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from fastapi import HTTPException, Request
from starlette.routing import Match
from starlette.types import Scope

from agent_ops.api.admission import GuardedRoute, by_key
from agent_ops.api.problems import BEARER
from agent_ops.domain.errors import NotAuthenticated, NotPermitted
from agent_ops.domain.grants import Caller
from agent_ops.runtime.agent_ops import AgentOps

_SAFE = ("GET", "HEAD")


class BrowserRoute(GuardedRoute):
    """A route that is there while the playground is on, and lets in who brings a key in either way."""

    challenge = f'Basic realm="agent-ops", charset="UTF-8", {BEARER}'

    @staticmethod
    async def known(request: Request) -> Caller:
        """Who asks.

        Raises:
            NotAuthenticated: no key, or none that is good. NotPermitted: the key came by itself, from another origin's page.
        """
        kind, _, text = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "basic":
            return await by_key(request)
        if request.method not in _SAFE:
            _check_is_ours(request)
        ops: AgentOps = request.app.state.ops
        return await ops.api_keys.caller_of(_password(text))

    def matches(self, scope: Scope) -> tuple[Match, Any]:
        """Nothing while the playground is off, as if the route had never been made."""
        on = scope["type"] == "http" and scope["app"].state.ops.settings.playground
        return super().matches(scope) if on else (Match.NONE, {})


def _password(text: str) -> str:
    """https://www.rfc-editor.org/rfc/rfc7617; the user's name says nothing. Raises NotAuthenticated: it is none."""
    try:
        return base64.b64decode(text.strip(), validate=True).decode("utf-8").partition(":")[2]
    except (binascii.Error, ValueError):
        raise NotAuthenticated("the password is no API key") from None


def _check_is_ours(request: Request) -> None:
    """Raises NotPermitted, or an ``HTTPException``: this may come from a page that is not ours.

    Browsers say so in Sec-Fetch-Site where they trust the connection (https, loopback), else in Origin; who says nothing is no
    browser that we know, and can send a bearer key. https://www.w3.org/TR/fetch-metadata/
    """
    said, origins = request.headers.getlist("Sec-Fetch-Site"), request.headers.getlist("Origin")
    host = request.headers.get("Host", "").lower()
    ours = bool(host) and [origin.lower() for origin in origins] in ([f"http://{host}"], [f"https://{host}"])
    if said != ["same-origin"] if said else not ours:
        raise NotPermitted("a browser's key counts for a page of this service only", "Send the key as a bearer key.")
    if request.headers.get("Content-Type", "").partition(";")[0].strip().lower() != "application/json":
        raise HTTPException(415, "The body has to be application/json.")
