"""An administrator's rules from the setting to the outcome: what a run, its report, the audit and a plan say of a denial."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sqlite3
import uuid
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from agent_ops import AgentOps, Decision, ItemStatus, Profile, RunReport, RunStatus, Settings, Situation, Step
from agent_ops.cli import main
from agent_ops.domain.audit import text_code
from agent_ops.domain.effects import Action, OutcomeKind, Proposal
from agent_ops.domain.errors import GuardRulesError
from agent_ops.graphs.runbook import RunbookPlanner
from agent_ops.runtime.data_dir import DATABASE
from agent_ops.runtime.keys import read_keys
from tests.fakes import FakeServices

REASON = "contractors in Tokyo get no vpn"
TOKYO = """
@id("no_vpn_in_tokyo")
@reason("contractors in Tokyo get no {item}")
forbid (principal, action == Action::"jenkins.run_pipeline", resource == Item::"vpn")
when { resource.employee.team == "contractors" && resource.employee.location == "tokyo" };
"""
NO_ACCOUNT = '@id("no_contractors") forbid (principal, action == Action::"entra.create_account", resource) \
when { resource.employee.employee_type == "Contractor" };'
NO_MAIL = '@id("no_mail") forbid (principal == Agent::"notify", action, resource);'


def kai(location: str = "Tokyo") -> Profile:
    return Profile("Kai Mori", "Contractors", location=location, external_id=f"E-{location}")


def with_rules(settings: Settings, text: str) -> Settings:
    place = settings.data_dir.parent / "rules"
    place.mkdir()
    (place / "own.cedar").write_text(text, encoding="utf-8")
    return replace(settings, guard_dir=place)


async def onboarded(settings: Settings, fakes: FakeServices, profile: Profile) -> RunReport:
    async with AgentOps(settings, adapters=fakes.adapters()) as ops:
        return await ops.onboard(profile, ["vpn", "confluence"])


def denied_rows(settings: Settings) -> list[tuple[str, ...]]:
    with contextlib.closing(sqlite3.connect(settings.data_dir / DATABASE)) as db, db:
        rows: list[tuple[str, ...]] = db.execute("SELECT action, item, detail FROM audit WHERE kind = 'denied'").fetchall()
    db.close()
    return rows


def coded(settings: Settings, words: str) -> str:
    """Words as the audit holds them: a keyed hash."""
    return text_code(words, read_keys(settings.data_dir).audit)


async def test_a_rule_denies_an_item_and_the_rest_goes_on(settings: Settings, fakes: FakeServices) -> None:
    ruled = with_rules(settings, TOKYO)
    report = await onboarded(ruled, fakes, kai())
    items = {item.item: item for item in report.items}
    assert (items["vpn"].status, items["vpn"].reason) == (ItemStatus.DENIED, REASON)
    assert items["confluence"].status is ItemStatus.COMPLETED
    assert report.run.status is RunStatus.DONE
    assert {intent.proposal.item for intent in fakes[Action.RUN_PIPELINE].done.values()} == {"confluence"}
    assert denied_rows(ruled) == [("jenkins.run_pipeline", "vpn", coded(ruled, REASON))]
    assert report.denials == 1


async def test_the_rule_holds_for_nobody_else(settings: Settings, fakes: FakeServices) -> None:
    ruled = with_rules(settings, TOKYO)
    report = await onboarded(ruled, fakes, kai("Lisbon"))
    assert {item.status for item in report.items} == {ItemStatus.COMPLETED}
    assert report.denials == 0
    assert denied_rows(ruled) == []


async def test_status_shows_reason_and_count(settings: Settings, fakes: FakeServices) -> None:
    report = await onboarded(with_rules(settings, TOKYO), fakes, kai())
    asked = ["status", report.run.id, "--json", "--data-dir", str(settings.data_dir)]
    shown = await asyncio.to_thread(CliRunner().invoke, main, asked)
    (told,) = json.loads(shown.stdout)
    assert told["denials"] == 1
    assert {"item": "vpn", "status": "denied", "reason": REASON, "detail": ""} in told["access_items"]
    assert f"denied: {REASON}" in [event["message"] for event in told["events"]]


async def test_a_plan_does_not_hold_what_a_rule_denies(settings: Settings, fakes: FakeServices) -> None:
    ruled = with_rules(settings, TOKYO)
    async with AgentOps(ruled, adapters=fakes.adapters()) as ops:
        plan = await ops.plan(kai(), ["vpn", "confluence"])
    assert "vpn" not in {effect.proposal.item for effect in plan.effects}
    assert "confluence" in {effect.proposal.item for effect in plan.effects}
    assert {item.item: item.reason for item in plan.items}["vpn"] == REASON
    assert fakes.sends() == {}


async def test_a_denied_account_ends_the_run(settings: Settings, fakes: FakeServices) -> None:
    report = await onboarded(with_rules(settings, NO_ACCOUNT), fakes, kai())
    assert report.run.status is RunStatus.FAILED
    assert set(fakes.sends()) <= {"mail.send"}
    assert report.denials >= 1


async def test_denied_mails_hold_no_run_up(settings: Settings, fakes: FakeServices) -> None:
    report = await onboarded(with_rules(settings, NO_MAIL), fakes, kai())
    assert report.run.status is RunStatus.DONE
    assert "mail.send" not in fakes.sends()
    assert report.denials == 3, "the first mail when the account stood, and both at the finish"


async def test_a_permit_for_everything_lets_no_run_do_more(settings: Settings, fakes: FakeServices) -> None:
    ruled = with_rules(settings, '@id("everything") permit (principal, action, resource);')
    async with AgentOps(ruled, adapters=fakes.adapters()) as ops:
        report = await ops.onboard(kai(), ["vpn", "database"])
    assert {item.item: item.status for item in report.items} == {"vpn": ItemStatus.COMPLETED, "database": ItemStatus.DENIED}
    assert {intent.proposal.item for intent in fakes[Action.RUN_PIPELINE].done.values()} == {"vpn"}


@pytest.mark.parametrize("text", ["", "permit (", '@id("x") forbid (principal == Agent::"jenkin", action, resource);'])
async def test_broken_rules_stop_the_start_before_anything_is_there(settings: Settings, fakes: FakeServices, text: str) -> None:
    with pytest.raises(GuardRulesError, match=r"own\.cedar"):
        async with AgentOps(with_rules(settings, text), adapters=fakes.adapters()):
            pass
    assert not Path(settings.data_dir / DATABASE).exists()


class Meddler:
    """A planner that tries a tool of another agent and a value that is nobody's to choose; then it does as the runbook."""

    def __init__(self) -> None:
        self.tried = False

    async def decide(self, situation: Situation) -> Decision:
        if self.tried:
            return await RunbookPlanner().decide(situation)
        self.tried = True
        stolen = Step("stolen", "jenkins", "x", tool="create_account", arguments={})
        forged = Step("forged", "jenkins", "x", tool="run_pipeline", arguments={"item": "vpn", "job": "Ana Silva, +351 555"})
        return Decision("try", (stolen, forged))


async def test_unknown_tools_and_bad_arguments_are_denials_too(settings: Settings, fakes: FakeServices) -> None:
    async with AgentOps(settings, planner=Meddler(), adapters=fakes.adapters()) as ops:
        report = await ops.onboard(kai(), ["vpn", "confluence"])
    assert report.run.status is RunStatus.DONE
    assert report.denials == 2
    assert sorted(denied_rows(settings)) == [("", "agent:jenkins", "bad-argument"), ("", "agent:jenkins", "unknown-tool")]
    assert fakes.sends()["jenkins.run_pipeline"] == 2


class Writer:
    """A planner that writes whatever it likes where an item belongs, once the account stands."""

    def __init__(self, text: str) -> None:
        self.text, self.tried = text, False

    async def decide(self, situation: Situation) -> Decision:
        if self.tried or not situation.known.account_exists:
            return await RunbookPlanner().decide(situation)
        self.tried = True
        return Decision("try", (Step("own", "jenkins", "x", tool="run_pipeline", arguments={"item": self.text}),))


@pytest.mark.parametrize("text", ["Kai Mori", "a", "provision-prod-root"])
async def test_what_a_model_wrote_into_an_item_is_in_no_audit_row(settings: Settings, fakes: FakeServices, text: str) -> None:
    fakes.services[Action.RUN_PIPELINE].failing_items = {"vpn"}  # so that there is something left to decide
    async with AgentOps(settings, planner=Writer(text), adapters=fakes.adapters()) as ops:
        report = await ops.onboard(kai(), ["vpn", "confluence"])
        lost = await ops._system.ledger.perform(str(uuid.uuid4()), Proposal("jenkins", Action.RUN_PIPELINE, text))
    assert lost.kind is OutcomeKind.DENIED
    assert report.denials == 1
    said = f"the grant has no jenkins.run_pipeline for {text} by agent jenkins"
    item = coded(settings, text)
    assert sorted(denied_rows(settings)) == sorted(
        [("jenkins.run_pipeline", item, coded(settings, said)), ("jenkins.run_pipeline", item, "no-grant")]
    )
