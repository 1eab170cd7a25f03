"""Which key a proposal has now: from employee, action, item and the item's generation."""

from __future__ import annotations

from agent_ops.domain.effects import ITEM_ACTIONS, SIGN_IN_ACTIONS, Action, EffectState, Proposal, effect_key
from agent_ops.ledger import access_passes
from agent_ops.storage import Tx


class Keys:
    """The keys of one employee's effects, within a transaction.

    An item that was taken back and is given again is another effect: its generation has risen. Taking back belongs to the
    generation that it ends, so that a repeated call finds its own success.
    """

    def __init__(self, tx: Tx, employee_id: str) -> None:
        self._tx, self._employee_id = tx, employee_id
        self._generations = tx.people.generations(employee_id)

    def of(self, proposal: Proposal) -> str:
        """The proposal's key."""
        if proposal.action in SIGN_IN_ACTIONS:
            return access_passes.key_of(self._tx, self._employee_id, proposal.action)
        generation = self._generations.get(proposal.item, 0)
        if proposal.action is Action.REVOKE_PIPELINE:
            given = self._tx.effects.get(effect_key(self._employee_id, Action.RUN_PIPELINE, proposal.item, generation))
            stands = given is not None and given.state is EffectState.SUCCEEDED
            return effect_key(self._employee_id, proposal.action, proposal.item, generation if stands else max(0, generation - 1))
        return effect_key(self._employee_id, proposal.action, proposal.item, generation if proposal.action in ITEM_ACTIONS else 0)
