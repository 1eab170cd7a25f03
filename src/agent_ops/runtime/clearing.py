"""Forgetting an employee's stored address, on request; the account stays theirs."""

from __future__ import annotations

from agent_ops.domain.employee import Employee
from agent_ops.domain.grants import Caller
from agent_ops.runtime.reports import Reports
from agent_ops.storage import Store, Tx

SCOPE = "delete"


async def clear_address(store: Store, wanted: str, caller: Caller) -> Employee:
    """Make the address of exactly one employee the empty text.

    Raises:
        NotPermitted: the caller lacks the scope. NotFound: nobody is meant. Ambiguous: several people are.
    """
    caller.require(SCOPE)
    employee_id = (await Reports(store).employee(wanted, "name")).id

    def work(tx: Tx) -> Employee:
        tx.people.clear_address(employee_id)
        tx.logs.audit("address_cleared", "", employee_id, detail=f"by={tx.audit.caller(caller.name)}")
        cleared = tx.people.get(employee_id)
        assert cleared is not None  # noqa: S101 - found before, and nobody is ever removed
        return cleared

    return await store.transaction(work)
