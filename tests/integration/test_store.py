"""The operations database: what remains of a transaction that fails, who may read, what a damaged file is called."""

from __future__ import annotations

import asyncio
import gc
import random
import sqlite3
from pathlib import Path

import pytest

from agent_ops import Profile
from agent_ops.domain.access import AccessItem, ItemStatus
from agent_ops.domain.errors import StorageBusy, StorageCorrupt, StorageError
from agent_ops.domain.runs import LifecycleEvent, Request, RunStatus
from agent_ops.runtime.housekeeping import prune_events
from agent_ops.storage import Store, Tx

ANA = Request(Profile("Ana Silva", "Sales"))


async def opened(path: Path, **options: float) -> Store:
    return await Store(path / "operations.db", b"audit", **options).open()


async def test_nothing_remains_of_a_transaction_that_raises(tmp_path: Path) -> None:
    store = await opened(tmp_path)

    def work(tx: Tx) -> None:
        tx.people.insert("e", ANA)
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError):
        await store.transaction(work)
    assert await store.read(lambda tx: tx.people.all()) == []
    await store.close()
    await store.close()


async def test_a_locked_database_is_told_after_the_wait(tmp_path: Path) -> None:
    store = await opened(tmp_path, busy_timeout=0.1)
    holder = sqlite3.connect(tmp_path / "operations.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageBusy, match="locked"):
        await store.transaction(lambda tx: tx.people.insert("e", ANA))
    holder.execute("ROLLBACK")
    holder.close()
    await store.transaction(lambda tx: tx.people.insert("e", ANA))
    await store.close()


async def test_two_processes_worth_of_connections_lose_nothing(tmp_path: Path) -> None:
    stores = [await opened(tmp_path) for _ in range(3)]
    writes = [s.transaction(lambda tx, n=n: tx.logs.event("r", "k", f"line {n}")) for n in range(50) for s in stores]
    await asyncio.gather(*writes)
    assert len(await stores[0].read(lambda tx: tx.logs.events("r"))) == 150
    for store in stores:
        await store.close()


async def test_reading_makes_nothing_and_needs_no_write_access(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await store.transaction(lambda tx: tx.people.insert("e", ANA))
    await store.close()
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    reader = await Store(tmp_path / "operations.db", b"").open_to_read()
    assert [e.profile.name for e in await reader.read(lambda tx: tx.people.all())] == ["Ana Silva"]
    with pytest.raises(StorageError, match="closed"):
        await reader.transaction(lambda tx: tx.people.insert("f", ANA))
    await reader.close()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if not path.name.endswith(("-shm", "-wal"))} == before


async def test_a_damaged_file_is_named_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "operations.db").write_bytes(b"no database at all " * 500)
    for opening in (Store.open, Store.open_to_read):
        with pytest.raises(StorageCorrupt, match=r"operations\.db"):
            await opening(Store(tmp_path / "operations.db", b""))


async def test_a_database_of_another_program_is_told_when_reading(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "operations.db")
    other.execute("CREATE TABLE notes (text)")
    other.commit()
    other.close()
    with pytest.raises(StorageError, match="no such table"):
        await Store(tmp_path / "operations.db", b"").open_to_read()


async def test_nobody_is_given_an_address_that_looks_like_anothers(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    domain = "acme.example"
    first = await store.transaction(lambda tx: tx.people.reserve_address("e1", iter([f"anna.carne@{domain}"])))
    second = await store.transaction(
        lambda tx: tx.people.reserve_address("e2", iter([f"anna.came@{domain}", f"anna.came2@{domain}"]))
    )
    again = await store.transaction(lambda tx: tx.people.reserve_address("e1", iter([f"anna.carne@{domain}"])))
    assert (first, second, again) == (f"anna.carne@{domain}", f"anna.came2@{domain}", f"anna.carne@{domain}")
    await store.close()


async def test_events_of_runs_that_ended_long_ago_go_and_nothing_else(tmp_path: Path) -> None:
    store = await opened(tmp_path)

    def fill(tx: Tx) -> None:
        tx.people.insert("e", ANA)
        for run_id in ("old", "new", "going"):
            tx.runs.insert(run_id, "e", ANA.event, None)
            for number in range(3):
                tx.logs.event(run_id, "thought", f"{run_id} {number}")
        for run_id in ("old", "new"):
            tx.runs.finish(run_id, RunStatus.DONE, "")
        tx.runs._db.execute("UPDATE runs SET finished_at = '2020-01-01T00:00:00.000+00:00' WHERE id = 'old'")
        tx.logs.audit("run_ended", "old", "e")

    await store.transaction(fill)
    assert await prune_events(store, 365) == 3
    left = await store.read(lambda tx: tx.logs.events(None))
    assert {event.run_id for event in left} == {"new", "going"}
    assert await store.read(lambda tx: tx.runs.get("old")) is not None
    assert await prune_events(store, 365) == 0
    await store.close()


async def test_no_byte_of_what_was_removed_is_left_after_a_busy_day(tmp_path: Path) -> None:
    """Rows move from page to page as others grow: SQLite overwrites where they were last, not where they were before."""
    store, choose = await opened(tmp_path), random.Random(1)
    people = [f"{choose.getrandbits(64):016x}" for _ in range(200)]

    def a_day(tx: Tx) -> None:
        for person in people:
            tx.people.insert(person, Request(Profile("Ana Silva", "Sales", manager="Canary Gone" if person in gone else None)))
            tx.runs.insert(person, person, LifecycleEvent.JOINER, None)
        for number in range(3000):
            person = choose.choice(people)
            said = ("canary " if person in gone else "nothing ") * choose.randrange(1, 200)
            tx.logs.event(person, "thought", said)
            tx.people.set_items(person, [AccessItem(f"item{number % 20}", ItemStatus.FAILED, "reason", said)])

    gone = set(people[::5])
    await store.transaction(a_day)
    await store.transaction(lambda tx: [tx.erasures.erase(person) for person in gone])
    await store.scrub()
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert content.lower().count(b"canary") == 0
    assert content.count(b"nothing") > 1000
    await store.close()


async def test_the_process_that_scrubs_forgets_whom_it_read(tmp_path: Path) -> None:
    """Parsed profiles are kept between transactions, and no longer than that."""

    def remembered() -> int:
        gc.collect()
        return sum(isinstance(thing, Profile) and thing.name == "Zoë Forgotten" for thing in gc.get_objects())

    store = await opened(tmp_path)
    await store.transaction(lambda tx: tx.people.insert("e", Request(Profile("Zoë Forgotten", "Sales"))))
    await store.read(lambda tx: (tx.people.get("e"), tx.people.request_of("e")))
    assert remembered() == 2
    await store.transaction(lambda tx: tx.erasures.erase("e"))
    await store.scrub()
    assert remembered() == 0
    await store.close()
