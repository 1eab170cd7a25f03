"""The one door: what it lets through, how often, and what it says when a service misbehaves."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from agent_ops import Caller, EntitlementPolicy, Profile
from agent_ops.domain.access import ItemStatus
from agent_ops.domain.effects import Action, Completed, EffectState, Finding, Outcome, OutcomeKind, Proposal, effect_key
from agent_ops.domain.errors import ConfigurationError, LeaseLost, ServiceRefused
from agent_ops.domain.notices import Contacts
from agent_ops.domain.runs import Request, Run
from agent_ops.ledger.binding import Binder
from agent_ops.ledger.door import Ledger
from agent_ops.ledger.grants import GrantBook, SealingKeys
from agent_ops.ledger.guard import Guard
from agent_ops.runtime.edge import Edge
from agent_ops.runtime.granting import Granting
from agent_ops.storage import Store
from tests.conftest import IMPATIENT
from tests.fakes import FakeServices

ACCOUNT = Proposal("entra", Action.CREATE_ACCOUNT, "account")
AWS = Proposal("jenkins", Action.RUN_PIPELINE, "aws")
MAIL = Proposal("notify", Action.SEND_MAIL, "account")
FAR = 4_000_000_000.0


class Bench:
    """A ledger over a fresh database and fake services, with one admitted and leased run."""

    def __init__(self, store: Store, policy: EntitlementPolicy, fakes: FakeServices) -> None:
        self.store, self.policy, self.fakes = store, policy, fakes
        self.grants = GrantBook(store, SealingKeys("k1", {"k1": b"seal"}))

    def ledger(self, owner: str = "me", policy: EntitlementPolicy | None = None) -> Ledger:
        policy = policy or self.policy
        binder = Binder(policy, Contacts("first@acme.example", "second@acme.example"))
        return Ledger(self.store, self.grants, Guard(policy), binder, self.fakes.adapters(), owner, IMPATIENT)

    async def run(self, name: str = "Ana Silva", owner: str = "me", lease_until: float = FAR) -> Run:
        edge = Edge(self.store, self.policy, Granting(self.policy, self.grants), b"identity")
        request = Request(Profile(name, "Engineering", external_id=name), ("aws", "github"))
        run = await edge.admit(request, Caller("tester"))
        await self.store.transaction(lambda tx: tx.runs.claim(owner, 1.0, lease_until))
        return run

    async def item(self, run: Run, key: str) -> ItemStatus | None:
        items = await self.store.read(lambda tx: tx.people.items(run.employee_id))
        return next((item.status for item in items if item.item == key), None)

    async def audit(self) -> list[str]:
        def kinds(conn: sqlite3.Connection) -> list[str]:
            return [row[0] for row in conn.execute("SELECT kind FROM audit ORDER BY id")]

        return await self.store.read(lambda tx: kinds(tx.logs._db.conn))


@pytest.fixture
async def bench(tmp_path: Path, policy: EntitlementPolicy, fakes: FakeServices) -> AsyncIterator[Bench]:
    store = await Store(tmp_path / "operations.db", b"audit").open()
    yield Bench(store, policy, fakes)
    await store.close()


async def test_a_success_is_returned_and_never_repeated(bench: Bench) -> None:
    run, ledger = await bench.run(), bench.ledger()
    first = await ledger.perform(run.id, ACCOUNT)
    again = await ledger.perform(run.id, ACCOUNT)
    assert first.succeeded
    assert again == first
    assert bench.fakes[Action.CREATE_ACCOUNT].sends == 1


async def test_forty_calls_at_once_in_two_processes_make_one_effect(bench: Bench) -> None:
    run = await bench.run()
    await bench.ledger().perform(run.id, ACCOUNT)
    bench.fakes[Action.RUN_PIPELINE].seconds = 0.02
    # "me too" does not hold the lease: it may wait for what "me" brings home, or let go, but never send
    ledgers = [bench.ledger("me"), bench.ledger("me too")]
    outcomes = await asyncio.gather(*(ledgers[n % 2].perform(run.id, AWS) for n in range(40)), return_exceptions=True)
    assert all(isinstance(o, LeaseLost) or (isinstance(o, Outcome) and o.succeeded) for o in outcomes), outcomes
    assert not any(isinstance(o, LeaseLost) for o in outcomes[::2])
    assert len(bench.fakes[Action.RUN_PIPELINE].done) == 1


@pytest.mark.parametrize(
    "proposal",
    [
        Proposal("entra", Action.RUN_PIPELINE, "aws"),
        Proposal("github", Action.CREATE_ACCOUNT, "account"),
        Proposal("jenkins", Action.RUN_PIPELINE, "database"),
        Proposal("jenkins", Action.RUN_PIPELINE, "provision-prod-root"),
        Proposal("jenkins", Action.RUN_PIPELINE, "aws\n"),
        Proposal("entra", Action.ADD_TO_GROUP, "m365"),
        Proposal("notify", Action.SEND_MAIL, "everyone@evil.example"),
    ],
)
async def test_what_the_grant_does_not_list_is_denied_and_audited(bench: Bench, proposal: Proposal) -> None:
    run = await bench.run()
    outcome = await bench.ledger().perform(run.id, proposal)
    assert outcome.kind is OutcomeKind.DENIED
    assert all(service.sends == 0 for service in bench.fakes.services.values())
    assert (await bench.audit())[-1] == "denied"


async def test_no_grant_no_effect(bench: Bench) -> None:
    outcome = await bench.ledger().perform("00000000-0000-4000-8000-000000000000", ACCOUNT)
    assert outcome.kind is OutcomeKind.DENIED
    assert bench.fakes[Action.CREATE_ACCOUNT].sends == 0


async def test_an_altered_grant_is_no_grant(bench: Bench) -> None:
    run = await bench.run()

    def alter(conn: sqlite3.Connection) -> None:
        conn.execute("DROP TRIGGER grants_never_change")
        conn.execute("UPDATE grants SET body = replace(body, '\"aws\"', '\"database\"')")

    await bench.store.transaction(lambda tx: alter(tx.runs._db.conn))
    outcome = await bench.ledger().perform(run.id, Proposal("jenkins", Action.RUN_PIPELINE, "database"))
    assert outcome.kind is OutcomeKind.DENIED
    assert "seal" in outcome.message


async def test_grants_are_append_only(bench: Bench) -> None:
    await bench.run()
    for sql in ("UPDATE grants SET seal = ''", "DELETE FROM grants", "DELETE FROM audit", "UPDATE audit SET kind = ''"):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            await bench.store.transaction(lambda tx, sql=sql: tx.runs._db.conn.execute(sql))


async def test_an_expired_grant_is_denied(bench: Bench) -> None:
    run = await bench.run()
    ledger = bench.ledger()
    grant = await bench.grants.load(run.id)
    employee = await bench.store.read(lambda tx: tx.people.get(run.employee_id))
    assert employee is not None
    late = datetime.now(timezone.utc) + timedelta(days=400)
    assert "expired" in (ledger.guard.denial(ACCOUNT, grant, employee, late) or "")


async def test_a_grant_is_never_more_than_todays_policy(bench: Bench) -> None:
    run = await bench.run()
    engineering = bench.policy.teams["engineering"]
    less = replace(engineering, own=replace(engineering.own, allowed=engineering.own.allowed - {"aws"}, birthright=frozenset()))
    today = replace(bench.policy, teams={**bench.policy.teams, "engineering": less})
    await bench.ledger().perform(run.id, ACCOUNT)
    outcome = await bench.ledger(policy=today).perform(run.id, AWS)
    assert outcome.kind is OutcomeKind.DENIED
    assert await bench.item(run, "aws") is ItemStatus.DENIED


async def test_an_item_needs_the_account_first(bench: Bench) -> None:
    run = await bench.run()
    outcome = await bench.ledger().perform(run.id, AWS)
    assert outcome.kind is OutcomeKind.FAILED
    assert bench.fakes[Action.RUN_PIPELINE].sends == 0


async def test_a_taken_address_is_replaced_under_the_same_key(bench: Bench) -> None:
    run = await bench.run()
    bench.fakes[Action.CREATE_ACCOUNT].foreign_addresses = {"ana.silva@acme.example", "ana.silva2@acme.example"}
    outcome = await bench.ledger().perform(run.id, ACCOUNT)
    assert outcome.result["address"] == "ana.silva3@acme.example"
    assert len(bench.fakes[Action.CREATE_ACCOUNT].done) == 1


async def test_addresses_are_never_given_to_a_second_person(bench: Bench) -> None:
    first, second = await bench.run("Ana Silva"), await bench.run("Ana  Silvá")
    ledger = bench.ledger()
    given = [(await ledger.perform(run.id, ACCOUNT)).result["address"] for run in (first, second)]
    assert given == ["ana.silva@acme.example", "ana.silva2@acme.example"]


@pytest.mark.parametrize("trouble", [["refuse"], ["drop_before"], ["drop_after"], ["refuse", "drop_after"]])
@pytest.mark.parametrize("proposal", [ACCOUNT, AWS, MAIL])
async def test_trouble_on_the_way_ends_in_exactly_one_effect(bench: Bench, proposal: Proposal, trouble: list[str]) -> None:
    run, ledger = await bench.run(), bench.ledger()
    if proposal is not ACCOUNT:
        await ledger.perform(run.id, ACCOUNT)
    service = bench.fakes[proposal.action]
    service.trouble.kinds = list(trouble)
    outcome = await ledger.perform(run.id, proposal)
    assert outcome.succeeded, outcome
    if proposal is MAIL:
        sent = {(intent.pinned["message_id"], intent.marker) for intent in service.done.values()}
        assert [message_id for message_id, marker in sent] == [f"<{marker}@agent-ops.acme.example>" for _, marker in sent]
        assert len(sent) == 1
    else:
        assert len(service.done) == 1


async def test_a_service_that_stays_down_fails_the_item_with_its_last_answer(bench: Bench) -> None:
    run, ledger = await bench.run(), bench.ledger()
    await ledger.perform(run.id, ACCOUNT)
    bench.fakes[Action.RUN_PIPELINE].trouble.kinds = ["refuse"] * 50
    outcome = await ledger.perform(run.id, AWS)
    assert outcome.kind is OutcomeKind.FAILED
    assert "is down" in outcome.message
    assert await bench.item(run, "aws") is ItemStatus.FAILED


async def test_where_absence_cannot_be_proved_nothing_is_repeated(bench: Bench) -> None:
    run, ledger = await bench.run(), bench.ledger()
    await ledger.perform(run.id, ACCOUNT)
    service = bench.fakes[Action.RUN_PIPELINE]
    service.trouble.kinds, service.forgetful = ["drop_after"], True
    outcome = await ledger.perform(run.id, AWS)
    assert outcome.kind is OutcomeKind.UNKNOWN
    assert service.sends == 1
    assert await bench.item(run, "aws") is ItemStatus.UNKNOWN
    assert (await ledger.perform(run.id, AWS)).kind is OutcomeKind.UNKNOWN
    assert service.sends == 1


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ConfigurationError("the parameter is no JSON"), OutcomeKind.FAILED),
        (ServiceRefused("fake", "no such job"), OutcomeKind.FAILED),
        (KeyError("id"), OutcomeKind.UNKNOWN),
    ],
)
async def test_whatever_an_adapter_raises_the_item_does_not_stay_in_progress(
    bench: Bench, error: Exception, kind: OutcomeKind
) -> None:
    run, ledger = await bench.run(), bench.ledger()
    await ledger.perform(run.id, ACCOUNT)

    async def broken(intent: object) -> Completed:
        raise error

    service = bench.fakes[Action.RUN_PIPELINE]
    service.send = broken  # type: ignore[method-assign, assignment]
    assert (await ledger.perform(run.id, AWS)).kind is kind
    assert await bench.item(run, "aws") is ItemStatus(kind.value)


async def test_a_result_that_cannot_be_read_is_unknown(bench: Bench) -> None:
    run, ledger = await bench.run(), bench.ledger()
    await ledger.perform(run.id, ACCOUNT)

    async def refused(intent: object) -> Completed:
        raise ServiceRefused("fake", "answered 403")

    bench.fakes[Action.RUN_PIPELINE].follow = refused  # type: ignore[method-assign, assignment]
    outcome = await ledger.perform(run.id, AWS)
    assert outcome.kind is OutcomeKind.UNKNOWN
    assert "answered 403" in outcome.message


async def test_a_look_up_that_is_refused_proves_nothing(bench: Bench) -> None:
    run, ledger = await bench.run(), bench.ledger()
    await ledger.perform(run.id, ACCOUNT)
    service = bench.fakes[Action.RUN_PIPELINE]
    service.trouble.kinds = ["drop_after"]

    async def refused(intent: object) -> Finding:
        raise ServiceRefused("fake", "answered 403")

    service.look_up = refused  # type: ignore[method-assign, assignment]
    assert (await ledger.perform(run.id, AWS)).kind is OutcomeKind.UNKNOWN
    assert service.sends == 1


async def test_a_failed_attempt_stays_closed(bench: Bench) -> None:
    run, ledger = await bench.run(), bench.ledger()
    await ledger.perform(run.id, ACCOUNT)
    service = bench.fakes[Action.RUN_PIPELINE]
    service.failing_items = {"aws"}
    first = await ledger.perform(run.id, AWS)
    service.failing_items = set()
    assert (await ledger.perform(run.id, AWS)) == first
    assert first.kind is OutcomeKind.FAILED
    assert service.sends == 1


async def test_the_intent_is_committed_before_anything_is_sent(bench: Bench) -> None:
    run, ledger = await bench.run(), bench.ledger()
    service, seen = bench.fakes[Action.CREATE_ACCOUNT], []
    send = service.send

    async def spying(intent):  # type: ignore[no-untyped-def]
        seen.append(await bench.store.read(lambda tx: tx.effects.get(intent.key)))
        return await send(intent)

    service.send = spying  # type: ignore[method-assign]
    await ledger.perform(run.id, ACCOUNT)
    assert [intent.state for intent in seen] == [EffectState.OPEN]
    assert seen[0].pinned["userPrincipalName"] == "ana.silva@acme.example"
    assert "password" not in str(seen[0].pinned).lower()


async def test_an_intent_left_open_by_a_dead_process_is_adopted(bench: Bench) -> None:
    run = await bench.run(owner="dead")
    await bench.ledger("dead").perform(run.id, ACCOUNT)
    service = bench.fakes[Action.RUN_PIPELINE]
    service.trouble.kinds = ["drop_after"]
    task = asyncio.ensure_future(bench.ledger("dead").perform(run.id, AWS))
    while not service.done:
        await asyncio.sleep(0)
    task.cancel()
    await bench.store.transaction(lambda tx: tx.runs.release(run.id, "dead"))
    await bench.store.transaction(lambda tx: tx.runs.claim("heir", 1.0, FAR))
    outcome = await bench.ledger("heir").perform(run.id, AWS)
    assert outcome.succeeded
    assert service.sends == 1


async def test_who_lost_the_lease_sends_nothing(bench: Bench) -> None:
    run = await bench.run(lease_until=1.0)
    with pytest.raises(LeaseLost):
        await bench.ledger().perform(run.id, ACCOUNT)
    assert bench.fakes[Action.CREATE_ACCOUNT].sends == 0


async def test_an_owner_sends_only_while_its_lease_outlasts_the_call(bench: Bench) -> None:
    bench.fakes[Action.CREATE_ACCOUNT].call_timeout = 60.0  # long enough for a busy machine to open the intent meanwhile
    run = await bench.run(lease_until=time.time() + 30)
    with pytest.raises(LeaseLost, match="too short"):
        await bench.ledger().perform(run.id, ACCOUNT)
    assert bench.fakes[Action.CREATE_ACCOUNT].sends == 0


def test_keys_are_made_of_employee_action_item_and_generation_only() -> None:
    key = effect_key("e", Action.RUN_PIPELINE, "aws")
    assert key == effect_key("e", Action.RUN_PIPELINE, "aws", 0)
    others = {
        effect_key("f", Action.RUN_PIPELINE, "aws"),
        effect_key("e", Action.ADD_TO_GROUP, "aws"),
        effect_key("e", Action.RUN_PIPELINE, "github"),
        effect_key("e", Action.RUN_PIPELINE, "aws", 1),
    }
    assert len(others | {key}) == 5
