"""Reading from Microsoft Graph: https://learn.microsoft.com/graph/use-the-api"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx

from agent_ops.domain.errors import (
    RateLimited,
    ServiceAmbiguous,
    ServiceError,
    ServiceRefused,
    ServiceSilent,
    ServiceUnavailable,
)
from agent_ops.transport.calls import logged_call, operation_of
from agent_ops.transport.clock import seconds_ahead
from agent_ops.transport.graph_token import EntraConfig, EntraToken
from agent_ops.transport.vendor_errors import check_no_redirect, httpx_errors, status_error

_SERVICE = "Entra ID"
_PAUSES_SECONDS = (0.1, 0.3, 1.0)
_LONGEST_PAUSE_SECONDS = 2.0


class GraphError(Exception):
    """An answer of 400 or more, with Graph's own error body: https://learn.microsoft.com/graph/errors"""

    def __init__(self, response: httpx.Response) -> None:
        self.status = response.status_code
        body = _error_body(response)
        self.message = str(body.get("message", response.reason_phrase))
        self._details = body.get("details") or []
        words = f"{body.get('code', '')} {self.message}".strip()
        self.refusal: ServiceError = status_error(_SERVICE, self.status, words, response.headers.get("Retry-After"))
        super().__init__(words)

    def conflicts_on(self, target: str) -> bool:
        """Whether another object has this property's value: told by the details, not by the message."""
        return any(d.get("code") == "ObjectConflict" and d.get("target") == target for d in self._details if isinstance(d, dict))


def _error_body(response: httpx.Response) -> dict[str, Any]:
    try:
        body = response.json()
    except ValueError:
        return {}
    error = body.get("error") if isinstance(body, dict) else None
    return error if isinstance(error, dict) else {}


def _passes_in(error: ServiceError, pause: float) -> float | None:
    """Seconds after which another try may help; None when it would not, or not soon."""
    if isinstance(error, RateLimited):
        return max(pause, error.retry_after) if error.retry_after <= _LONGEST_PAUSE_SECONDS else None
    passing = isinstance(error, (ServiceUnavailable, ServiceAmbiguous)) and not isinstance(error, ServiceSilent)
    return pause if passing else None


class GraphReads:
    """Authenticated reads from Graph: a handle that can change nothing. Neither environment variables nor redirects are followed.

    Raises, from every read:
        GraphError: for an answer of 400 or more.
        ServiceUnavailable: when nothing was sent; ServiceAmbiguous: when something may have been.
        AccessRefused: when no token is given.
    """

    def __init__(self, config: EntraConfig) -> None:
        self.root, self.timeout = config.graph_url, config.timeout
        self.token = EntraToken(config)
        self.seconds_ahead: float | None = None
        """By how much Graph's clock was ahead of ours at the last answer."""
        limits = httpx.Limits(max_connections=32, max_keepalive_connections=32)
        self._http = httpx.AsyncClient(
            verify=config.route.tls(),
            proxy=config.proxies.way_to(config.graph_url),
            trust_env=False,
            timeout=config.timeout,
            limits=limits,
        )

    async def get(self, path: str, headers: dict[str, str] | None = None) -> dict[str, Any]:
        """The JSON object at a path below Graph's root, such as ``/users?$top=5``.

        A read changes nothing, so what passes soon is tried again in place: an effect that looks at seven things before it
        writes would else begin afresh for each one that failed.
        """
        for pause in _PAUSES_SECONDS:
            try:
                return await self._got(path, headers)
            except (GraphError, ServiceUnavailable, ServiceAmbiguous) as error:
                wait = _passes_in(error.refusal if isinstance(error, GraphError) else error, pause)
                if wait is None:
                    raise
                await asyncio.sleep(wait)
        return await self._got(path, headers)

    async def _got(self, path: str, headers: dict[str, str] | None) -> dict[str, Any]:
        response = await self._exchange("GET", path, headers=headers)
        try:
            body = response.json()
        except ValueError:
            body = None
        if not isinstance(body, dict):
            raise ServiceAmbiguous(_SERVICE, f"{path.partition('?')[0]} was answered with something that is no JSON object")
        return body

    async def items(self, path: str, headers: dict[str, str] | None = None) -> AsyncIterator[dict[str, Any]]:
        """Each object of a collection, page after page: https://learn.microsoft.com/graph/paging"""
        following: str | None = path
        while following is not None:
            page = await self.get(following, headers)
            for item in page.get("value", []):
                yield item
            following = self._below_root(page.get("@odata.nextLink"))

    async def close(self) -> None:
        await self._http.aclose()
        self.token.close()

    async def _exchange(
        self, method: str, path: str, json: dict[str, Any] | None = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        bearer = {"Authorization": f"Bearer {await self.token.value()}"}
        with httpx_errors(_SERVICE), logged_call("Graph", operation_of(method, path)) as call:
            response = await self._http.request(method, self.root + path, json=json, headers={**(headers or {}), **bearer})
            call.status = response.status_code
        self.seconds_ahead = seconds_ahead(response.headers.get("Date"))
        check_no_redirect(_SERVICE, response)
        if response.status_code >= 400:
            if response.status_code == 401:
                self.token.forget()
            raise GraphError(response)
        return response

    def _below_root(self, link: str | None) -> str | None:
        """The token goes to Graph's own host only, whatever a link says."""
        if link is None:
            return None
        if not link.startswith(f"{self.root}/"):
            raise ServiceRefused(_SERVICE, f"named a next page elsewhere: {link}")
        return link.removeprefix(self.root)
