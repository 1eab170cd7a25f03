"""Company accounts: created under an address that nobody has or ever had, recognised by our marker, or linked by object id."""

from __future__ import annotations

import secrets
import string
from typing import Any
from urllib.parse import quote

from agent_ops.domain.effects import Completed, Failed, Finding, Held, Intent, Presence
from agent_ops.domain.errors import ServiceAmbiguous, ServiceError, ValueTaken
from agent_ops.effectors.directory import Directory
from agent_ops.effectors.graph import GraphSession
from agent_ops.transport.graph import GraphError
from agent_ops.transport.redaction import redactor

SERVICE = "Entra ID"
_SEEN = "id,userPrincipalName,accountEnabled,userType,onPremisesSyncEnabled,onPremisesExtensionAttributes"


class Accounts:
    """Creates and links accounts. An address alone never proves that an account is ours: the marker attribute does."""

    def __init__(self, graph: GraphSession, marker_attribute: str) -> None:
        self._graph, self._directory, self._marker_attribute = graph, Directory(graph), marker_attribute

    async def look_up(self, intent: Intent) -> Finding:
        """The account at the pinned address or id, if it bears our marker."""
        user = await self._user(intent.pinned.get("userPrincipalName") or intent.pinned["id"])
        if user is None:
            return Finding(Presence.ABSENT, resend_is_safe=True)
        if self._is_ours(user, intent):
            return Finding(Presence.OURS, result=_account(user))
        if "userPrincipalName" not in intent.pinned:
            return Finding(Presence.ABSENT, resend_is_safe=True)
        return Finding(Presence.FOREIGN, why=f"{user['userPrincipalName']} bears another marker")

    async def create(self, intent: Intent) -> Completed | Held | Failed:
        """Create the account, unless a person must decide whether the hire had one before.

        Raises:
            ValueTaken: somebody else has the address, or one that looks like it.
        """
        if (known := await self.foresee_new(intent)) is not None:
            return known
        pinned = intent.pinned
        body = {
            **{name: value for name, value in pinned.items() if name != "newPerson"},
            "onPremisesExtensionAttributes": {self._marker_attribute: intent.marker},
            "passwordProfile": {"forceChangePasswordNextSignIn": True, "password": _password()},
        }
        try:
            created = await self._graph.call("POST", "/users", json=body)
        except GraphError as error:
            if error.conflicts_on("userPrincipalName") or error.conflicts_on("proxyAddresses"):
                unseen = ServiceAmbiguous(SERVICE, f"who has the address cannot be read yet: {error.message}")
                return await self._adopt(intent, unseen)
            raise error.refusal from error
        return Completed(_account(created))

    async def foresee_new(self, intent: Intent) -> Completed | Held | Failed | None:
        """What stands in the way of a new account, or the account that is ours already. Raises ``ValueTaken``. Only reads."""
        pinned = intent.pinned
        if not pinned["newPerson"] and (before := await self._directory.suspected_rehire(pinned["displayName"])):
            return Held(f"{before}: say whether it is the same person (--link-existing ID) or another one (--new-person)")
        if (alike := await self._directory.looks_like(pinned["displayName"])) is not None:
            return Failed(f"the name looks like that of the existing account {alike}, written in other letters")
        if (holder := await self._directory.holder_of(pinned["userPrincipalName"])) is not None:
            return await self._adopt(intent, ValueTaken(SERVICE, f"{pinned['userPrincipalName']} is not free: {holder}"))
        return None

    async def reserve(self, intent: Intent) -> Completed:
        """See that nobody in the directory has the address, which our own records then keep. Only reads.

        Raises:
            ValueTaken: somebody has it, or one that looks like it.
        """
        address = intent.pinned["userPrincipalName"]
        if (holder := await self._directory.holder_of(address)) is not None:
            raise ValueTaken(SERVICE, f"{address} is not free: {holder}")
        return Completed({"address": address})

    async def link(self, intent: Intent) -> Completed | Failed:
        """Put our marker on an existing account, if it is an ordinary one that nobody else has."""
        linked = await self.foresee_link(intent)
        if isinstance(linked, Failed):
            return linked
        body = {"onPremisesExtensionAttributes": {self._marker_attribute: intent.marker}}
        try:
            await self._graph.call("PATCH", f"/users/{quote(linked.result['id'])}", json=body)
        except GraphError as error:
            raise error.refusal from error
        return linked

    async def foresee_link(self, intent: Intent) -> Completed | Failed:
        """The account that would be linked, or why it cannot be. Only reads."""
        user = await self._user(intent.pinned["id"])
        if user is None:
            return Failed(f"there is no account {intent.pinned['id']}")
        if (why := await self._unfit(user, intent)) is not None:
            return Failed(f"the account {user['userPrincipalName']} cannot be linked: {why}")
        return Completed(_account(user))

    async def _unfit(self, user: dict[str, Any], intent: Intent) -> str | None:
        if user.get("userType") == "Guest":
            return "it is a guest's"
        if not user.get("accountEnabled"):
            return "it is disabled"
        if user.get("onPremisesSyncEnabled"):
            return "it is synchronised from another directory"
        if self._marker(user) and not self._is_ours(user, intent):
            return "it is another employee's"
        roles = await self._directory.roles_of(user["id"])
        return f"it holds the directory role {', '.join(roles)}" if roles else None

    async def _adopt(self, intent: Intent, unseen: ServiceError) -> Completed:
        """The address is in use: by us, when our marker is on it, else by somebody else; ``unseen`` when it cannot be read."""
        user = await self._user(intent.pinned["userPrincipalName"])
        if user is None:
            raise unseen
        if not self._is_ours(user, intent):
            raise ValueTaken(SERVICE, f"{user['userPrincipalName']} belongs to somebody else")
        return Completed(_account(user))

    def _marker(self, user: dict[str, Any]) -> str:
        return (user.get("onPremisesExtensionAttributes") or {}).get(self._marker_attribute) or ""

    def _is_ours(self, user: dict[str, Any], intent: Intent) -> bool:
        return self._marker(user).partition(".")[0] == intent.key

    async def _user(self, key: str) -> dict[str, Any] | None:
        try:
            return await self._graph.get(f"/users/{quote(key)}?$select={_SEEN}")
        except GraphError as error:
            if error.status == 404:
                return None
            raise error.refusal from error


def _account(user: dict[str, Any]) -> dict[str, Any]:
    return {"id": user["id"], "address": user["userPrincipalName"]}


def _password() -> str:
    """A random initial password. It is discarded at once: people sign in first with a pass that is made when asked for."""
    alphabet = string.ascii_letters + string.digits
    return redactor.learn("aA1!" + "".join(secrets.choice(alphabet) for _ in range(40)))
