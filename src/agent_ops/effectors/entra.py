"""Microsoft Entra ID: accounts and group memberships, by Microsoft Graph.

https://learn.microsoft.com/graph/api/user-post-users and group-post-members
"""

from __future__ import annotations

import secrets
import string
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote

from agent_ops.domain.effects import Accepted, Action, Completed, Failed, Finding, Intent, Presence
from agent_ops.domain.errors import AgentOpsError, ServiceAmbiguous, ValueTaken
from agent_ops.effectors.graph import GraphSession
from agent_ops.transport.graph import GraphError

_SERVICE = "Entra ID"
_ALREADY_A_MEMBER = "added object references already exist"


class EntraEffector:
    """Creates accounts and adds them to groups.

    Graph has no idempotency key. What makes a repeated POST harmless is the uniqueness of userPrincipalName, and what
    makes the account recognisable is our marker in an extension attribute: an address alone never proves that it is ours.
    """

    actions = frozenset({Action.CREATE_ACCOUNT, Action.ADD_TO_GROUP})

    def __init__(self, graph: GraphSession, marker_attribute: str = "extensionAttribute15") -> None:
        self._graph = graph
        self._marker_attribute = marker_attribute

    @property
    def call_timeout(self) -> float:
        return 3 * self._graph.timeout  # a token, the write, and a look at who has the address

    async def look_up(self, intent: Intent) -> Finding:
        """Absent means here: sending again is safe, because uniqueness decides and the marker tells."""
        if intent.proposal.action is Action.CREATE_ACCOUNT:
            user = await self._user(intent.pinned["userPrincipalName"])
            if user is not None:
                return self._judged(user, intent)
        return Finding(Presence.ABSENT, resend_is_safe=True)

    async def send(self, intent: Intent) -> Accepted | Completed | Failed:
        if intent.proposal.action is Action.CREATE_ACCOUNT:
            return await self._create_account(intent)
        return await self._add_to_group(intent)

    async def follow(self, intent: Intent) -> Completed | Failed:
        raise AgentOpsError(f"{intent.proposal.action.value} has no result to wait for")

    async def _create_account(self, intent: Intent) -> Completed:
        body = {
            **intent.pinned,
            "onPremisesExtensionAttributes": {self._marker_attribute: intent.marker},
            "passwordProfile": {"forceChangePasswordNextSignIn": True, "password": _password()},
        }
        try:
            created = await self._graph.call("POST", "/users", json=body)
        except GraphError as error:
            if error.conflicts_on("userPrincipalName"):
                return await self._adopt(intent)
            raise error.refusal from error
        return Completed(_account(created))

    async def _adopt(self, intent: Intent) -> Completed:
        """The address is in use: by us, when our marker is on it, else by somebody else."""
        address = intent.pinned["userPrincipalName"]
        user = await self._user(address)
        if user is None:
            raise ServiceAmbiguous(_SERVICE, f"{address} is in use, but cannot be read yet")
        finding = self._judged(user, intent)
        if finding.presence is Presence.FOREIGN:
            raise ValueTaken(_SERVICE, f"{address} belongs to somebody else")
        return Completed(finding.result or {})

    def _judged(self, user: dict[str, Any], intent: Intent) -> Finding:
        marker = (user.get("onPremisesExtensionAttributes") or {}).get(self._marker_attribute) or ""
        if marker.partition(".")[0] == intent.key:
            return Finding(Presence.OURS, result=_account(user))
        return Finding(Presence.FOREIGN, why=f"{user.get('userPrincipalName')} bears another marker")

    async def _user(self, address: str) -> dict[str, Any] | None:
        fields = "id,userPrincipalName,onPremisesExtensionAttributes"
        try:
            return await self._graph.call("GET", f"/users/{quote(address)}?$select={fields}")
        except GraphError as error:
            if error.status == 404:
                return None
            raise error.refusal from error

    async def _add_to_group(self, intent: Intent) -> Completed:
        member, group = intent.pinned["member"], intent.pinned["group"]
        reference = {"@odata.id": f"{self._graph.root}/directoryObjects/{member}"}
        try:
            await self._graph.call("POST", f"/groups/{quote(group)}/members/$ref", json=reference)
        except GraphError as error:
            if error.status == 404 and _young(intent):
                raise ServiceAmbiguous(_SERVICE, f"does not know the account yet: {error.refusal.what}") from error
            if _ALREADY_A_MEMBER not in error.message:
                raise error.refusal from error
        return Completed({"member": member, "group": group})


def _account(user: dict[str, Any]) -> dict[str, Any]:
    return {"id": user["id"], "address": user["userPrincipalName"]}


def _young(intent: Intent) -> bool:
    """A new object may answer 404 for a while; so long the answer proves nothing."""
    return (datetime.now(timezone.utc) - intent.opened_at).total_seconds() < 60


def _password() -> str:
    """A random initial password. It is discarded at once: people sign in first with a pass that is made when asked for."""
    alphabet = string.ascii_letters + string.digits
    return "aA1!" + "".join(secrets.choice(alphabet) for _ in range(40))
