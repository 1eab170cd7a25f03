"""What a run leaves in the audit: every grant, decision, denial, intent and result, and nobody's name."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from dataclasses import asdict
from datetime import date, timedelta
from pathlib import Path

import pytest

from agent_ops import AgentOps, Caller, Decision, EntitlementPolicy, Profile, Settings, Situation, Step
from agent_ops.domain.audit import CODES, AuditKeys, AuditRow, detail_of, item_of, subject_of
from agent_ops.domain.effects import Action, Proposal
from agent_ops.graphs.runbook import RunbookPlanner
from agent_ops.policies import EXAMPLE
from agent_ops.runtime.backup import back_up, restore
from agent_ops.runtime.keys import read_keys
from agent_ops.storage.rows import dump
from tests.fakes import FakeServices
from tests.integration.audit_bench import Attacker

CALLER = Caller("Maria Pereira <maria.pereira@acme.example>", frozenset({"onboard", "status", "link", "delete", "admin"}))
KEYS = AuditKeys.of(b"key")
BEYOND = ("confluence", "zoe.quintessa", "Zoë Quintessa", "zoe.quintessa@acme.example")


async def rows_of(ops: AgentOps, kind: str = "") -> list[AuditRow]:
    return [row async for row in ops.audit.rows() if kind in ("", row.kind)]


class Deciding(RunbookPlanner):
    """The runbook, whose decisions are remembered; the first one asks for things beyond the grant, in words of its own."""

    def __init__(self) -> None:
        self.made: list[Decision] = []

    async def decide(self, situation: Situation) -> Decision:
        decision = await super().decide(situation)
        if not self.made:
            before = tuple(step.id for step in decision.steps)
            forged = [Step(i, "jenkins", "", before, "run_pipeline", {"item": i}) for i in BEYOND]
            decision = Decision(decision.thought, (*decision.steps, *forged))
        self.made.append(decision)
        return decision


async def test_every_grant_decision_denial_intent_and_result_has_a_row(
    settings: Settings, fakes: FakeServices, ana: Profile, policy: EntitlementPolicy
) -> None:
    planner = Deciding()
    async with AgentOps(settings, adapters=fakes.adapters(), planner=planner, caller=CALLER) as ops:
        report = await ops.onboard(ana, ["github"])
        grant = await ops._system.ledger.grants.load(report.run.id)
        (granted,) = await rows_of(ops, "grant")
        by = await ops._system.store.read(lambda tx: tx.audit.caller(CALLER.name))
        assert granted.detail == f"seal={grant.seal} policy={policy.version} key=k1 by={by}"
        assert (granted.run_id, granted.subject) == (report.run.id, report.employee.id)
        keys = read_keys(settings.data_dir).audit
        decided = [row.detail for row in await rows_of(ops, "decision")]
        assert decided == [
            f"steps={len(d.steps)} decision={keys.hashed(dump(asdict(d)))}" + (" finish" if d.finished else "")
            for d in planner.made
        ]
        done = {(row.action, row.item) for row in await rows_of(ops, "succeeded")}
        assert done == {(row.action, row.item) for row in await rows_of(ops, "intent")}
        assert ("entra.create_account", "account") in done and ("jenkins.run_pipeline", "github") in done
        assert [row.detail for row in await rows_of(ops, "run_ended")] == ["done"]
        denied = await rows_of(ops, "denied")
        assert {row.item for row in denied} == {f"text-{keys.hashed(item)}" for item in BEYOND}
        told = {f"text-{keys.hashed(e.message.removeprefix('denied: '))}" async for e in ops.events(report.run.id)}
        assert {row.detail for row in denied} <= told
        assert (await ops.audit.verify()).whole


async def test_a_thought_and_its_row_are_one_transaction(
    settings: Settings, fakes: FakeServices, ana: Profile, monkeypatch: pytest.MonkeyPatch
) -> None:
    from agent_ops.storage.audit import Audit

    whole = Audit.append

    def no_decision(self: Audit, kind: str, *more: str, **fields: str) -> None:
        if kind == "decision":
            raise sqlite3.OperationalError("the disk is gone")
        whole(self, kind, *more, **fields)

    async with AgentOps(settings, adapters=fakes.adapters()) as ops:
        run = await ops.submit(ana)
        await ops.wait(run.id)
        decisions = len(await rows_of(ops, "decision"))
        monkeypatch.setattr(Audit, "append", no_decision)
        with pytest.raises(Exception, match="disk is gone"):
            await ops._system.journal.decided(run.id, Decision("a thought that is not kept", summary="x"))
        events = [e.message async for e in ops.events(run.id)]
    assert decisions >= 2
    assert "a thought that is not kept" not in events


async def test_no_row_holds_a_name_an_address_or_words(settings: Settings, fakes: FakeServices, tmp_path: Path) -> None:
    """Everything that a person can do, by callers and for hires whose names are looked for in the bytes afterwards."""
    zoe = Profile(
        "Zoë Quintessa", "Engineering", level="L2", location="Lisbon", external_id="E-77", contact_number="+351 912345678"
    )
    async with AgentOps(settings, adapters=fakes.adapters(), caller=CALLER, planner=Deciding()) as ops:
        report = await ops.onboard(zoe, ["github"])
        await ops.pause(item="github", reason="Maria says so")
        await ops.resume(item="github")
        waiting = await ops.submit(
            Profile("Yann Quintessa", "Engineering", external_id="E-78"), run_after=date.today() + timedelta(60)
        )
        await ops.cancel(waiting.id)
        await ops.cancel(report.run.id, undo=True)
        await ops.clear_address(report.employee.id)
        await ops._system.ledger.perform("no-run", Proposal("entra", Action.ADD_TO_GROUP, "Zoë Quintessa"))
        await back_up(settings.data_dir, tmp_path / "backup")
    await restore(settings.data_dir, tmp_path / "backup", CALLER)
    with contextlib.closing(sqlite3.connect(settings.data_dir / "operations.db")) as db, db:
        text = json.dumps(db.execute("SELECT * FROM audit").fetchall(), ensure_ascii=False).casefold()
        kinds = {kind for (kind,) in db.execute("SELECT kind FROM audit")}
    db.close()
    assert kinds >= {"grant", "decision", "denied", "intent", "succeeded", "run_ended", "paused", "resumed", "address_cleared"}
    assert [
        word for word in ("maria", "pereira", "zoë", "zoe", "yann", "quintessa", "912345678", "@", "says") if word in text
    ] == []


NAMES = ["library", "os:root", "maria", "Maria Pereira", "maria@acme.example", "a b", "12345678901", "ana.silva"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_never_passes_as_a_code(name: str) -> None:
    assert subject_of(name, KEYS) == f"caller-{KEYS.hashed(name)}"
    assert detail_of(name, KEYS) == f"text-{KEYS.hashed(name)}"
    assert detail_of(f"by={name}", KEYS) == f"text-{KEYS.hashed(f'by={name}')}"
    assert name not in subject_of(name, KEYS)


DETAILS = [
    *("", "attempt 3", "done", "steps=2 decision=" + "0" * 24, "cancelled by=caller-" + "a" * 24, "2026-01-02T03:04:05+00:00"),
    "seal=" + "a" * 64 + " policy=0123456789abcdef key=k12",
    "backup_of=2026-01-02T03:04:05+00:00 head=17:" + "f" * 64,
    *sorted(CODES),
]


@pytest.mark.parametrize("code", DETAILS)
def test_codes_stay_as_they_are(code: str) -> None:
    assert detail_of(code, KEYS) == code


def test_ids_and_items_stay_as_they_are() -> None:
    for subject in ("", "a947de3404f3c9ae6f238988fe251727", "65743bb5-1866-4a4a-abd8-0538a396a6c4", "caller-" + "a" * 24):
        assert subject_of(subject, KEYS) == subject
    for item in ("", "github", "item:github", "access.2", "agent:entra"):
        assert item_of(item, KEYS) == item
    assert item_of("Ana Silva", KEYS) == f"text-{KEYS.hashed('Ana Silva')}"


async def test_whatever_a_planner_decides_has_a_row(settings: Settings, fakes: FakeServices, ana: Profile) -> None:
    circle: list[object] = []
    circle.append(circle)
    odd = [{"x": {1, 2}}, {"x": circle}, {"x": {1: 2, "a": 3}}, {"x": "\ud800"}]
    async with AgentOps(settings, adapters=fakes.adapters()) as ops:
        run = await ops.submit(ana, ["github"])
        await ops.wait(run.id)
        before = len(await rows_of(ops, "decision"))
        for arguments in odd:
            await ops._system.journal.decided(run.id, Decision("odd", (Step("s", "jenkins", "g", arguments=arguments),)))
        assert len(await rows_of(ops, "decision")) == before + len(odd)
        assert (await ops.audit.verify()).whole


async def test_a_grant_without_its_row_shows_that_everything_was_cut_off(
    settings: Settings, fakes: FakeServices, ana: Profile
) -> None:
    async with AgentOps(settings, adapters=fakes.adapters()) as ops:
        await ops.onboard(ana, ["github"])
    (settings.data_dir / "audit-head").unlink()
    with Attacker(settings.data_dir) as db:
        db.execute("DELETE FROM audit")
    async with AgentOps(settings, adapters=fakes.adapters()) as ops:  # which begins a new head: it looks like a new database
        (finding,) = (await ops.audit.verify()).findings
    assert finding.kind == "unprotected" and "has no row" in finding.words


async def test_a_policy_is_kept_as_it_was(
    settings: Settings, fakes: FakeServices, ana: Profile, policy: EntitlementPolicy
) -> None:
    async with AgentOps(settings, adapters=fakes.adapters()) as ops:
        await ops.onboard(ana, ["github"])
        kept = await ops._system.store.read(lambda tx: tx.policies.text(policy.version))
    assert kept == EXAMPLE.read_text(encoding="utf-8")
    with contextlib.closing(sqlite3.connect(settings.data_dir / "operations.db")) as db, db:
        for sql in ("UPDATE policies SET text = ''", "DELETE FROM policies"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                db.execute(sql)
    db.close()


async def test_a_pack_tells_who_what_why_and_by_whose_word(
    settings: Settings, fakes: FakeServices, ana: Profile, policy: EntitlementPolicy, tmp_path: Path
) -> None:
    async with AgentOps(settings, adapters=fakes.adapters(), caller=CALLER, planner=Deciding()) as ops:
        report = await ops.onboard(ana, ["github"])
        await ops.onboard(Profile("Bo Other", "Engineering", external_id="E-2"))
        pack = await ops.audit.pack(await ops.audit.select(person="Ana Silva"))
    pack.write(tmp_path / "pack")
    page = (tmp_path / "pack" / "README.md").read_text(encoding="utf-8")
    whom = ("Ana Silva", "ana.silva@acme.example", "Maria Pereira")
    for told in ("yes: ", *whom, "seal is valid", policy.version, "jenkins.run", "github"):
        assert told.replace("_", "\\_").replace("<", "\\<") in page, told
    assert "Bo Other" not in page
    assert (tmp_path / "pack" / "policies" / f"{policy.version}.toml").read_text() == EXAMPLE.read_text()
    (grant,) = [json.loads(line) for line in (tmp_path / "pack" / "grants.jsonl").read_text().splitlines()]
    assert grant["body"]["caller"] == CALLER.name and grant["seal_is"] == "valid"
    lines = [json.loads(line) for line in (tmp_path / "pack" / "audit.jsonl").read_text().splitlines()]
    assert {line["run_id"] for line in lines} == {report.run.id}
    denied = [line["words"] for line in lines if line["kind"] == "denied"]
    assert any("confluence the grant has no jenkins.run_pipeline for confluence" in words for words in denied)
