"""From a granted proposal to every value that will be sent: bound by code from grant, catalogue and records.

No argument of a write comes from a planner, a model or anything that was read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any

from agent_ops.domain.access import STANDING, AccessItem, ItemStatus
from agent_ops.domain.account import attributes, start_of
from agent_ops.domain.addresses import candidates
from agent_ops.domain.effects import ITEM_ACTIONS, SIGN_IN_ACTIONS, UNDO_ACTIONS, Action, Intent, Proposal
from agent_ops.domain.employee import Employee
from agent_ops.domain.errors import AgentOpsError, PlanOutdated
from agent_ops.domain.grants import Grant
from agent_ops.domain.notices import Contacts, Notice
from agent_ops.domain.plans import Difference
from agent_ops.domain.policy import EntitlementPolicy, GroupItem, PipelineItem
from agent_ops.ledger import access_passes
from agent_ops.notices import compose
from agent_ops.storage import Tx

MAX_ADDRESS_CANDIDATES = 1000


@dataclass(frozen=True)
class Binder:
    """Binds values inside the transaction that writes the intent, so that a reserved address is reserved with it."""

    policy: EntitlementPolicy
    contacts: Contacts

    def bind(self, tx: Tx, intent: Intent, employee: Employee, grant: Grant) -> dict[str, Any]:
        """The values to pin.

        Raises:
            AgentOpsError: when something that they need is not there.
            PlanOutdated: the run applies a plan that was made for another policy. (Mails tell of what was done, whatever it is.)
        """
        is_mail, changed = intent.proposal.action is Action.SEND_MAIL, grant.policy_version != self.policy.version
        if changed and not is_mail and tx.runs.has_plan(grant.run_id):
            raise PlanOutdated([Difference(intent.proposal, "policy", grant.policy_version, self.policy.version)])
        return {
            Action.RESERVE_ADDRESS: self._reserved,
            Action.CREATE_ACCOUNT: self._new_account,
            Action.LINK_ACCOUNT: self._linked_account,
            Action.SET_ATTRIBUTES: self._attributes,
            Action.SET_MANAGER: self._manager,
            Action.ENABLE_ACCOUNT: self._enabled,
            Action.ADD_TO_GROUP: self._group,
            Action.RUN_PIPELINE: self._pipeline,
            Action.SEND_MAIL: self._mail,
            Action.DISABLE_ACCOUNT: self._disabled,
            Action.REVOKE_PIPELINE: self._revocation,
            Action.ISSUE_ACCESS_PASS: self._access_pass,
            Action.WITHDRAW_ACCESS_PASS: self._access_pass,
        }[intent.proposal.action](tx, intent, employee, grant)

    def readdressed(self, tx: Tx, intent: Intent, employee: Employee) -> dict[str, Any]:
        """The pinned values of an account whose address belongs to somebody else, with the next free one."""
        return {**intent.pinned, **self._address(tx, employee)}

    def not_before(self, proposal: Proposal, employee: Employee) -> datetime | None:
        """The moment before which an effect must not happen."""
        if proposal.action is not Action.ENABLE_ACCOUNT:
            return None
        return start_of(employee.profile, self.policy.post_of(employee.profile))

    def _address(self, tx: Tx, employee: Employee) -> dict[str, Any]:
        """The one reserved already, by an earlier run or an applied plan, else the next that is free."""
        names = islice(candidates(employee.profile.name, self.policy.domain), MAX_ADDRESS_CANDIDATES)
        held = tx.people.address_of(employee.id, self.policy.domain)
        address = held or tx.people.reserve_address(employee.id, names)
        return {"mailNickname": address.partition("@")[0], "userPrincipalName": address}

    def _reserved(self, tx: Tx, intent: Intent, employee: Employee, grant: Grant) -> dict[str, Any]:
        return self._address(tx, employee)

    def _new_account(self, tx: Tx, intent: Intent, employee: Employee, grant: Grant) -> dict[str, Any]:
        """An account that the grant enables later is created disabled."""
        request = tx.people.request_of(employee.id)
        return {
            "accountEnabled": all(p.action is not Action.ENABLE_ACCOUNT for p in grant.effects),
            "displayName": employee.profile.name,
            "newPerson": bool(request and request.new_person),
            **self._address(tx, employee),
        }

    def _linked_account(self, tx: Tx, intent: Intent, employee: Employee, grant: Grant) -> dict[str, Any]:
        request = tx.people.request_of(employee.id)
        if request is None or request.link_existing is None:
            raise AgentOpsError("the request names no account to link")
        return {"id": request.link_existing}

    def _attributes(self, tx: Tx, intent: Intent, employee: Employee, grant: Grant) -> dict[str, Any]:
        values = attributes(employee.profile, self.policy.post_of(employee.profile))
        return {"id": _account_of(employee, "attributes"), "attributes": values}

    def _manager(self, tx: Tx, intent: Intent, employee: Employee, grant: Grant) -> dict[str, Any]:
        return {"id": _account_of(employee, "manager"), "manager": employee.profile.manager}

    def _enabled(self, tx: Tx, intent: Intent, employee: Employee, grant: Grant) -> dict[str, Any]:
        return {"id": _account_of(employee, "enabling")}

    def _group(self, tx: Tx, intent: Intent, employee: Employee, grant: Grant) -> dict[str, Any]:
        item = self.policy.catalogue[intent.proposal.item]
        assert isinstance(item, GroupItem)  # noqa: S101 - the guard compared the kinds
        awaited = {"licence": item.licence, "mailbox": item.mailbox, "timeout_seconds": item.timeout_seconds}
        return {"group": item.group, "member": _account_of(employee, item.key), **awaited}

    def _pipeline(self, tx: Tx, intent: Intent, employee: Employee, grant: Grant) -> dict[str, Any]:
        item = self.policy.catalogue[intent.proposal.item]
        assert isinstance(item, PipelineItem)  # noqa: S101 - the guard compared the kinds
        _account_of(employee, item.key)
        if not employee.address:
            raise AgentOpsError(f"{item.key} needs the employee's address, which was cleared", "Restore it, then retry.")
        until = tx.choices.until(employee.id, item.key) if item.auto else ""
        expiry = {item.auto.parameter: until} if item.auto and until else {}
        return {
            "instance": item.instance,
            "job": item.pipeline,
            "parameters": {
                **item.parameters,
                **expiry,
                item.user_parameter: employee.address,
                item.request_id_parameter: intent.marker,
            },
            "request_id_parameter": item.request_id_parameter,
            "timeout_seconds": item.timeout_seconds,
            "unstable_is_success": item.unstable_is_success,
            "idempotent": item.idempotent,
        }

    def _disabled(self, tx: Tx, intent: Intent, employee: Employee, grant: Grant) -> dict[str, Any]:
        return {"id": _account_of(employee, "disabling")}

    def _revocation(self, tx: Tx, intent: Intent, employee: Employee, grant: Grant) -> dict[str, Any]:
        item = self.policy.catalogue[intent.proposal.item]
        assert isinstance(item, PipelineItem)  # noqa: S101 - the guard compared the kinds
        if not item.revoke:
            raise AgentOpsError(f"the catalogue has no pipeline that takes {item.key} back")
        bound = self._pipeline(tx, intent, employee, grant)
        own = {
            name: value
            for name, value in bound["parameters"].items()
            if name not in item.parameters and not (item.auto and name == item.auto.parameter)
        }
        return {**bound, "job": item.revoke, "parameters": own}

    def _access_pass(self, tx: Tx, intent: Intent, employee: Employee, grant: Grant) -> dict[str, Any]:
        return access_passes.bound(tx, intent, employee, self.policy.first_sign_in)

    def _mail(self, tx: Tx, intent: Intent, employee: Employee, grant: Grant) -> dict[str, Any]:
        notice = Notice.of(intent.proposal.item)
        titles = {key: item.title for key, item in self.policy.catalogue.items()}
        effects = tx.effects.of_employee(employee.id)
        parts, undone = _parts(grant, effects, _PART_ACTIONS), _parts(grant, effects, UNDO_ACTIONS)
        undone = undone if any(p.action in UNDO_ACTIONS for p in grant.effects) else ()
        items, evaluation = tx.people.items(employee.id), tx.tasks.evaluation(intent.run_id)
        letter = compose(notice, employee, items, parts=parts, undone=undone, titles=titles, evaluation=evaluation)
        contacts = self.policy.contacts_of(employee.profile, self.contacts)
        return {
            "recipient": contacts.recipient(notice),
            "subject": letter.subject,
            "body": letter.text,
            "html": letter.html,
            "message_id": f"<{intent.marker}@agent-ops.{self.policy.domain}>",
        }


_PART_ACTIONS = frozenset(Action) - ITEM_ACTIONS - UNDO_ACTIONS - SIGN_IN_ACTIONS - {Action.SEND_MAIL}


def _parts(grant: Grant, effects: Iterable[Intent], actions: frozenset[Action]) -> tuple[AccessItem, ...]:
    """Effects of some kinds, told like access items: what was tried, and what the grant still has to begin."""
    tried = {i.proposal: i for i in effects if i.proposal.action in actions}
    begun = [AccessItem(p.item, STANDING[i.state], i.reason) for p, i in tried.items()]
    due = [AccessItem(p.item, ItemStatus.PENDING) for p in grant.effects if p.action in actions and p not in tried]
    return (*begun, *due)


def _account_of(employee: Employee, what: str) -> str:
    """The object id of the employee's account."""
    if not employee.entra_id:
        raise AgentOpsError(f"{what} needs the account, which does not exist", "Create the account first.")
    return employee.entra_id
