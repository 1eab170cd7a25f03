"""What a test or a demo can do in the Jira twin: what people write, decide and are allowed there."""

from __future__ import annotations

import asyncio
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any


class JiraSteering(ABC):
    """The part of ``Sandbox`` that plays the people of a Jira site. People are named by their e-mail addresses."""

    @abstractmethod
    def _control(self, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Call the control server."""

    async def jira_person(self, email: str, name: str = "", *, hides_email: bool = False, app: bool = False) -> str:
        """Give somebody an account, whose address others may not see, or that is a program's; answers its id."""
        return str((await self._in_jira("people", email=email, name=name, hides_email=hides_email, app=app))["id"])

    async def jira_issue(
        self,
        project: str,
        summary: str,
        description: str = "",
        *,
        reporter: str = "",
        status: str = "To Do",
        days_ago: float = 0.0,
    ) -> str:
        """Create an issue and answer its key."""
        at = time.time() - days_ago * 86_400
        issue = {"summary": summary, "description": description, "reporter": reporter, "status": status, "at": at}
        return str((await self._in_jira("issues", project=project, **issue))["key"])

    async def jira_move(self, key: str, status: str, by: str, *, days_ago: float = 0.0) -> None:
        """Somebody moves an issue to another status."""
        await self.jira_change(key, "status", status, by, days_ago=days_ago)

    async def jira_change(self, key: str, field: str, value: str, by: str, *, days_ago: float = 0.0) -> None:
        """Somebody changes an issue's status, summary or description."""
        await self._in_jira("changes", key=key, field=field, value=value, by=by, at=time.time() - days_ago * 86_400)

    async def jira_comment(self, key: str, text: str, by: str, *, days_ago: float = 0.0) -> None:
        """Somebody comments on an issue."""
        await self._in_jira("comments", key=key, text=text, by=by, at=time.time() - days_ago * 86_400)

    async def jira_token(self, *, revoked: bool) -> None:
        """Revoke our account's API token, or let it be valid again."""
        await self._in_jira("token", revoked=revoked)

    async def jira_to_project(self, key: str, project: str) -> str:
        """Move an issue to another project; answers its new key."""
        return str((await self._in_jira("moved", key=key, project=project))["key"])

    async def jira_access(self, *, closed: Iterable[str] = (), forbidden: bool = False) -> None:
        """Decide which projects our account may not browse, and whether it may use Jira at all."""
        await self._in_jira("access", closed=sorted(closed), forbidden=forbidden)

    async def _in_jira(self, what: str, **body: Any) -> dict[str, Any]:
        return await asyncio.to_thread(self._control, "POST", f"/jira/{what}", body)
