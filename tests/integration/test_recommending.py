"""What memory gives a new hire unasked, what it only shows, and what it keeps quiet about: the policy decides."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from agent_ops import AgentOps, Caller, ItemStatus, Profile, RunReport, Settings
from agent_ops.domain.effects import Action
from agent_ops.domain.errors import PolicyError
from agent_ops.domain.recommendation import Choice
from agent_ops.graphs.nodes import recall
from agent_ops.policies import EXAMPLE, read_policy
from tests.fakes import FakeServices

EVERYTHING = Caller("hr", frozenset({"onboard", "status", "pii", "erase", "update"}))
LISBON = {"team": "Engineering", "level": "L2", "location": "Lisbon"}
MARK = '\nauto = true\nrisk = "low"\nauto_days = 90'
Opened = Callable[[str], Any]


def policy_with(mode: str) -> str:
    """The example with `jira` marked, and a mode."""
    text = EXAMPLE.read_text(encoding="utf-8")
    return f"recommend = {mode}\n" + text.replace('pipeline = "provisioning/jira"', f'pipeline = "provisioning/jira"{MARK}')


@pytest.fixture
def opened(settings: Settings, fakes: FakeServices, tmp_path: Path) -> Opened:
    @asynccontextmanager
    async def opening(mode: str) -> AsyncIterator[AgentOps]:
        policy_file = tmp_path / "policy.toml"
        policy_file.write_text(policy_with(mode), encoding="utf-8")
        async with AgentOps(replace(settings, policy_file=policy_file), caller=EVERYTHING, adapters=fakes.adapters()) as ops:
            yield ops

    return opening


async def known(
    ops: AgentOps, people: int, items: list[str], requester: str = "", profile: Mapping[str, str] = LISBON, start: int = 0
) -> None:
    """Let memory know so many people of one profile."""
    store = ops._system.store
    for number in range(start, start + people):
        who = f"{requester}-{'-'.join(profile.values())}-{number}"
        await store.transaction(lambda tx, who=who: tx.patterns.contribute(who, profile, items, requester=requester))


def told(report: RunReport) -> dict[str, str]:
    return {one.item: one.kind for one in report.recommended}


async def test_auto_gives_what_is_marked_until_a_day_and_shows_the_rest(
    opened: Opened, fakes: FakeServices, ana: Profile
) -> None:
    async with opened('"auto"') as ops:
        await known(ops, 30, ["jira", "vpn", "pagerduty"])
        report = await ops.onboard(ana)
        assert told(report) == {"jira": "auto", "vpn": "suggested"}, "pagerduty is not allowed at L2; vpn is not marked"
        assert {item.item: item.status for item in report.items}["jira"] is ItemStatus.COMPLETED
        assert "vpn" not in {item.item for item in report.items}
        (given,) = (one for one in report.recommended if one.kind == "auto")
        assert given.said.startswith("30 of 30 people of Engineering L2 in Lisbon have it (probability 0.9")
        sent = {i.proposal.item: i.pinned["parameters"] for i in fakes[Action.RUN_PIPELINE].done.values()}
        assert sent["jira"]["EXPIRES"] == given.until > report.run.created_at.date().isoformat()
        assert "EXPIRES" not in sent["github"]
        lines = [event.message async for event in ops.events(report.run.id) if event.kind == "recommend"]
        assert [line.split(":")[0] for line in lines] == [f"jira is given unasked until {given.until}"]
        rows = await ops._system.store.read(lambda tx: tx.audit.page(0, 1000))
        (row,) = (row for row in rows if row.kind == "recommended")
        assert (row.item, row.detail) == ("jira", "auto holders=30 people=30 least=917")
        plan = await ops.plan(replace(ana, name="Bo Lindqvist", external_id="E-2"))
        assert "jira" in {effect.proposal.item for effect in plan.effects}
        applied = await ops.wait((await ops.apply(plan)).id)
        assert told(applied)["jira"] == "auto"


async def test_what_was_given_unasked_and_failed_is_tried_again_by_a_retry(
    opened: Opened, fakes: FakeServices, ana: Profile
) -> None:
    async with opened('"auto"') as ops:
        await known(ops, 30, ["jira"])
        fakes[Action.RUN_PIPELINE].failing_items = {"jira"}
        report = await ops.onboard(ana)
        fakes[Action.RUN_PIPELINE].failing_items = set()
        again = await ops.wait((await ops.retry(report.run.id)).id)
        assert {item.item: item.status for item in again.items}["jira"] is ItemStatus.COMPLETED


async def begun(ops: AgentOps, run_id: str) -> RunReport:
    """The end of a run whose day has come."""
    await ops._system.store.transaction(lambda tx: tx.runs._db.execute("UPDATE runs SET wake_at = 0"))
    return await ops.wait(run_id)


@pytest.mark.parametrize(
    ("mode", "marked", "declined", "why"),
    [
        ('"auto"', True, False, None),
        ('"auto"', True, True, "declined since"),
        ('"suggest"', True, False, "today's policy does not"),
        ('"off"', True, False, "today's policy does not"),
        ('"auto"', False, False, "today's policy does not"),
    ],
)
async def test_what_is_taken_back_before_its_turn_is_not_given(
    opened: Opened,
    fakes: FakeServices,
    ana: Profile,
    monkeypatch: pytest.MonkeyPatch,
    mode: str,
    marked: bool,
    declined: bool,
    why: str | None,
) -> None:
    """By whoever declines it, or by the policy, which takes away the mode or the mark: without its mark it would never end."""
    async with opened('"auto"') as ops:
        await known(ops, 30, ["jira"])
        run = await ops.submit(ana, run_after=date.today() + timedelta(days=9))
        if declined:
            await ops.decline_recommendation(run.employee_id, "jira", "works with paper")
    if not marked:
        monkeypatch.setattr(f"{__name__}.MARK", "")
    async with opened(mode) as ops:
        report = await begun(ops, run.id)
    items = {item.item: item for item in report.items}
    sent = {intent.proposal.item for intent in fakes[Action.RUN_PIPELINE].done.values()}
    assert (items["jira"].status is ItemStatus.DENIED, "jira" in sent) == (why is not None, why is None)
    assert (why or "") in items["jira"].reason and items["github"].status is ItemStatus.COMPLETED


@pytest.mark.parametrize("mode", ['"off"', '"auto"'])
async def test_a_retry_gives_nothing_unasked_after_its_day_or_when_off(
    opened: Opened, fakes: FakeServices, ana: Profile, mode: str
) -> None:
    async with opened('"auto"') as ops:
        await known(ops, 30, ["jira"])
        fakes[Action.RUN_PIPELINE].failing_items = {"jira"}
        run = (await ops.onboard(ana)).run
        fakes[Action.RUN_PIPELINE].failing_items = set()
        if mode == '"auto"':
            ended = Choice(run.employee_id, run.id, "jira", "auto", "hr", "", until="2026-01-01")
            await ops._system.store.transaction(lambda tx: tx.choices.add(ended))
    async with opened(mode) as ops:
        again = await ops.wait((await ops.retry(run.id)).id)
    item = {item.item: item for item in again.items}["jira"]
    assert item.status is ItemStatus.DENIED and ("is past" in item.reason) is (mode == '"auto"')


@pytest.mark.parametrize(("mode", "people", "kind"), [("suggest", 30, "suggested"), ("auto", 6, "suggested"), ("off", 30, None)])
async def test_only_shown_by_default_with_few_people_and_never_asked_when_off(
    opened: Opened, fakes: FakeServices, ana: Profile, mode: str, people: int, kind: str | None
) -> None:
    async with opened(f'"{mode}"') as ops:
        await known(ops, people, ["jira"])
        report = await ops.onboard(ana)
        assert told(report).get("jira") == kind
        assert "jira" not in {item.item for item in report.items}
        assert (await ops._system.memory.recall(report.run.id)).recommended == () if kind is None else True


async def test_state_holds_support_probability_bound_and_reason(opened: Opened, ana: Profile) -> None:
    async with opened('"suggest"') as ops:
        await known(ops, 9, ["jira"])
        await known(ops, 1, [], start=9)
        report = await ops.onboard(ana)

        class Handles:
            context = ops._system.context(report.run.id)

        state = await recall({"goal": "onboard"}, Handles())  # type: ignore[arg-type]
        (advice,) = state["recommended"]
        assert (advice["item"], advice["holders"], advice["people"]) == ("jira", 9, 11)  # ana counts by now
        assert 0.5 < advice["at_least"] < advice["probability"] < 0.9
        assert advice["reason"] == "9 of 11 people of Engineering L2 in Lisbon have it"
        assert any(
            line.startswith("11 people of Engineering L2 in Lisbon (1.00 alike) have: jira 9") for line in state["patterns"]
        )


async def test_one_requesters_people_alone_give_nobody_anything_unless_the_policy_trusts_them(
    opened: Opened, ana: Profile
) -> None:
    async with opened('{ mode = "auto" }') as ops:
        await known(ops, 200, ["jira"], requester=ops._system.store._pseudonyms.requester("mallory"))
        report = await ops.onboard(ana)
        assert told(report) == {"jira": "suggested"}
    async with opened('{ mode = "auto", trusted = ["mallory"] }') as ops:
        report = await ops.onboard(replace(ana, name="Bo Lindqvist", external_id="E-2"))
        assert told(report) == {"jira": "auto"}


@pytest.mark.parametrize(
    ("mark", "wrong"),
    [
        ("auto = true\nauto_days = 9", 'needs risk = "low"'),
        ('auto = true\nrisk = "low"', "needs auto_days"),
        (
            'evidence = { kind = "jira", project = "SEC", approved_status = ["Approved"] }\nauto = true\nrisk = "low"'
            "\nauto_days = 9",
            "no evidence",
        ),
    ],
)
def test_a_mark_without_low_risk_or_an_end_is_refused(tmp_path: Path, mark: str, wrong: str) -> None:
    text = EXAMPLE.read_text(encoding="utf-8").replace(
        'pipeline = "provisioning/jira"', f'pipeline = "provisioning/jira"\n{mark}'
    )
    (tmp_path / "p.toml").write_text(text, encoding="utf-8")
    with pytest.raises(PolicyError, match=wrong):
        read_policy(tmp_path / "p.toml")


@pytest.mark.parametrize("said", ['"always"', "{ threshold = 0.2 }", "{ trusted = 3 }", "true"])
def test_a_wrong_mode_is_refused(tmp_path: Path, said: str) -> None:
    (tmp_path / "p.toml").write_text(policy_with(said), encoding="utf-8")
    with pytest.raises(PolicyError, match="recommend"):
        read_policy(tmp_path / "p.toml")
