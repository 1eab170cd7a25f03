"""Who may see a Confluence space, from the space's own permissions, which any account that sees the space may read.

https://developer.atlassian.com/cloud/confluence/rest/v2/api-group-space-permissions (v2), and the groups of an account by
https://developer.atlassian.com/cloud/confluence/rest/v1/api-group-users (v1; v2 has none). The one question that Confluence
would answer whole (``content/{id}/permission/check``) is a POST, and about anybody else an administrator's only.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

from agent_ops.domain.errors import ServiceRefused
from agent_ops.domain.plain import one_line
from agent_ops.readers.atlassian import in_form

SERVICE = "Confluence"
_ROWS, _GROUPS = 250, 200
_MOST_PAGES = 40
_READ_SPACE = ("read", "space")

Get = Callable[[str, dict[str, Any]], Awaitable[dict[str, Any]]]


class SpaceAccess:
    """Asks by ``get``, a call on a path below ``/wiki``; its errors are raised as they come."""

    def __init__(self, get: Get) -> None:
        self._get = get

    async def of(self, key: str, account: str) -> str:
        """By what an account may see a space; empty when by nothing.

        A right that is the account's own costs two calls, one by a group three, none four.

        Raises:
            ServiceRefused: there is no such space that we may see, or it lets people in by something that cannot be looked into.
        """
        space = await self._space(key)
        let_in = {one async for one in self._readers(space)}
        if ("user", account) in let_in:
            return f"space {key}, by a right of their own"
        groups = await self._groups(account)
        if by := next((name for group, name in groups.items() if ("group", group) in let_in), ""):
            return f"space {key}, by the group {by}"
        if any(kind == "role" for kind, _ in let_in) or await self._has_role(space, {account, *groups}):
            words = f"space {key} lets people in by roles, which cannot be looked into"
            raise ServiceRefused(SERVICE, words, "Look at the space's permissions.")
        return ""

    async def _space(self, key: str) -> str:
        found = await self._get("api/v2/spaces", {"keys": key, "limit": 1})
        spaces: list[str] = in_form(
            SERVICE, lambda: [str(one["id"]) for one in found["results"] if str(one["key"]).casefold() == key.casefold()]
        )
        if not spaces:
            raise ServiceRefused(SERVICE, f"there is no space {key}, or our account may not see it", "See list_spaces.")
        return spaces[0]

    async def _readers(self, space: str) -> AsyncIterator[tuple[str, str]]:
        """Kind and id of everybody and every group that may see it."""
        async for page in self._pages(f"api/v2/spaces/{space}/permissions"):
            for one in in_form(SERVICE, partial(_let_in_by, page)):
                yield one

    async def _has_role(self, space: str, ids: set[str]) -> bool:
        """Whether somebody of these, or a whole class of people, has a role there: what a role allows is not looked into."""
        try:
            async for page in self._pages(f"api/v2/spaces/{space}/role-assignments"):
                if in_form(SERVICE, partial(_has_role, page, ids)):
                    return True
        except ServiceRefused as error:
            if error.status != 404:  # a site without roles
                raise
        return False

    async def _groups(self, account: str) -> dict[str, str]:
        """The names of an account's groups, by their ids."""
        groups: dict[str, str] = {}
        for page in range(_MOST_PAGES):
            asked = {"accountId": account, "start": page * _GROUPS, "limit": _GROUPS}
            found = await self._get("rest/api/user/memberof", asked)
            rows = in_form(SERVICE, partial(_group_names, found))
            groups |= rows
            if len(rows) < _GROUPS:
                break
        return groups

    async def _pages(self, path: str) -> AsyncIterator[dict[str, Any]]:
        cursor = ""
        for _ in range(_MOST_PAGES):
            found = await self._get(path, {"limit": _ROWS, **({"cursor": cursor} if cursor else {})})
            yield found
            following = urlsplit(str((found.get("_links") or {}).get("next") or "")).query
            cursor = parse_qs(following).get("cursor", [""])[0]
            if not cursor:
                return
        raise ServiceRefused(SERVICE, f"{path} has more than {_MOST_PAGES * _ROWS:,} rows, which are not all read")


def _let_in_by(page: dict[str, Any]) -> list[tuple[str, str]]:
    """Whom the rows let see the space; others are about what may be done there."""
    told = [(row["operation"], row["principal"]) for row in page["results"]]
    return [(str(who["type"]), str(who["id"])) for what, who in told if (what["key"], what["targetType"]) == _READ_SPACE]


def _has_role(page: dict[str, Any], ids: set[str]) -> bool:
    principals = [row["principal"] for row in page["results"]]
    return any(one["principalType"] == "ACCESS_CLASS" or one["principalId"] in ids for one in principals)


def _group_names(page: dict[str, Any]) -> dict[str, str]:
    return {str(group["id"]): one_line(str(group["name"]), 60) for group in page["results"]}
