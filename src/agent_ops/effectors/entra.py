"""Microsoft Entra ID: accounts, what completes them, and group memberships, by Microsoft Graph.

https://learn.microsoft.com/graph/api/resources/user and group-post-members
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote

from agent_ops.domain.effects import Accepted, Action, Completed, Failed, Finding, Foreseen, Held, Intent, Presence, Waiting
from agent_ops.domain.errors import AgentOpsError, ServiceAmbiguous
from agent_ops.effectors.access_passes import AccessPasses
from agent_ops.effectors.directory import Directory
from agent_ops.effectors.entra_accounts import SERVICE, Accounts
from agent_ops.effectors.graph import GraphSession
from agent_ops.effectors.licences import Licences
from agent_ops.transport.graph import GraphError

_ALREADY_A_MEMBER = "added object references already exist"
_YOUNG_SECONDS = 60

Sent = Accepted | Completed | Failed | Held


class EntraEffector:
    """Creates accounts, completes them, adds them to groups and makes passes for their first sign-in.

    Graph has no idempotency key. A repeated POST of an account is harmless because userPrincipalName is unique, everything
    else because it sets what it says: twice is as good as once.
    """

    def __init__(self, graph: GraphSession, marker_attribute: str = "extensionAttribute15") -> None:
        self._graph, self._directory = graph, Directory(graph)
        self._accounts, self._licences = Accounts(graph, marker_attribute), Licences(graph)
        self._passes = AccessPasses(graph, marker_attribute)
        self._ways: dict[Action, Callable[[Intent], Awaitable[Sent]]] = {
            Action.RESERVE_ADDRESS: self._accounts.reserve,
            Action.CREATE_ACCOUNT: self._accounts.create,
            Action.LINK_ACCOUNT: self._accounts.link,
            Action.SET_ATTRIBUTES: self._set_attributes,
            Action.SET_MANAGER: self._set_manager,
            Action.ENABLE_ACCOUNT: self._enable,
            Action.DISABLE_ACCOUNT: self._disable,
            Action.ADD_TO_GROUP: self._add_to_group,
            Action.ISSUE_ACCESS_PASS: self._passes.issue,
            Action.WITHDRAW_ACCESS_PASS: self._passes.withdraw,
        }
        self.actions = frozenset(self._ways)

    @property
    def call_timeout(self) -> float:
        return 4 * self._graph.timeout  # a token, looking at who has the address, the write, and looking again

    async def look_up(self, intent: Intent) -> Finding:
        """Absent means here: sending again is safe, because uniqueness decides and the marker tells."""
        if intent.proposal.action in (Action.CREATE_ACCOUNT, Action.LINK_ACCOUNT):
            return await self._accounts.look_up(intent)
        if intent.proposal.action is Action.ISSUE_ACCESS_PASS:
            return await self._passes.look_up(intent)
        return Finding(Presence.ABSENT, resend_is_safe=True)

    async def send(self, intent: Intent) -> Sent:
        return await self._ways[intent.proposal.action](intent)

    async def foresee(self, intent: Intent) -> Foreseen:
        """By the reads that ``send`` begins with."""
        action = intent.proposal.action
        if action is Action.CREATE_ACCOUNT:
            return await self._accounts.foresee_new(intent)
        if action is Action.RESERVE_ADDRESS:
            return await self._accounts.reserve(intent)
        if action is Action.LINK_ACCOUNT:
            return await self._accounts.foresee_link(intent)
        if action is Action.SET_MANAGER:
            manager = await self._manager(intent)
            return manager if isinstance(manager, Failed) else None
        if action is Action.ADD_TO_GROUP and intent.pinned.get("licence"):
            why = await self._licences.exhausted(intent)
            return Failed(why) if why is not None else None
        return None

    async def follow(self, intent: Intent) -> Completed | Failed | Waiting:
        """Only licences are awaited."""
        if intent.proposal.action is not Action.ADD_TO_GROUP:
            raise AgentOpsError(f"{intent.proposal.action.value} has no result to wait for")
        return await self._licences.assigned(intent)

    async def _set_attributes(self, intent: Intent) -> Completed:
        await self._write("PATCH", f"/users/{quote(intent.pinned['id'])}", intent.pinned["attributes"], intent)
        return Completed({"set": sorted(intent.pinned["attributes"])})

    async def _enable(self, intent: Intent) -> Completed:
        return await self._switch(intent, True)

    async def _disable(self, intent: Intent) -> Completed:
        return await self._switch(intent, False)

    async def _switch(self, intent: Intent, enabled: bool) -> Completed:
        await self._write("PATCH", f"/users/{quote(intent.pinned['id'])}", {"accountEnabled": enabled}, intent)
        return Completed({"id": intent.pinned["id"]})

    async def _set_manager(self, intent: Intent) -> Completed | Failed:
        """https://learn.microsoft.com/graph/api/user-post-manager"""
        manager = await self._manager(intent)
        if isinstance(manager, Failed):
            return manager
        reference = {"@odata.id": f"{self._graph.root}/users/{manager}"}
        await self._write("PUT", f"/users/{quote(intent.pinned['id'])}/manager/$ref", reference, intent)
        return Completed({"manager": manager})

    async def _manager(self, intent: Intent) -> str | Failed:
        """The object id of the manager's account, or why there is not exactly one."""
        account, wanted = intent.pinned["id"], intent.pinned["manager"]
        found = await self._directory.people_called(wanted)
        if len(found) != 1:
            them = ", ".join(user["userPrincipalName"] for user in found)
            return Failed(
                f"{len(found)} accounts match the manager {wanted}: {them}" if found else f"no account matches {wanted}"
            )
        if found[0]["id"] == account:
            return Failed(f"the manager {wanted} is the employee's own account")
        return str(found[0]["id"])

    async def _add_to_group(self, intent: Intent) -> Accepted | Completed | Failed:
        """https://learn.microsoft.com/graph/api/group-post-members"""
        member, group, licence = intent.pinned["member"], intent.pinned["group"], intent.pinned.get("licence")
        if licence and (why := await self._licences.exhausted(intent)) is not None:
            return Failed(why)
        reference = {"@odata.id": f"{self._graph.root}/directoryObjects/{member}"}
        try:
            await self._write("POST", f"/groups/{quote(group)}/members/$ref", reference, intent)
        except GraphError as error:
            if _ALREADY_A_MEMBER not in error.message:
                raise error.refusal from error
        return Accepted({"licence": licence}) if licence else Completed({"member": member, "group": group})

    async def _write(self, method: str, path: str, body: dict[str, Any], intent: Intent) -> None:
        """A write to an account or a group.

        A new account may be unknown to some replica for a while; so long a 404 that names it proves nothing.
        https://learn.microsoft.com/graph/best-practices-concept
        """
        account = intent.pinned.get("id") or intent.pinned.get("member")
        try:
            await self._graph.call(method, path, json=body)
        except GraphError as error:
            if error.status == 404 and str(account) in error.message and _is_young(intent):
                raise ServiceAmbiguous(SERVICE, f"does not know the account yet: {error.refusal.what}") from error
            if _ALREADY_A_MEMBER in error.message:
                raise
            raise error.refusal from error


def _is_young(intent: Intent) -> bool:
    return (datetime.now(timezone.utc) - intent.opened_at).total_seconds() < _YOUNG_SECONDS
