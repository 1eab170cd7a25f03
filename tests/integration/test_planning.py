"""Plan and apply over fake services: what a plan shows, and what stops it from being applied."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from agent_ops import AgentOps, Caller, ItemStatus, Plan, Profile, RunStatus, Settings
from agent_ops.domain.effects import Action, Failed, Foreseen, Held, Intent
from agent_ops.domain.errors import (
    IdentityConflict,
    InvalidRequest,
    NotPermitted,
    PlanInvalid,
    PlanOutdated,
    ServiceUnavailable,
)
from agent_ops.domain.plans import Prospect
from agent_ops.policies import EXAMPLE
from tests.fakes import FakeService, FakeServices

ADMIN = Caller("admin", frozenset({"onboard", "link", "admin"}))


def prospects(plan: Plan) -> dict[str, Prospect]:
    return {f"{e.proposal.agent} {e.proposal.item}": e.prospect for e in plan.effects}


def foreseeing(service: FakeService, answer: Foreseen | Exception) -> None:
    async def foresee(intent: Intent) -> Foreseen:
        if isinstance(answer, Exception):
            raise answer
        return answer

    service.foresee = foresee  # type: ignore[method-assign]


def with_policy(settings: Settings, tmp_path: Path, old: str, new: str) -> Settings:
    text = EXAMPLE.read_text(encoding="utf-8")
    assert old in text
    (tmp_path / "policy.toml").write_text(text.replace(old, new), encoding="utf-8")
    return replace(settings, policy_file=tmp_path / "policy.toml")


# --- what a plan shows


async def test_a_plan_lists_everything_in_the_order_in_which_it_can_be_done(ops: AgentOps, ana: Profile) -> None:
    plan = await ops.plan(replace(ana, manager="Dana Whitfield"), ["m365", "aws", "salesforce"])
    assert list(prospects(plan)) == [
        *("entra account", "entra attributes", "entra manager", "entra m365", "jenkins aws"),
        *("notify account", "notify access"),
    ]
    assert plan.address == "ana.silva@acme.example"
    assert {item.item: item.status for item in plan.items}["salesforce"] is ItemStatus.DENIED
    assert plan.summary == "account and 2 of 2 access items in place; salesforce denied"


async def test_a_plan_leaves_no_reservation_behind(ops: AgentOps, ana: Profile) -> None:
    assert (await ops.plan(ana)).address == "ana.silva@acme.example"
    namesake = await ops.onboard(replace(ana, external_id="E-2"))
    assert namesake.employee.address == "ana.silva@acme.example"
    assert (await ops.plan(ana)).address == "ana.silva2@acme.example"


async def test_everything_in_place_is_an_empty_plan_that_can_be_applied(ops: AgentOps, ana: Profile) -> None:
    report = await ops.onboard(ana)
    plan = await ops.plan(ana)
    assert plan.effects == ()
    assert "nothing is left to do for Ana Silva" in plan.summary
    assert (await ops.apply(plan)).id == report.run.id


async def test_a_known_hire_is_planned_as_a_retry(ops: AgentOps, fakes: FakeServices, ana: Profile) -> None:
    fakes[Action.RUN_PIPELINE].failing_items = {"aws"}
    await ops.onboard(ana)
    fakes[Action.RUN_PIPELINE].failing_items = set()
    plan = await ops.plan(ana)
    assert [(e.proposal.item, e.attempt) for e in plan.effects] == [("aws", 2), ("account.2", 1), ("access.2", 1)]
    report = await ops.wait((await ops.apply(plan)).id)
    assert report.run.status is RunStatus.DONE
    assert fakes[Action.RUN_PIPELINE].sends == 5


async def test_what_waits_is_shown_as_waiting(settings: Settings, fakes: FakeServices, ana: Profile, tmp_path: Path) -> None:
    later = with_policy(settings, tmp_path, "[account]\n", "[account]\ndisabled_until_start = true\n")
    async with AgentOps(later, adapters=fakes.adapters(), caller=ADMIN) as ops:
        await ops.pause(item="aws", reason="a freeze")
        day = date.today() + timedelta(days=30)
        plan = await ops.plan(replace(ana, joining_date=day))
    waiting = {e.proposal.item: e.reason for e in plan.effects if e.prospect is Prospect.WAITING}
    assert waiting["enabled"].startswith(f"until the first working day, {day}")
    assert "item aws is paused by admin" in waiting["aws"]
    assert len(waiting) == 2
    assert plan.account is not None
    assert plan.account.pinned["accountEnabled"] is False


async def test_what_would_fail_is_shown_and_what_needs_it_is_not_planned(
    ops: AgentOps, fakes: FakeServices, ana: Profile
) -> None:
    foreseeing(fakes[Action.ADD_TO_GROUP], Failed("no free seat of SPE_E3: 5 of 5 are in use"))
    plan = await ops.plan(ana, ["m365", "aws"])
    assert prospects(plan)["entra m365"] is Prospect.FAILED
    assert "jenkins aws" not in prospects(plan)
    assert "not ready, it lacks m365" in next(item.reason for item in plan.items if item.item == "aws")


async def test_a_suspected_rehire_is_shown_and_cannot_be_applied(ops: AgentOps, fakes: FakeServices, ana: Profile) -> None:
    foreseeing(fakes[Action.CREATE_ACCOUNT], Held("a deleted account of the same name exists"))
    plan = await ops.plan(ana)
    assert prospects(plan)["entra account"] is Prospect.HELD
    with pytest.raises(PlanInvalid, match="a deleted account of the same name"):
        await ops.apply(plan)
    assert await ops.employees() == []


async def test_a_service_that_cannot_be_asked_makes_no_plan(ops: AgentOps, fakes: FakeServices, ana: Profile) -> None:
    foreseeing(fakes[Action.CREATE_ACCOUNT], ServiceUnavailable("fake", "is down"))
    with pytest.raises(ServiceUnavailable, match="is down"):
        await ops.plan(ana)


async def test_a_plan_is_refused_as_its_request_would_be(ops: AgentOps, fakes: FakeServices, ana: Profile) -> None:
    with pytest.raises(InvalidRequest):
        await ops.plan(replace(ana, team="Astrology"))
    fakes[Action.RUN_PIPELINE].seconds = 0.5
    run = await ops.submit(ana)
    with pytest.raises(InvalidRequest, match=f"run {run.id} goes on"):
        await ops.plan(ana)
    await ops.wait(run.id)
    with pytest.raises(IdentityConflict):
        await ops.plan(replace(ana, team="Data"))


async def test_a_plan_that_several_apply_at_once_has_one_run(ops: AgentOps, fakes: FakeServices, ana: Profile) -> None:
    """Who comes second while the first one's run goes on, such as a client that asks again, gets the run, and no conflict."""
    plan = await ops.plan(ana)
    applied = await asyncio.gather(*(ops.apply(plan) for _ in range(5)))
    assert len({run.id for run in applied}) == 1
    await ops.wait(applied[0].id, timeout=60)
    assert fakes.sends()["entra.create_account"] == 1


async def test_the_order_of_the_items_makes_no_other_request(ops: AgentOps, ana: Profile) -> None:
    first = await ops.onboard(ana, ["github", "aws"])
    assert (await ops.submit(ana, ["aws", "github"])).id == first.run.id
    assert (await ops.submit(ana, ["github", "aws"])).id == first.run.id


# --- what stops a plan from being applied


async def test_a_plan_that_was_altered_is_refused(ops: AgentOps, ana: Profile) -> None:
    text = (await ops.plan(ana)).to_text()
    for place in range(0, len(text), 7):
        other = "x" if text[place] != "x" else "y"
        with pytest.raises(PlanInvalid):
            await ops.apply(Plan.from_text(text[:place] + other + text[place + 1 :]))
    for changed in (text + "\n", text.replace("  ", "\t"), json.dumps(json.loads(text)), "", "[]", text[:-2]):
        with pytest.raises(PlanInvalid):
            Plan.from_text(changed)
    assert await ops.employees() == []


async def test_a_plan_made_elsewhere_is_refused(ops: AgentOps, settings: Settings, fakes: FakeServices, ana: Profile) -> None:
    elsewhere = replace(settings, data_dir=settings.data_dir / "other")
    async with AgentOps(elsewhere, adapters=fakes.adapters()) as other:
        plan = await other.plan(ana)
    with pytest.raises(PlanInvalid, match="does not match its seal"):
        await ops.apply(plan)


async def test_sealing_keys_rotate(settings: Settings, fakes: FakeServices, ana: Profile) -> None:
    path = settings.data_dir / "keys.json"

    def rewrite(change: Callable[[dict[str, object]], None]) -> None:
        keys = json.loads(path.read_text(encoding="utf-8"))
        change(keys)
        path.write_text(json.dumps(keys), encoding="utf-8")

    async with AgentOps(settings, adapters=fakes.adapters()) as ops:
        plan = await ops.plan(ana)
    rewrite(lambda keys: keys.update(current="k2", sealing={**keys["sealing"], "k2": "ab" * 32}))  # type: ignore[dict-item]
    async with AgentOps(settings, adapters=fakes.adapters()) as ops:
        assert (await ops.plan(ana)).key_id == "k2"
        assert (await ops.wait((await ops.apply(plan)).id)).run.status is RunStatus.DONE
    rewrite(lambda keys: keys.update(sealing={"k2": "ab" * 32}))
    async with AgentOps(settings, adapters=fakes.adapters()) as ops:
        with pytest.raises(PlanInvalid, match="unknown key 'k1'"):
            await ops.apply(plan)


async def test_a_caller_needs_the_scopes_of_the_request(settings: Settings, fakes: FakeServices, ana: Profile) -> None:
    async with AgentOps(settings, adapters=fakes.adapters(), caller=ADMIN) as ops:
        linking = await ops.plan(ana, link_existing="7c1d5a0e-52a7-4f63-9a3c-0d6f3f7b1a99")
    async with AgentOps(settings, adapters=fakes.adapters()) as ops:
        with pytest.raises(NotPermitted, match="'link'"):
            await ops.apply(linking)
        applied = await ops.plan(ana)
        await ops.wait((await ops.apply(applied)).id)
    async with AgentOps(settings, adapters=fakes.adapters(), caller=Caller("viewer", frozenset({"status"}))) as ops:
        with pytest.raises(NotPermitted):
            await ops.plan(ana)
        with pytest.raises(NotPermitted):
            await ops.apply(applied)


async def test_an_address_that_was_taken_since_stops_it(ops: AgentOps, fakes: FakeServices, ana: Profile) -> None:
    plan = await ops.plan(ana)
    fakes[Action.CREATE_ACCOUNT].foreign_addresses = {"ana.silva@acme.example"}
    with pytest.raises(PlanOutdated) as stopped:
        await ops.apply(plan)
    told = [str(difference) for difference in stopped.value.differences]
    assert told[:2] == [
        'entra.create_account account: mailNickname was "ana.silva", would now be "ana.silva2"',
        'entra.create_account account: userPrincipalName was "ana.silva@acme.example", would now be "ana.silva2@acme.example"',
    ]
    assert any("run_pipeline aws: parameters.USER_EMAIL" in line for line in told)
    assert await ops.employees() == []


async def test_an_address_that_is_taken_at_the_last_moment_is_not_replaced(
    ops: AgentOps, fakes: FakeServices, ana: Profile
) -> None:
    accounts, plan = fakes[Action.CREATE_ACCOUNT], await ops.plan(ana)
    foreseeing(accounts, None)  # the check passes, then somebody is quicker
    accounts.foreign_addresses = {"ana.silva@acme.example"}
    report = await ops.wait((await ops.apply(plan)).id)
    assert report.run.status is RunStatus.FAILED
    assert "planned address ana.silva@acme.example belongs to somebody else by now: plan again" in report.employee.reason
    assert accounts.done == {}
    again = await ops.plan(ana)
    assert again.address == "ana.silva2@acme.example"
    assert (await ops.wait((await ops.apply(again)).id)).employee.address == "ana.silva2@acme.example"


async def test_the_planned_address_is_kept_for_the_hire(ops: AgentOps, fakes: FakeServices, ana: Profile) -> None:
    fakes[Action.CREATE_ACCOUNT].foreign_addresses = {"ana.silva@acme.example"}
    plan = await ops.plan(ana, run_after=date.today() + timedelta(days=30))
    run = await ops.apply(plan)
    fakes[Action.CREATE_ACCOUNT].foreign_addresses = set()
    others = [(await ops.onboard(replace(ana, external_id=f"E-{n}"))).employee.address for n in (2, 3)]
    assert others == ["ana.silva@acme.example", "ana.silva3@acme.example"]
    await ops._system.store.transaction(lambda tx: tx.runs._db.execute("UPDATE runs SET wake_at = 0"))
    assert (await ops.wait(run.id, timeout=60)).employee.address == plan.address == "ana.silva2@acme.example"


async def test_a_policy_that_changed_stops_it(settings: Settings, fakes: FakeServices, ana: Profile, tmp_path: Path) -> None:
    async with AgentOps(settings, adapters=fakes.adapters()) as ops:
        plan = await ops.plan(ana, ["aws", "vpn"])
    other = with_policy(settings, tmp_path, 'ROLE = "engineer"', 'ROLE = "administrator"')
    async with AgentOps(other, adapters=fakes.adapters()) as ops:
        with pytest.raises(PlanOutdated) as stopped:
            await ops.apply(plan)
        assert await ops.employees() == []
    (difference,) = stopped.value.differences
    assert str(difference) == ('jenkins.run_pipeline aws: parameters.ROLE was "engineer", would now be "administrator"')
    less = with_policy(settings, tmp_path, '"jira", "vpn", "datadog"', '"jira", "datadog"')
    async with AgentOps(less, adapters=fakes.adapters()) as ops:
        with pytest.raises(PlanOutdated, match=r"vpn: effect was to be done, would now be no effect \(denied: the ent"):
            await ops.apply(plan)


async def test_a_policy_that_changes_after_the_check_stops_the_run(
    settings: Settings, fakes: FakeServices, ana: Profile, tmp_path: Path
) -> None:
    async with AgentOps(settings, adapters=fakes.adapters()) as ops:
        run = await ops.apply(await ops.plan(ana, ["aws"], run_after=date.today() + timedelta(days=30)))
    other = with_policy(settings, tmp_path, 'ROLE = "engineer"', 'ROLE = "administrator"')
    async with AgentOps(other, adapters=fakes.adapters()) as ops:
        await ops._system.store.transaction(lambda tx: tx.runs._db.execute("UPDATE runs SET wake_at = 0"))
        report = await ops.wait(run.id, timeout=60)
        events = [event.message async for event in ops.events(run.id)]
    assert report.run.status is RunStatus.FAILED
    assert any("policy was" in message for message in events)
    assert set(fakes.sends()) == {"mail.send"}


async def test_an_item_that_was_done_meanwhile_stops_it(ops: AgentOps, fakes: FakeServices, ana: Profile) -> None:
    fakes[Action.RUN_PIPELINE].failing_items = {"aws"}
    failed = await ops.onboard(ana)
    plan = await ops.plan(ana)
    fakes[Action.RUN_PIPELINE].failing_items = set()
    await ops.wait((await ops.retry(failed.run.id)).id)
    sends = fakes.sends()
    with pytest.raises(PlanOutdated, match=r"aws: effect was to be done, would now be no effect \(completed"):
        await ops.apply(plan)
    assert fakes.sends() == sends


async def test_an_applied_run_may_do_nothing_that_is_not_in_the_plan(ops: AgentOps, fakes: FakeServices, ana: Profile) -> None:
    fakes[Action.RUN_PIPELINE].failing_items = {"aws"}
    await ops.onboard(ana)
    fakes[Action.RUN_PIPELINE].failing_items = set()
    plan = await ops.plan(ana)
    run = await ops.apply(plan)
    grant = await ops._system.ledger.grants.load(run.id)
    assert set(grant.effects) == {effect.proposal for effect in plan.effects}
    await ops.wait(run.id)


async def test_an_adapter_without_foresight_is_planned_too(settings: Settings, fakes: FakeServices, ana: Profile) -> None:
    class Blind:
        """What the port asks for, and nothing more."""

        def __init__(self, service: FakeService) -> None:
            self.actions, self.call_timeout = service.actions, service.call_timeout
            self.look_up, self.send, self.follow = service.look_up, service.send, service.follow

    blind = {action: Blind(service) for action, service in fakes.services.items()}
    async with AgentOps(settings, adapters=blind) as ops:
        plan = await ops.plan(ana)
        assert (await ops.wait((await ops.apply(plan)).id)).run.status is RunStatus.DONE
