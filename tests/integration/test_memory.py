"""Long-term memory over the operations database: what is learned, from what, by whom it is seen, and how it is forgotten."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as bounded
from hypothesis import strategies as st
from langchain_core.vectorstores import VectorStore

from agent_ops import AgentOps, Caller, Profile, RunStatus, Settings
from agent_ops.domain.access import AccessItem, ItemStatus
from agent_ops.domain.effects import Action
from agent_ops.domain.errors import InvalidRequest
from agent_ops.domain.pattern import PatternChanges, Source
from agent_ops.domain.recommendation import Recalled
from agent_ops.memory.pattern_index import PatternIndex
from agent_ops.memory.vector_store import PatternVectorStore
from agent_ops.runtime import remembering
from agent_ops.runtime.data_dir import DATABASE
from agent_ops.runtime.remembering import StoredPatterns
from agent_ops.storage import Store, Tx
from agent_ops.storage.migrations import migrations
from tests.fakes import FakeServices

EVERYTHING = Caller("admin", frozenset({"onboard", "status", "link", "erase", "undo", "cancel"}))
LISBON = {"team": "Engineering", "level": "L2", "location": "Lisbon"}
NAMES = ("Ana Silva", "Bo Lindqvist", "Carla Moreno", "Dmitri Volkov", "Esther Adeyemi", "Farid Haddad")
Rows = list[tuple[dict[str, str], int, dict[str, int], str]]


def of(ops: AgentOps) -> Any:
    return ops._system


async def rows(store: Store) -> Rows:
    """Every pattern, but for its number."""
    changes = await store.read(lambda tx: tx.patterns.changes(0))
    return sorted([(dict(p.profile), p.people, dict(p.items), p.last_seen) for p in changes.changed], key=repr)


def hire(ana: Profile, number: int) -> Profile:
    return replace(ana, name=NAMES[number], external_id=f"E-10{number}")


@pytest.fixture
async def admin(settings: Settings, fakes: FakeServices) -> AsyncIterator[AgentOps]:
    async with AgentOps(settings, caller=EVERYTHING, adapters=fakes.adapters()) as ops:
        yield ops


async def test_who_comes_later_hears_of_those_before_and_nothing_that_names_one(admin: AgentOps, ana: Profile) -> None:
    reports = [await admin.onboard(hire(ana, number)) for number in range(6)]
    memory = of(admin).memory
    ((profile, people, items, _),) = await rows(of(admin).store)
    assert (profile, people) == (LISBON, 6)
    assert items == dict.fromkeys([item.item for item in reports[0].items if item.status.in_place], 6)
    lines = (await memory.recall(reports[0].run.id)).patterns
    assert any(line.startswith("github: 6 of 6 people of Engineering L2 in Lisbon have it (probability 0.") for line in lines)
    assert [word for word in " ".join(NAMES).split() if word in "".join(lines)] == []
    assert await memory.recall("a run that is only planned") == Recalled()


async def test_learning_again_counts_once(admin: AgentOps, ana: Profile) -> None:
    """As when a process is killed between `learn` and the end of the run, or two drive it."""
    report = await admin.onboard(ana)
    before = await rows(of(admin).store)
    await asyncio.gather(*(of(admin).memory.learn(report.run.id) for _ in range(5)))
    assert await rows(of(admin).store) == before
    assert before[0][1] == 1


async def test_a_run_that_fails_half_way_teaches_nothing(admin: AgentOps, fakes: FakeServices, ana: Profile) -> None:
    fakes[Action.RUN_PIPELINE].failing_items = {"github"}
    report = await admin.onboard(ana)
    assert report.run.status is RunStatus.FAILED
    assert await rows(of(admin).store) == []


async def test_a_status_without_a_success_in_the_ledger_teaches_nothing(admin: AgentOps, ana: Profile) -> None:
    report = await admin.onboard(ana)
    store, who = of(admin).store, report.employee.id
    await store.transaction(lambda tx: tx.people.set_items(who, [AccessItem("root", ItemStatus.VERIFIED, "said")]))
    await of(admin).memory.learn(report.run.id)
    ((_, _, items, _),) = await rows(store)
    assert "github" in items
    assert "root" not in items


async def test_an_onboarding_that_is_undone_is_unlearned(admin: AgentOps, ana: Profile) -> None:
    done = await admin.onboard(ana)
    assert len(await rows(of(admin).store)) == 1
    await admin.wait((await admin.cancel(done.run.id, undo=True)).id)
    assert await rows(of(admin).store) == []


async def test_an_erased_person_is_as_if_never_learned(
    admin: AgentOps, fakes: FakeServices, settings: Settings, ana: Profile
) -> None:
    await admin.onboard(ana)
    before = await rows(of(admin).store)
    alike = await admin.onboard(hire(ana, 1))
    apart = await admin.onboard(replace(hire(ana, 2), team="Data", level="L3"))
    assert len(await rows(of(admin).store)) == 2
    async with AgentOps(settings, caller=EVERYTHING, adapters=fakes.adapters()) as neighbour:
        watching = of(neighbour).memory
        await watching.recall(alike.run.id)
        assert watching.index.cohort({"team": "Data"}).people == 1
        for report in (alike, apart):
            await admin.erase(report.employee.id)
            await of(admin).memory.learn(report.run.id)  # whoever still works for them
        assert await rows(of(admin).store) == before
        await watching.recall(alike.run.id)
        assert watching.index.cohort({"team": "Data"}).people == 0
    left = await of(admin).store.read(lambda tx: tx.patterns._db.execute("SELECT contributor FROM contributions").fetchall())
    assert {who for (who,) in left}.isdisjoint({alike.employee.id, apart.employee.id})


CHANGES = st.lists(
    st.tuples(st.sampled_from("pqr"), st.sampled_from(["Data", "Sales"]), st.none() | st.sets(st.sampled_from("xyz"))),
    max_size=12,
)


@bounded(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(CHANGES)
async def test_patterns_are_always_what_a_recount_of_those_who_remain_gives(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[str, str, set[str] | None]]
) -> None:
    store = await Store(tmp_path_factory.mktemp("db") / "operations.db", b"key").open()
    fresh = await Store(tmp_path_factory.mktemp("db") / "operations.db", b"key").open()
    memory, truth = PatternVectorStore(StoredPatterns(store)), dict[str, tuple[str, set[str]]]()
    try:
        for who, team, items in changes:
            if items is None:
                assert await memory.adelete([who]) == (truth.pop(who, None) is not None)
            else:
                await memory.aadd_texts([f"team={team}"], [{"items": sorted(items)}], ids=[who])
                truth[who] = (team, items)
            await memory.refresh()
        again = PatternVectorStore(StoredPatterns(fresh))
        for who, (team, items) in truth.items():
            await again.aadd_texts([f"team={team}"], [{"items": sorted(items)}], ids=[who])
        assert await rows(store) == await rows(fresh)
        for team in ("Data", "Sales"):
            assert memory.index.cohort({"team": team}).people == sum(t == team for t, _ in truth.values())
    finally:
        await store.close()
        await fresh.close()


async def test_the_vector_store_is_langchains(admin: AgentOps) -> None:
    rows_of, other = StoredPatterns(of(admin).store), PatternVectorStore(StoredPatterns(of(admin).store))
    memory: VectorStore = PatternVectorStore(rows_of)
    texts = ["team=Data, level=L2", "team=Data, level=L3", "team=Sales, level=L2"]
    assert await memory.aadd_texts(texts, [{"items": ["database"]}] * 3, ids=["p", "q", "r"]) == ["p", "q", "r"]
    found = await other.asimilarity_search_with_score("team=Data, level=L3", k=2)
    assert next((d.page_content, d.metadata["items"]) for d, _ in found) == ("team=Data, level=L3", {"database": 1})
    assert [near for _, near in found] == sorted((near for _, near in found), reverse=True)
    retrieved = await memory.as_retriever(search_kwargs={"k": 1}).ainvoke("team=Sales")
    assert [document.page_content for document in retrieved] == ["team=Sales, level=L2"]
    assert memory.get_by_ids([str(retrieved[0].id), "999", "none"]) == retrieved
    with pytest.raises(InvalidRequest, match="needs an id"):
        await memory.aadd_texts(texts)


async def test_to_follow_one_change_no_table_is_read_whole(admin: AgentOps) -> None:
    """A million past employees: what changed is found by index, or every recall after a hire would take seconds."""

    def work(tx: Any) -> list[str]:
        asked, conn = list[str](), tx.patterns._db.conn
        tx.patterns.contribute("p", {"team": "Data"}, ["database"], requester="hr")
        conn.set_trace_callback(asked.append)
        (one,) = tx.patterns.changes(tx.patterns.version() - 1).changed
        conn.set_trace_callback(None)
        assert one.sources
        selects = [sql for sql in asked if "pattern_version" not in sql]
        assert len(selects) == 3
        return [str(row[3]) for sql in selects for row in conn.execute(f"EXPLAIN QUERY PLAN {sql}")]

    plans = await of(admin).store.transaction(work)
    assert [plan for plan in plans if plan.startswith("SCAN")] == []
    assert [plan for plan in plans if "contributions" in plan] == [], (
        "nobody's own row is read: of one profile there may be thousands"
    )


PEOPLE = st.lists(
    st.tuples(
        st.sampled_from("pqrs"),
        st.sampled_from(["Data", "Sales"]),
        st.sampled_from(["", "hr", "boss"]),
        st.sets(st.sampled_from("xy")),
    ),
    max_size=12,
)


@bounded(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(PEOPLE, st.sets(st.sampled_from("pqrs")))
async def test_sources_are_what_a_recount_of_everybodys_own_rows_gives(
    tmp_path_factory: pytest.TempPathFactory, people: list[tuple[str, str, str, set[str]]], left: set[str]
) -> None:
    store = await Store(tmp_path_factory.mktemp("db") / "operations.db", b"key").open()
    truth = dict[str, tuple[str, str, set[str]]]()

    def work(tx: Tx) -> PatternChanges:
        for who, team, by, items in people:
            tx.patterns.contribute(who, {"team": team}, items, requester=by)
            truth[who] = (team, by, items)
        for who in left:
            tx.patterns.forget(who)
            truth.pop(who, None)
        return tx.patterns.changes(0)

    try:
        found = {pattern.profile["team"]: pattern for pattern in (await store.transaction(work)).changed}
    finally:
        await store.close()
    assert found.keys() == {team for team, _, _ in truth.values()}
    for team, pattern in found.items():
        held = [(by, items) for of, by, items in truth.values() if of == team]
        assert (pattern.people, pattern.items) == (len(held), Counter(item for _, items in held for item in items))
        assert pattern.sources == tuple(
            Source(by, sum(one == by for one, _ in held), Counter(item for one, items in held if one == by for item in items))
            for by in sorted({one for one, _ in held} - {""})
        )


LATER = ("contributions_lie_together", "sources_are_added_up")


async def test_an_older_database_keeps_who_brought_what(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    every = list(migrations._migrations)
    monkeypatch.setattr(migrations, "_migrations", [one for one in every if one.name not in LATER])
    store = await Store(tmp_path / DATABASE, b"key").open()
    await store.close()
    people = [
        (f"p{number}", 1 + (number % 3 > 0), f'["i{number % 2}"]', "2026-01-01", "hr" if number % 2 else "")
        for number in range(9)
    ]
    with closing(sqlite3.connect(tmp_path / DATABASE)) as old:
        for number, team, many in ((1, "Sales", 3), (2, "Data", 6)):
            old.execute("INSERT INTO patterns VALUES (?, ?, ?, '2026-01-01', 9)", (number, f'{{"team":"{team}"}}', many))
        old.execute("INSERT INTO pattern_items VALUES (1, 'i0', 2), (1, 'i1', 1), (2, 'i0', 3), (2, 'i1', 3)")
        old.execute("UPDATE pattern_version SET version = 9")
        old.executemany("INSERT INTO contributions VALUES (?, ?, ?, ?, ?)", people)
        old.commit()
    monkeypatch.setattr(migrations, "_migrations", every)
    store = await Store(tmp_path / DATABASE, b"key").open()
    kept = await store.read(lambda tx: tx.db.execute("SELECT * FROM contributions ORDER BY contributor").fetchall())
    assert kept == people
    found = (await store.read(lambda tx: tx.patterns.changes(0))).changed
    assert [pattern.items for pattern in found] == [{"i0": 2, "i1": 1}, {"i0": 3, "i1": 3}]
    assert [pattern.sources for pattern in found] == [(Source("hr", 1, {"i1": 1}),), (Source("hr", 3, {"i1": 3}),)]
    await store.transaction(lambda tx: tx.patterns.contribute("p0", {"team": "Data"}, ["i9"]))
    await store.transaction(lambda tx: [tx.patterns.forget(who) for who in ("p3", "p6")])
    assert [found[:3] for found in await rows(store)] == [({"team": "Data"}, 7, {"i0": 3, "i1": 3, "i9": 1})]
    with pytest.raises(sqlite3.IntegrityError):
        await store.transaction(lambda tx: tx.db.execute("INSERT INTO contributions VALUES ('p0', 1, '[]', '2026-01-01', '')"))
    await store.close()


async def test_many_patterns_are_followed_a_part_at_a_time(admin: AgentOps, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembering, "AT_ONCE", 3)
    store, index = of(admin).store, PatternIndex()
    memory = PatternVectorStore(StoredPatterns(store), index)
    people = [f"p{number}" for number in range(10)]
    await memory.aadd_texts([f"team=T{n % 8}" for n in range(10)], [{"items": ["jira"]}] * 10, ids=people)
    first = await StoredPatterns(store).changes(0)
    assert (len(first.changed), first.more, first.version) == (3, True, 5), "the first two have changed again since"
    await memory.refresh()
    await of(admin).memory.warm()
    assert await memory.adelete(people[:4])
    await memory.refresh()
    await store.read(of(admin).memory.refresh)
    for one in (index, of(admin).memory.index):
        assert one.version == await store.read(lambda tx: tx.patterns.version())
        assert [one.cohort({"team": f"T{team}"}).people for team in range(8)] == [1, 1, 0, 0, 1, 1, 1, 1]
