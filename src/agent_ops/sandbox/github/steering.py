"""What a test or a demo can do on the sandbox's GitHub: what people and administrators do there."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import Any


class GithubSteering(ABC):
    """The part of ``Sandbox`` that plays the people of the organisation ``acme``. People are named by their logins."""

    @abstractmethod
    def _control(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Call the control server."""

    async def github_pull(self, repository: str, author: str, title: str, body: str = "", *, days_ago: float = 0.0) -> int:
        """Somebody opens a pull request in a repository of acme (named without it); answers its number."""
        told = {"repository": repository, "author": author, "title": title, "body": body, "days_ago": days_ago}
        return int((await self._in_github("pulls", **told))["number"])

    async def github_member(self, login: str, state: str = "active", *, team: str = "") -> None:
        """Make somebody a member of acme, or of a team of it: ``active`` or ``pending``; an empty state takes it back."""
        await self._in_github("members", login=login, state=state, team=team)

    async def github_identity(self, address: str, login: str = "") -> None:
        """Somebody signs in to acme with an address, and so links a login to it; without one, the address is only provisioned."""
        await self._in_github("identities", address=address, login=login)

    async def github_sign_on(self, state: str = "there") -> None:
        """Let acme have its single sign-on (``there``), have ``none`` of its own, or keep it ``hidden`` from our token."""
        await self._in_github("sign_on", state=state)

    async def github_pipelines_idle(self, idle: bool = True) -> None:
        """Let pipelines that provision a membership say that they worked, and make nobody a member."""
        await self._in_github("pipelines", idle=idle)

    async def github_token(self, *, revoked: bool) -> None:
        """Revoke the token, or let it count again."""
        await self._in_github("token", revoked=revoked)

    async def github_limit(self, resource: str, seconds: float) -> None:
        """Let a primary limit (core, graphql, search, code_search) be used up for so many seconds; 0 gives all calls back."""
        await self._in_github("limit", resource=resource, seconds=seconds)

    async def github_slow_down(self, seconds: float, *, hint: bool = True) -> None:
        """Let a secondary rate limit strike for so many seconds, with a Retry-After or without one."""
        await self._in_github("slow", seconds=seconds, hint=hint)

    async def _in_github(self, what: str, **body: Any) -> dict[str, Any]:
        return await asyncio.to_thread(self._control, "POST", f"/github/{what}", body)
