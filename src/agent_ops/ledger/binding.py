"""From a granted proposal to every value that will be sent: bound by code from grant, catalogue and records.

No argument of a write comes from a planner, a model or anything that was read.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import Any

from agent_ops.domain.addresses import candidates
from agent_ops.domain.effects import Action, Proposal
from agent_ops.domain.employee import Employee
from agent_ops.domain.errors import AgentOpsError
from agent_ops.domain.notices import Contacts, Notice, compose
from agent_ops.domain.policy import EntitlementPolicy, GroupItem, PipelineItem
from agent_ops.storage import Tx

MAX_ADDRESS_CANDIDATES = 1000


@dataclass(frozen=True)
class Binder:
    """Binds values inside the transaction that writes the intent, so that a reserved address is reserved with it."""

    policy: EntitlementPolicy
    contacts: Contacts

    def bind(self, tx: Tx, proposal: Proposal, employee: Employee, marker: str) -> dict[str, Any]:
        """The values to pin.

        Raises:
            AgentOpsError: when something that they need is not there.
        """
        if proposal.action is Action.CREATE_ACCOUNT:
            return self._account(tx, employee)
        if proposal.action is Action.SEND_MAIL:
            return self._mail(tx, Notice(proposal.item), employee, marker)
        item = self.policy.catalogue[proposal.item]
        if isinstance(item, PipelineItem):
            return _pipeline(item, employee, marker)
        return _group(item, employee)

    def _account(self, tx: Tx, employee: Employee) -> dict[str, Any]:
        names = islice(candidates(employee.profile.name, self.policy.domain), MAX_ADDRESS_CANDIDATES)
        address = tx.people.reserve_address(employee.id, names)
        return {
            "accountEnabled": True,
            "displayName": employee.profile.name,
            "mailNickname": address.partition("@")[0],
            "userPrincipalName": address,
        }

    def _mail(self, tx: Tx, notice: Notice, employee: Employee, marker: str) -> dict[str, Any]:
        letter = compose(notice, employee, tx.people.items(employee.id))
        return {
            "recipient": self.contacts.recipient(notice),
            "subject": letter.subject,
            "body": letter.body,
            "message_id": f"<{marker}@agent-ops.{self.policy.domain}>",
        }


def _pipeline(item: PipelineItem, employee: Employee, marker: str) -> dict[str, Any]:
    if not employee.address:
        raise AgentOpsError(f"{item.key} needs the account, which does not exist", "Create the account first.")
    return {
        "job": item.pipeline,
        "parameters": {**item.parameters, item.user_parameter: employee.address, item.request_id_parameter: marker},
        "request_id_parameter": item.request_id_parameter,
        "timeout_seconds": item.timeout_seconds,
    }


def _group(item: GroupItem, employee: Employee) -> dict[str, Any]:
    if not employee.entra_id:
        raise AgentOpsError(f"{item.key} needs the account, which does not exist", "Create the account first.")
    return {"group": item.group, "member": employee.entra_id}
