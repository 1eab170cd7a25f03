"""What a test or a demo can do in the Confluence twin: what people write, and what our account may see."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any


class ConfluenceSteering(ABC):
    """The part of ``Sandbox`` that plays the people of a Confluence site, who are named by their e-mail addresses."""

    @abstractmethod
    def _control(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Call the control server."""

    async def confluence_page(self, space: str, title: str, body: str, by: str, *, days_ago: float = 0.0) -> str:
        """Write a page in storage format, or a new version of the page of that title, and answer its id."""
        page = {"space": space, "title": title, "body": body, "author": by, "at": time.time() - days_ago * 86_400}
        return str((await self._in_confluence("pages", **page))["id"])

    async def confluence_remove(self, page_id: str) -> None:
        """Delete a page for good."""
        await self._in_confluence("removed", id=page_id)

    async def confluence_access(self, *, closed: Iterable[str] = (), forbidden: bool = False, revoked: bool = False) -> None:
        """Decide which spaces our account may not see, whether it may use Confluence at all, and whether its token is one."""
        await self._in_confluence("access", closed=sorted(closed), forbidden=forbidden, revoked=revoked)

    async def confluence_let_in(self, space: str, email: str) -> None:
        """Give the account of an address, which ``jira_person`` makes, a right of its own to see a space."""
        await self._in_confluence("permissions", space=space, email=email)

    async def confluence_pipelines_idle(self, idle: bool = True) -> None:
        """Let pipelines that provision a space say that they worked, and let nobody in."""
        await self._in_confluence("pipelines", idle=idle)

    async def _in_confluence(self, what: str, **body: Any) -> dict[str, Any]:
        return await asyncio.to_thread(self._control, "POST", f"/confluence/{what}", body)
