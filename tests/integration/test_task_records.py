"""What a task leaves: a row that older databases get room for, words that an erasure reaches, an evaluation that is mailed."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from agent_ops import AgentOps, Profile, RunStatus, Settings
from agent_ops.domain.effects import Action
from agent_ops.domain.errors import NotFound
from agent_ops.domain.grants import Caller
from agent_ops.domain.runs import LifecycleEvent, Request
from agent_ops.runtime.data_dir import DATABASE
from agent_ops.runtime.housekeeping import prune_events
from agent_ops.storage import Store
from agent_ops.storage.migrations import migrations
from tests.fakes import FakeServices
from tests.library import PULLS, Scripted, installed

ANA = Request(Profile("Ana Silva", "Sales"))


@pytest.fixture
def readers(monkeypatch: pytest.MonkeyPatch) -> dict[str, Scripted]:
    return installed(monkeypatch, github={"list_pull_requests": PULLS}, aws={}, jira={})


async def test_an_older_databases_runs_grants_and_triggers_survive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    every = list(migrations._migrations)
    monkeypatch.setattr(migrations, "_migrations", [one for one in every if one.name not in ("tasks", "less_is_left")])
    store = await Store(tmp_path / DATABASE, b"audit").open()
    await store.transaction(lambda tx: tx.people.insert("e", ANA))
    for name in ("r1", "r2"):
        await store.transaction(lambda tx, name=name: tx.runs.insert(name, "e", LifecycleEvent.JOINER, f"key-{name}"))
        await store.transaction(lambda tx, name=name: tx.admissions.add(name, "hr", 1.0))
    await store.close()
    monkeypatch.setattr(migrations, "_migrations", every)
    store = await Store(tmp_path / DATABASE, b"audit").open()
    runs = await store.read(lambda tx: tx.runs.of_employee("e"))
    assert [run.id for run in runs] == ["r2", "r1"], "their order stays"
    await store.transaction(lambda tx: tx.runs.insert("t", "", LifecycleEvent.TASK, None))
    with pytest.raises(sqlite3.IntegrityError):
        await store.transaction(lambda tx: tx.runs.insert("x", "nobody", LifecycleEvent.JOINER, None))
    with pytest.raises(sqlite3.IntegrityError):
        await store.transaction(lambda tx: tx.admissions.add("no such run", "hr", 1.0))
    await store.transaction(lambda tx: tx.erasures.erase("e"))
    await store.transaction(lambda tx: tx.runs.finish("r1", RunStatus.DONE, "back again"))
    ended = await store.read(lambda tx: tx.runs.get("r1"))
    assert ended is not None
    assert ended.summary == "", "the trigger that keeps tombstones shut is still there"
    await store.close()
    database = sqlite3.connect(tmp_path / DATABASE)
    assert database.execute("PRAGMA foreign_key_check").fetchall() == []
    indices = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE tbl_name = 'runs' AND type = 'index'")}
    assert {"runs_by_status", "runs_by_employee", "runs_by_plan"} <= indices
    database.close()


async def test_a_task_is_taken_up_by_the_next_process(
    readers: dict[str, Scripted], settings: Settings, fakes: FakeServices
) -> None:
    async with AgentOps(settings, adapters=fakes.adapters()) as ops:
        await ops._dispatcher.stop()  # as a process that dies before it drives anything
        run = await ops.submit_task("List open pull requests of acme/web")
        await ops.submit_task("Generate and save email for user with name John Doe", {"name": "John Doe"})
    async with AgentOps(settings, adapters=fakes.adapters()) as ops:
        await ops._ended(run.id, 20)
        report = await ops.task(run.id)
        assert report.run.status is RunStatus.DONE
        assert report.sources == ("GitHub: acme/web#12", "GitHub: acme/web#14")
        (john,) = await ops.employees()
        await ops._ended(john.run.id, 20)
        assert (await ops.report("John Doe"))[0].account[0].detail == "john.doe@acme.example"


async def test_an_erasure_reaches_every_task_that_names_the_person(
    readers: dict[str, Scripted], settings: Settings, fakes: FakeServices, ana: Profile
) -> None:
    everything = Caller("officer", frozenset({"onboard", "status", "erase", "task:read", "task:write"}))
    async with AgentOps(settings, adapters=fakes.adapters(), caller=everything) as ops:
        await ops.onboard(ana)
        asked = await ops.execute_task("Is Ana Silva's access complete?", timeout=60)
        part = await ops.execute_task("Status of Silva", timeout=60)
        other = await ops.execute_task("List open pull requests of acme/web", timeout=60)
        await ops.erase("Ana Silva")
        for gone in (asked, part):
            with pytest.raises(NotFound):
                await ops.task(gone.run.id)
        assert (await ops.task(other.run.id)).answer == other.answer
    left = b"".join(path.read_bytes() for path in settings.data_dir.glob(f"{DATABASE}*"))
    assert b"Ana Silva" not in left
    assert b"ana.silva@" not in left


async def test_old_tasks_are_forgotten_with_their_events(
    readers: dict[str, Scripted], settings: Settings, fakes: FakeServices
) -> None:
    async with AgentOps(settings, adapters=fakes.adapters()) as ops:
        report = await ops.execute_task("List open pull requests of acme/web", timeout=60)
        assert await prune_events(ops._system.store, 1) == 0
        assert await prune_events(ops._system.store, -1) > 1
        with pytest.raises(NotFound):
            await ops.task(report.run.id)


async def test_every_run_is_evaluated_and_the_mail_says_so(settings: Settings, fakes: FakeServices, ana: Profile) -> None:
    fakes[Action.RUN_PIPELINE].failing_items = {"aws"}
    async with AgentOps(settings, adapters=fakes.adapters()) as ops:
        report = await ops.onboard(replace(ana, joining_date=date(2026, 1, 5)), ["aws", "github", "figma"])
    counted = report.evaluation
    assert counted is not None
    assert (counted.asked, counted.done, counted.refused, counted.failed) == (5, 3, 1, 1)
    assert 0 < counted.seconds < 60
    bodies = {i.proposal.item: i.pinned["body"] for i in fakes[Action.SEND_MAIL].done.values()}
    assert "This run:" in bodies["access"]
    assert "asked 5, done 3, refused 1, failed 1, unknown 0" in bodies["access"]
    assert "This run:" not in bodies["account"], "it is sent before the end"
