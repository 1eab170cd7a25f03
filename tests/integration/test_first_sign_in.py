"""The first sign-in end to end: one usable pass at most, handed to its asker only, whatever happens and whoever asks."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from agent_ops import AgentOps, Caller, Profile, Settings
from agent_ops.domain.decisions import Decision, Situation, Step
from agent_ops.domain.effects import Action, OutcomeKind, Proposal
from agent_ops.domain.errors import InvalidRequest, NoAccessPass, NotFound, NotPermitted
from agent_ops.domain.first_sign_in import AccessPass
from agent_ops.ledger.access_passes import ISSUE, WITHDRAW
from tests.fakes import FakeServices

DESK = Caller("desk", frozenset({"onboard", "status", "passes", "admin"}))


@pytest.fixture
async def desk(settings: Settings, fakes: FakeServices) -> AsyncIterator[AgentOps]:
    async with AgentOps(settings, adapters=fakes.adapters(), caller=DESK) as system:
        yield system


def audit(settings: Settings) -> list[tuple[str, str, str, str]]:
    with contextlib.closing(sqlite3.connect(settings.data_dir / "operations.db")) as conn, conn:
        return list(conn.execute("SELECT kind, subject, action, detail FROM audit ORDER BY id"))


async def refusal(ops: AgentOps, wanted: str) -> str:
    with pytest.raises(NoAccessPass) as refused:
        await ops.first_sign_in(wanted)
    return refused.value.what


# --- who may, for whom, when


async def test_a_pass_is_handed_over_and_audited_by_ids(
    desk: AgentOps, fakes: FakeServices, ana: Profile, settings: Settings
) -> None:
    done = await desk.onboard(ana)
    made = await desk.first_sign_in("ana silva")
    assert (made.employee.id, made.minutes, made.replaced) == (done.employee.id, 60, False)
    assert made.secret.take().startswith("pass-")
    rows = [(kind, action) for kind, subject, action, _ in audit(settings) if subject == done.employee.id]
    issue = Action.ISSUE_ACCESS_PASS.value
    assert rows[-4:] == [("grant", ""), ("intent", issue), ("succeeded", issue), ("run_ended", "")]
    (report,) = await desk.report(made.run_id)
    assert [e.kind for e in [e async for e in desk.events(made.run_id)]] == ["run", "action", "status", "run"]
    assert report.run.status.value == "done"


async def test_the_run_of_a_first_sign_in_is_nobodys_latest_run(desk: AgentOps, ana: Profile) -> None:
    done = await desk.onboard(ana)
    made = await desk.first_sign_in(done.employee.id)
    assert [report.run.id for report in await desk.report("Ana Silva")] == [done.run.id]
    assert (await desk.submit(ana)).id == done.run.id
    with pytest.raises(InvalidRequest, match="first sign-in"):
        await desk.cancel(made.run_id)
    with pytest.raises(InvalidRequest, match="nothing"):
        await desk.cancel(made.run_id, undo=True)


async def test_an_auditors_pack_of_a_person_has_their_first_sign_ins(desk: AgentOps, ana: Profile) -> None:
    done = await desk.onboard(ana)
    made = await desk.first_sign_in(done.employee.id)
    selection = await desk.audit.select(person="Ana Silva")
    assert selection.runs == {done.run.id, made.run_id}
    (grant,) = [row async for row in desk.audit.rows(selection) if (row.kind, row.run_id) == ("grant", made.run_id)]
    assert "by=caller-" in grant.detail


async def test_without_the_scope_there_is_none(ops: AgentOps, fakes: FakeServices, ana: Profile, settings: Settings) -> None:
    await ops.onboard(ana)
    with pytest.raises(NotPermitted, match="passes"):
        await ops.first_sign_in("Ana Silva")
    assert fakes[Action.ISSUE_ACCESS_PASS].sends == 0
    kind, subject, action, detail = audit(settings)[-1]
    assert (kind, subject, action) == ("denied", "", Action.ISSUE_ACCESS_PASS.value)
    assert detail.startswith("no-scope by=caller-")


async def test_it_is_for_exactly_one_known_employee(desk: AgentOps, ana: Profile) -> None:
    await desk.onboard(ana)
    await desk.onboard(replace(ana, external_id="E-2"))
    with pytest.raises(NotFound):
        await desk.first_sign_in("Nobody Known")
    with pytest.raises(InvalidRequest, match="2 employees"):
        await desk.first_sign_in("Ana Silva")


async def test_a_linked_account_gets_none(settings: Settings, fakes: FakeServices, ana: Profile) -> None:
    linker = Caller("linker", DESK.scopes | {"link"})
    async with AgentOps(settings, adapters=fakes.adapters(), caller=linker) as ops:
        await ops.onboard(ana, link_existing="5029c81b-f6f3-5890-9e67-bd6bf6c76142")
        assert "created no account" in await refusal(ops, "Ana Silva")
    assert audit(settings)[-1][0] == "denied"
    assert audit(settings)[-1][3].startswith("not-created by=caller-")
    assert fakes[Action.ISSUE_ACCESS_PASS].sends == 0


async def test_a_failed_account_gets_none(desk: AgentOps, fakes: FakeServices, ana: Profile) -> None:
    fakes[Action.CREATE_ACCOUNT].trouble.kinds = ["refuse"] * 50
    await desk.onboard(ana)
    assert "created no account" in await refusal(desk, "Ana Silva")


async def test_an_account_that_is_not_ready_gets_none(desk: AgentOps, fakes: FakeServices, ana: Profile) -> None:
    fakes[Action.ADD_TO_GROUP].trouble.kinds = ["refuse"] * 50
    await desk.onboard(ana, ["m365"])
    assert "not ready" in await refusal(desk, "Ana Silva")


async def test_a_withdrawn_employee_gets_none(desk: AgentOps, ana: Profile) -> None:
    done = await desk.onboard(ana)
    await desk.wait((await desk.cancel(done.run.id, undo=True)).id)
    assert "withdrawn" in await refusal(desk, "Ana Silva")


async def test_an_old_account_gets_none_and_a_late_first_day_counts(desk: AgentOps, ana: Profile, settings: Settings) -> None:
    def age(name: str, days: int) -> None:
        with contextlib.closing(sqlite3.connect(settings.data_dir / "operations.db")) as conn, conn:
            long_ago = (datetime.now(timezone.utc) - timedelta(days=days)).isoformat()
            sql = "UPDATE effects SET opened_at = ? WHERE action = 'entra.create_account' AND pinned LIKE ?"
            assert conn.execute(sql, (long_ago, f"%{name}%")).rowcount == 1

    await desk.onboard(ana)
    later = Profile("Lena Later", "Engineering", joining_date=date.today() - timedelta(days=3), external_id="E-9")
    await desk.onboard(later)
    age("Ana Silva", 31)
    age("Lena Later", 31)
    assert "older than 30 days" in await refusal(desk, "Ana Silva")
    assert (await desk.first_sign_in("Lena Later")).secret.take()


async def test_there_is_a_limit_per_hour(settings: Settings, fakes: FakeServices, ana: Profile, tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(settings.policy_file.read_text(encoding="utf-8") + "\n[first_sign_in]\nper_hour = 2\n", encoding="utf-8")
    async with AgentOps(replace(settings, policy_file=policy), adapters=fakes.adapters(), caller=DESK) as ops:
        await ops.onboard(ana)
        for _ in range(2):
            await ops.first_sign_in("Ana Silva")
        assert "within the last hour" in await refusal(ops, "Ana Silva")
    assert fakes[Action.ISSUE_ACCESS_PASS].sends == 2


@pytest.mark.parametrize("scope", [{}, {"agent": "entra"}, {"agent": "operator"}])
async def test_while_changes_are_paused_there_is_none(
    desk: AgentOps, fakes: FakeServices, ana: Profile, scope: dict[str, str]
) -> None:
    await desk.onboard(ana)
    await desk.pause(**scope, reason="an incident")
    assert "an incident" in await refusal(desk, "Ana Silva")
    await desk.resume(**scope)
    await desk.pause(agent="jenkins")
    assert (await desk.first_sign_in("Ana Silva")).secret.take()


# --- one usable pass at most


async def test_a_second_pass_withdraws_the_first(desk: AgentOps, fakes: FakeServices, ana: Profile) -> None:
    await desk.onboard(ana)
    first, second = await desk.first_sign_in("Ana Silva"), await desk.first_sign_in("Ana Silva")
    assert (first.replaced, second.replaced) == (False, True)
    assert first.secret.take() != second.secret.take()
    issued, gone = fakes[Action.ISSUE_ACCESS_PASS].done, fakes[Action.WITHDRAW_ACCESS_PASS].done
    assert len(issued) == 2
    assert [intent.pinned["pass"] for intent in gone.values()] == [f"pass-{next(iter(issued))}"]


async def test_of_two_at_once_one_gets_it(settings: Settings, fakes: FakeServices, ana: Profile) -> None:
    service = fakes[Action.ISSUE_ACCESS_PASS]
    async with AgentOps(settings, adapters=fakes.adapters(), caller=DESK) as ops:
        await ops.onboard(ana)
        service.trouble.kinds = ["limit"]  # the first is told to wait a moment
        async with AgentOps(settings, adapters=fakes.adapters(), caller=DESK) as other:
            asked = [asyncio.ensure_future(system.first_sign_in("Ana Silva")) for system in (ops, other, ops)]
            answers = await asyncio.gather(*asked, return_exceptions=True)
    made = [answer for answer in answers if isinstance(answer, AccessPass)]
    assert len(made) == 1 == len(service.done)
    assert {str(e) for e in answers if isinstance(e, NoAccessPass)} == {
        "another first sign-in of the same employee goes on. No pass was shown. Mend what it names, then ask again."
    }


async def test_an_answer_that_was_lost_on_the_way_is_withdrawn_and_made_anew(
    desk: AgentOps, fakes: FakeServices, ana: Profile
) -> None:
    await desk.onboard(ana)
    fakes[Action.ISSUE_ACCESS_PASS].trouble.kinds = ["drop_after"]
    made = await desk.first_sign_in("Ana Silva")
    assert made.replaced and made.secret.take()
    assert (len(fakes[Action.ISSUE_ACCESS_PASS].done), len(fakes[Action.WITHDRAW_ACCESS_PASS].done)) == (2, 1)


async def test_a_cancelled_asker_leaves_a_pass_that_the_next_withdraws(desk: AgentOps, fakes: FakeServices, ana: Profile) -> None:
    await desk.onboard(ana)
    fakes[Action.ISSUE_ACCESS_PASS].trouble.kinds = ["limit"]
    asked = asyncio.ensure_future(desk.first_sign_in("Ana Silva"))
    while not fakes[Action.ISSUE_ACCESS_PASS].sends:
        await asyncio.sleep(0.01)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    assert (await desk.first_sign_in("Ana Silva")).secret.take()
    assert len(fakes[Action.ISSUE_ACCESS_PASS].done) - len(fakes[Action.WITHDRAW_ACCESS_PASS].done) == 1


# --- nobody else makes one


class Hostile:
    """Proposes every way to a pass that a decision can name."""

    def __init__(self) -> None:
        self.asked = 0

    async def decide(self, situation: Situation) -> Decision:
        self.asked += 1
        agents = situation.agents if self.asked == 1 else ("operator",)  # the second cannot even be followed
        words = ("issue_access_pass", Action.ISSUE_ACCESS_PASS.value, "access_pass")
        steps = [
            Step(f"{agent} {tool}", agent, "make a Temporary Access Pass", tool=tool, arguments={"item": "access_pass"})
            for tool in words
            for agent in agents
        ]
        return Decision("a pass", steps=tuple(steps)) if self.asked <= 2 else Decision("enough", summary="enough")


async def test_a_hostile_planner_gets_none(settings: Settings, fakes: FakeServices, ana: Profile) -> None:
    planner = Hostile()
    async with AgentOps(settings, adapters=fakes.adapters(), caller=DESK, planner=planner) as ops:
        await ops.onboard(ana)
    assert planner.asked >= 2
    assert fakes[Action.ISSUE_ACCESS_PASS].sends == 0 == fakes[Action.WITHDRAW_ACCESS_PASS].sends


@pytest.mark.parametrize("agent", ["operator", "entra", "notify", "jenkins"])
@pytest.mark.parametrize("action", [Action.ISSUE_ACCESS_PASS, Action.WITHDRAW_ACCESS_PASS])
async def test_no_ordinary_run_has_the_effect(
    desk: AgentOps, fakes: FakeServices, ana: Profile, agent: str, action: Action
) -> None:
    done = await desk.onboard(ana)
    system = desk._system
    await system.store.transaction(
        lambda tx: tx.runs._db.execute("UPDATE runs SET owner = ?, lease_until = 4e9", [system.owners.name])
    )
    outcome = await system.ledger.perform(done.run.id, Proposal(agent, action, "access_pass"))
    assert outcome.kind is OutcomeKind.DENIED
    assert fakes[action].sends == 0


async def test_even_a_grant_for_it_makes_none_in_an_ordinary_run(desk: AgentOps, fakes: FakeServices, ana: Profile) -> None:
    done = await desk.onboard(ana)
    system = desk._system
    run = done.run

    def granted(tx: Any) -> None:
        tx.runs.insert("another", run.employee_id, run.event, None, 4e9)
        tx.runs.insert_grant(system.edge.granting.of_task("another", run.employee_id, (ISSUE, WITHDRAW), DESK))
        tx.runs._db.execute("UPDATE runs SET owner = ?, lease_until = 4e9 WHERE id = 'another'", [system.owners.name])

    await system.store.transaction(granted)
    outcome = await system.ledger.perform("another", ISSUE)
    assert "authorised person" in outcome.message
    assert fakes[Action.ISSUE_ACCESS_PASS].sends == 0


async def test_a_dispatcher_drives_no_first_sign_in(desk: AgentOps, fakes: FakeServices, ana: Profile) -> None:
    done = await desk.onboard(ana)
    system = desk._system

    def left(tx: Any) -> None:
        from agent_ops.domain.runs import LifecycleEvent

        tx.runs.insert("left", done.run.employee_id, LifecycleEvent.FIRST_SIGN_IN, None)
        tx.runs.insert_grant(system.edge.granting.of_task("left", done.run.employee_id, (ISSUE, WITHDRAW), DESK))

    await system.store.transaction(left)
    assert not await system.store.read(lambda tx: tx.runs.any_due(4e9))
    assert await system.store.transaction(lambda tx: tx.runs.claim("somebody", 4e9, 4e9 + 60)) is None
    made = await desk.first_sign_in("Ana Silva")  # what a dead process left is closed
    assert made.secret.take()
    assert [r.run.status.value for r in await desk.report("left")] == ["failed"]
