"""Temporary Access Passes for accounts that we created and nobody has used yet.

https://learn.microsoft.com/graph/api/resources/temporaryaccesspassauthenticationmethod: a user has one at most, a new one
takes the place of the one before, and the pass itself is in the answer that makes it and nowhere else.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote

from agent_ops.domain.effects import Completed, Failed, Finding, Intent, Presence
from agent_ops.domain.secret import Secret
from agent_ops.effectors.directory import Directory
from agent_ops.effectors.graph import GraphSession
from agent_ops.transport.graph import GraphError
from agent_ops.transport.redaction import redactor

_SEEN = "id,accountEnabled,userType,onPremisesSyncEnabled,onPremisesExtensionAttributes"
_UNUSED = ("passwordAuthenticationMethod", "temporaryAccessPassAuthenticationMethod")
"""What every new account has, or has by us; whatever else there is was registered by somebody."""
_CLOCK_SECONDS = 5.0  # Graph's Date header and createdDateTime are in whole seconds


class AccessPasses:
    """Makes and withdraws passes. Before each write the account is looked at: ours, ordinary, and unused."""

    def __init__(self, graph: GraphSession, marker_attribute: str) -> None:
        self._graph, self._directory, self._marker_attribute = graph, Directory(graph), marker_attribute

    async def look_up(self, intent: Intent) -> Finding:
        """A pass like the intent's that was made since. It bears no marker, but an account has one pass at most.

        Absence allows no second send until the first can land no more: it would take the place of a pass that was shown.
        """
        since = intent.since - timedelta(seconds=_CLOCK_SECONDS)
        ahead = timedelta(seconds=self._graph.seconds_ahead or 0.0)
        for found in await self._passes(intent):
            alike = (found["lifetimeInMinutes"], found["isUsableOnce"]) == (intent.pinned["minutes"], intent.pinned["once"])
            if alike and _moment(found["createdDateTime"]) - ahead >= since:
                return Finding(Presence.OURS, result=_result(found))
        return Finding(Presence.ABSENT)

    async def issue(self, intent: Intent) -> Completed | Failed:
        """https://learn.microsoft.com/graph/api/authentication-post-temporaryaccesspassmethods"""
        if (why := await self._unfit(intent)) is not None:
            return Failed(why)
        pinned = intent.pinned
        body = {"lifetimeInMinutes": pinned["minutes"], "isUsableOnce": pinned["once"]}
        try:
            made = await self._graph.call("POST", _path(pinned), json=body)
        except GraphError as error:
            raise error.refusal from error
        text = made.get("temporaryAccessPass")
        if text:
            redactor.keep([text])
        return Completed(_result(made), Secret(text) if text else None)

    async def withdraw(self, intent: Intent) -> Completed | Failed:
        """Delete one pass by its id; one that is gone already is withdrawn, too."""
        if (why := await self._unfit(intent)) is not None:
            return Failed(why)
        try:
            await self._graph.call("DELETE", f"{_path(intent.pinned)}/{quote(intent.pinned['pass'])}")
        except GraphError as error:
            if error.status != 404:
                raise error.refusal from error
        return Completed({"id": intent.pinned["pass"]})

    async def _unfit(self, intent: Intent) -> str | None:
        """Why there is no pass for the account, in words; None when there may be one."""
        account: str = intent.pinned["id"]
        user = await self._read(f"/users/{quote(account)}?$select={_SEEN}", missing_is=404)
        if (why := self._not_ours(user, intent)) is not None:
            return why
        roles, methods, passes, signed_in = await asyncio.gather(
            self._directory.roles_of(account), self._methods(account), self._passes(intent), self._signed_in(account)
        )
        if roles:
            return f"the account holds the directory role {', '.join(roles)}"
        if registered := sorted(set(methods) - set(_UNUSED)):
            return f"somebody has used the account: {', '.join(registered)} is registered"
        if signed_in or any(found.get("methodUsabilityReason") == "OneTimeUsed" for found in passes):
            return "somebody has signed in to the account"
        foreign = [p for p in passes if p["id"] != intent.pinned.get("pass") and p.get("methodUsabilityReason") != "Expired"]
        return "the account has an access pass that Agent Ops did not make: delete it in Entra first" if foreign else None

    def _not_ours(self, user: dict[str, Any] | None, intent: Intent) -> str | None:
        if user is None:
            return "the account does not exist any more"
        marker = (user.get("onPremisesExtensionAttributes") or {}).get(self._marker_attribute) or ""
        if marker.partition(".")[0] != intent.pinned["created_as"]:
            return f"the account does not bear our marker in {self._marker_attribute}"
        if not user.get("accountEnabled"):
            return "the account is disabled"
        if user.get("onPremisesSyncEnabled") or user.get("userType") == "Guest":
            return "the account is a guest's or synchronised from another directory"
        return None

    async def _methods(self, account: str) -> list[str]:
        """https://learn.microsoft.com/graph/api/authentication-list-methods"""
        found = await self._read(f"/users/{quote(account)}/authentication/methods")
        return [str(method.get("@odata.type")).rpartition(".")[2] for method in (found or {}).get("value", [])]

    async def _passes(self, intent: Intent) -> list[dict[str, Any]]:
        """The account's passes, without those that were withdrawn: a replica may show them for a while."""
        found = await self._read(_path(intent.pinned))
        return [p for p in (found or {}).get("value", []) if p["id"] not in intent.pinned.get("withdrawn", ())]

    async def _signed_in(self, account: str) -> bool:
        """Whether a sign-in is known. It takes AuditLog.Read.All and Entra ID P1: without them nothing is known.

        https://learn.microsoft.com/graph/api/resources/signinactivity
        """
        user = await self._read(f"/users/{quote(account)}?$select=id,signInActivity", missing_is=403)
        activity = (user or {}).get("signInActivity") or {}
        return any(value for name, value in activity.items() if name.endswith("DateTime"))

    async def _read(self, path: str, missing_is: int = 0) -> dict[str, Any] | None:
        try:
            return await self._graph.get(path)
        except GraphError as error:
            if error.status == missing_is:
                return None
            raise error.refusal from error


def _path(pinned: dict[str, Any]) -> str:
    return f"/users/{quote(pinned['id'])}/authentication/temporaryAccessPassMethods"


def _result(found: dict[str, Any]) -> dict[str, Any]:
    """What is kept of a pass: everything but the pass."""
    return {"id": found["id"], "minutes": found["lifetimeInMinutes"], "starts": found["startDateTime"]}


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text[:19]).replace(tzinfo=timezone.utc)  # Graph says Z, with or without fractions
