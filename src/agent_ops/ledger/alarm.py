"""The mails that tell of a breaker: written into the outbox with it, so that they go once whatever becomes of the run."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

from agent_ops.domain.effects import Action, Intent, Proposal, effect_key
from agent_ops.domain.limits import Breaker
from agent_ops.domain.notices import Contacts
from agent_ops.ledger.recording import record_intent
from agent_ops.notices import compose_alarm
from agent_ops.storage import Tx

AGENT, ALARM = "notify", "breaker"


def write_alarms(tx: Tx, breaker: Breaker, employee_id: str, contacts: Contacts, domain: str) -> None:
    """An intent for each point of contact. No grant lists it, nobody proposes it: who, what and when are code's alone."""
    letter, now = compose_alarm(breaker), datetime.now(timezone.utc)
    for number, recipient in enumerate(dict.fromkeys(filter(None, (contacts.first, contacts.second))), start=1):
        proposal = Proposal(AGENT, Action.SEND_MAIL, f"{ALARM}.{breaker.id}.{number}")
        key = effect_key(employee_id, proposal.action, proposal.item)
        written = {"recipient": recipient, "subject": letter.subject, "body": letter.text, "html": letter.html}
        intent = Intent(key, breaker.run_id, employee_id, proposal, 1, written, now, lands_by=now)
        intent = replace(intent, pinned={**written, "message_id": f"<{intent.marker}@agent-ops.{domain}>"})
        tx.effects.open(intent)
        record_intent(tx, intent)
