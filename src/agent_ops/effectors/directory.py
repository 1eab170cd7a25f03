"""What the directory knows of addresses and people, read before an account is made or changed.

Which properties can be filtered how: https://learn.microsoft.com/graph/aad-advanced-queries
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote

from agent_ops.domain.lookalikes import alphabets, imitations, look_alikes, looks_like, skeleton
from agent_ops.domain.names import name_key
from agent_ops.transport.graph import GraphError, GraphReads

_DELETED = "/directory/deletedItems/microsoft.graph.user"
_ADVANCED = {"ConsistencyLevel": "eventual"}
_PERSON = "id,displayName,userPrincipalName,mail,accountEnabled,userType,employeeHireDate"
_MOST_VALUES = 15  # of an `in` filter


class Directory:
    """Reads only. Errors are of the ``ServiceError`` branch."""

    def __init__(self, graph: GraphReads) -> None:
        self._graph = graph

    async def holder_of(self, address: str) -> str | None:
        """Who has an address, or one that looks like it: users, deleted ones among them, groups and contacts."""
        found = await asyncio.gather(
            self._user_with(address), self._deleted_with(address), self._group_with(address), self._contact_with(address)
        )
        return next((holder for holder in found if holder), None)

    async def suspected_rehire(self, name: str) -> str | None:
        """A deleted or disabled account of the same name, in words; accounts that wait for their first day are none."""
        same_name = f"displayName eq {_literal(name)}"
        deleted, disabled = await asyncio.gather(
            self._found(f"{_DELETED}?$filter={quote(same_name)}&$select={_PERSON},deletedDateTime"),
            self._found(f"/users?$filter={quote(f'{same_name} and accountEnabled eq false')}&$select={_PERSON}"),
        )
        for kind, users in (("deleted", deleted), ("disabled", disabled)):
            for user in users:
                if name_key(user["displayName"]) == name_key(name) and not _starts_later(user):
                    return f"a {kind} account of the same name exists, {user['id']}"
        return None

    async def looks_like(self, name: str) -> str | None:
        """The address of an existing account whose name looks the same, but is written in other letters (UTS 39)."""
        spellings = sorted({skeleton(name), *imitations(name)} - {name})[:_MOST_VALUES]
        if not spellings:
            return None
        alike = f"displayName in ({', '.join(map(_literal, spellings))})"
        users = await self._found(f"/users?$filter={quote(alike)}&$select={_PERSON}")
        others = [u for u in users if alphabets(u["displayName"]) != alphabets(name) and looks_like(u["displayName"], name)]
        return str(others[0]["userPrincipalName"]) if others else None

    async def people_called(self, wanted: str) -> list[dict[str, Any]]:
        """Enabled members of the tenant with this address or this full name."""
        literal = _literal(wanted)
        matches = f"userPrincipalName eq {literal} or mail eq {literal}" if "@" in wanted else f"displayName eq {literal}"
        users = await self._found(f"/users?$filter={quote(matches)}&$select={_PERSON}")
        return [user for user in users if user.get("accountEnabled") and user.get("userType") != "Guest"]

    async def roles_of(self, account: str) -> list[str]:
        """The directory roles that an account holds, itself or by a group.

        https://learn.microsoft.com/graph/api/user-list-transitivememberof
        """
        path = f"/users/{quote(account)}/transitiveMemberOf/microsoft.graph.directoryRole?$count=true&$select=id,displayName"
        return [str(role.get("displayName") or role["id"]) for role in await self._found(path, _ADVANCED)]

    async def _user_with(self, address: str) -> str | None:
        """By name, mail or proxy address; look-alikes by name and mail."""
        local, _, domain = address.partition("@")
        alike = ", ".join(_literal(f"{other}@{domain}") for other in (local, *look_alikes(local))[:_MOST_VALUES])
        either = f"userPrincipalName in ({alike}) or mail in ({alike}) or {_proxy(address)}"
        users = await self._found(f"/users?$filter={quote(either)}&$select={_PERSON}")
        return f"the account {users[0]['userPrincipalName']} has userPrincipalName or mail" if users else None

    async def _deleted_with(self, address: str) -> str | None:
        """A deleted account's name has its object id in front."""
        ends = quote(f"endsWith(userPrincipalName,{_literal(address)})")
        path = f"{_DELETED}?$filter={ends}&$count=true&$select={_PERSON}"
        kept = quote(f"mail eq {_literal(address)} or {_proxy(address)}")
        by_name, by_mail = await asyncio.gather(
            self._found(path, _ADVANCED), self._found(f"{_DELETED}?$filter={kept}&$select={_PERSON}")
        )
        named = [u for u in by_name if u["userPrincipalName"].casefold() == f"{u['id'].replace('-', '')}{address}".casefold()]
        return f"the deleted account {(named or by_mail)[0]['id']} had it" if named or by_mail else None

    async def _group_with(self, address: str) -> str | None:
        groups = await self._found(f"/groups?$filter={quote(f'mail eq {_literal(address)} or {_proxy(address)}')}&$select=id")
        return f"the group {groups[0]['id']} has it" if groups else None

    async def _contact_with(self, address: str) -> str | None:
        contacts = await self._found(f"/contacts?$filter={quote(f'mail eq {_literal(address)} or {_proxy(address)}')}&$select=id")
        return f"the contact {contacts[0]['id']} has it" if contacts else None

    async def _found(self, path: str, headers: dict[str, str] | None = None) -> list[dict[str, Any]]:
        try:
            return [item async for item in self._graph.items(path, headers)]
        except GraphError as error:
            raise error.refusal from error


def _literal(text: str) -> str:
    """A string in an OData filter: quotes are doubled."""
    return "'" + text.replace("'", "''") + "'"


def _proxy(address: str) -> str:
    return f"proxyAddresses/any(p:p eq {_literal(f'smtp:{address}')})"


def _starts_later(user: dict[str, Any]) -> bool:
    hired: str = user.get("employeeHireDate") or ""
    return bool(hired) and datetime.fromisoformat(hired.replace("Z", "+00:00")) > datetime.now(timezone.utc)
