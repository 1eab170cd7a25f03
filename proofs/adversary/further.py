"""Further mutants, written after the judges: the share that they catch unchanged says what they are worth."""

from __future__ import annotations

import uuid
from dataclasses import replace
from typing import Any

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from pydantic import ConfigDict

from agent_ops.domain import contents, reserved
from agent_ops.domain.effects import Action, Intent, Proposal, effect_key
from agent_ops.domain.policy import EntitlementPolicy
from agent_ops.graphs import nodes, planner_graph
from agent_ops.ledger import attempt, door
from agent_ops.ledger.binding import Binder
from agent_ops.ledger.grants import GrantBook
from agent_ops.ledger.guard import Guard
from agent_ops.ledger.keying import Keys
from agent_ops.runtime import compose, edge
from agent_ops.storage.effects import Effects
from agent_ops.storage.runs import Logs, Runs
from agent_ops.tools.choices import NoChoice
from agent_ops.tools.effect_tool import EffectTool
from proofs.adversary.mutants import Mutant, Patch


def _bound(patch: Patch, method: str, change: Any) -> None:
    """What a method of the binder binds, changed."""
    original = vars(Binder)[method]
    patch(
        Binder,
        **{method: lambda binder, tx, intent, employee, grant: change(original(binder, tx, intent, employee, grant), intent)},
    )


def _longer_grants(patch: Patch) -> None:
    denial = Guard.denial
    patch(Guard, denial=lambda guard, proposal, grant, employee, now: denial(guard, proposal, grant, employee, grant.issued_at))


def _yesterdays_policy(patch: Patch) -> None:
    def denial(guard: Guard, proposal: Proposal, grant: Any, employee: Any, now: Any) -> str | None:
        return None if proposal in grant.effects and now < grant.expires_at else "no"

    patch(Guard, denial=denial)


def _no_scopes(patch: Patch) -> None:
    patch(edge, check_caller=lambda request, caller: None)


def _new_message_ids(patch: Patch) -> None:
    _bound(patch, "_mail", lambda pinned, intent: {**pinned, "message_id": f"<{uuid.uuid4().hex}.1@agent-ops.acme.example>"})


def _copies(patch: Patch) -> None:
    _bound(patch, "_mail", lambda pinned, intent: {**pinned, "cc": "audit@acme.example"})


def _higher_role(patch: Patch) -> None:
    _bound(patch, "_pipeline", lambda pinned, intent: {**pinned, "parameters": {**pinned["parameters"], "ROLE": "root"}})


def _admins_group(patch: Patch) -> None:
    _bound(patch, "_group", lambda pinned, intent: {**pinned, "group": "7c1d5a0e-52a7-4f63-9a3c-0d6f3f7b1a03"})


def _department(patch: Patch) -> None:
    _bound(patch, "_attributes", lambda p, intent: {**p, "attributes": {**p["attributes"], "department": "Security"}})


def _keys_by_run(patch: Patch) -> None:
    opened = Effects.open

    def other(keys: Keys, proposal: Proposal) -> str:
        runs = len(keys._tx.runs.of_employee(keys._employee_id))
        return effect_key(keys._employee_id, proposal.action, proposal.item, runs)

    patch(Keys, of=other)
    patch(Effects, open=opened)


def _quiet_intents(patch: Patch) -> None:
    audit = Logs.audit
    patch(Logs, audit=lambda logs, kind, *more, **named: None if kind == "intent" else audit(logs, kind, *more, **named))


def _leases_for_ever(patch: Patch) -> None:
    patch(Runs, holds=lambda runs, run_id, owner, until: True)


def _links(patch: Patch) -> None:
    patch(contents, unlinked=lambda line: line)


def _reserved(patch: Patch) -> None:
    from agent_ops.domain import addresses  # noqa: PLC0415 - where the names were bound

    patch(addresses, why_reserved=lambda words, local: None, is_reserved=lambda local: False)
    assert reserved.RESERVED


def _all_that_is_allowed(patch: Patch) -> None:
    due = EntitlementPolicy.due
    patch(
        EntitlementPolicy,
        due=lambda policy, profile, asked: due(policy, profile, sorted(policy.entitlements_of(profile).allowed)),
    )


def _eager_memory(patch: Patch) -> None:
    recall = nodes.recall

    async def learned(state: Any, runtime: Any) -> Any:
        await runtime.context.patterns.learn(runtime.context.run_id)
        return await recall(state, runtime)

    patch(planner_graph, recall=learned)


def _others_grant(patch: Patch) -> None:
    of_run = GrantBook.of_run

    def any_sealed(book: GrantBook, tx: Any, run_id: str) -> Any:
        grant = tx.runs.grant(run_id)
        return replace(grant, run_id=run_id) if grant is not None and grant.run_id != run_id else of_run(book, tx, run_id)

    patch(GrantBook, of_run=any_sealed)


def _open_checkpoints(patch: Patch) -> None:
    patch(compose, JsonPlusSerializer=lambda **more: JsonPlusSerializer(pickle_fallback=True, allowed_msgpack_modules=True))


def _lenient_arguments(patch: Patch) -> None:
    async def lenient(tool: EffectTool, arguments: Any, *more: Any, **named: Any) -> Any:
        given = {"context": arguments["args"]["context"], "item": str(arguments["args"].get("item") or "") or None}
        return await original(tool, {**arguments, "args": {k: v for k, v in given.items() if v is not None}}, *more, **named)

    original = EffectTool.ainvoke
    patch(NoChoice, model_config=ConfigDict(extra="ignore"))
    patch(EffectTool, ainvoke=lenient)


def _no_lock(patch: Patch) -> None:
    patch(attempt, MAX_OTHER_VALUES=1)
    sending = door.Ledger._sending

    async def twice(ledger: door.Ledger, intent: Intent, seconds: float) -> Any:
        by = await sending(ledger, intent, seconds)
        if intent.proposal.action is Action.RUN_PIPELINE:
            await ledger.adapters[intent.proposal.action].send(intent)
        return by

    patch(door.Ledger, _sending=twice)


FURTHER = (
    Mutant("I10", "a grant never expires", _longer_grants),
    Mutant("I2", "today's policy is not asked", _yesterdays_policy),
    Mutant("I9", "a caller needs no scope", _no_scopes),
    Mutant("I5", "each mail has a Message-ID of its own", _new_message_ids),
    Mutant("I5", "mails go in copy to somebody", _copies),
    Mutant("I2", "a build gets another role than the catalogue's", _higher_role),
    Mutant("I4", "every group is the administrators'", _admins_group),
    Mutant("I1", "everybody's department is Security", _department),
    Mutant("I3", "keys count the runs", _keys_by_run),
    Mutant("I3", "a build is sent twice", _no_lock),
    Mutant("I11", "intents are not in the audit", _quiet_intents),
    Mutant("I10", "leases are not looked at", _leases_for_ever),
    Mutant("I5", "mails keep links", _links),
    Mutant("I13", "no name is reserved", _reserved),
    Mutant("I2", "a grant has all that policy allows", _all_that_is_allowed),
    Mutant("I16", "memory learns when it is asked", _eager_memory),
    Mutant("I12", "another run's sealed grant serves", _others_grant),
    Mutant("I17", "checkpoints may hold code", _open_checkpoints),
    Mutant("I17", "arguments that no tool has are dropped", _lenient_arguments),
)
