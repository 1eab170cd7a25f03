"""Who drives which run: leases, deaths and hand-overs."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from agent_ops import AgentOps, Caller, EntitlementPolicy, Profile, RunStatus, Settings
from agent_ops.domain.effects import Action
from agent_ops.domain.runs import Request, Run
from agent_ops.ledger.grants import GrantBook, SealingKeys
from agent_ops.runtime.dispatcher import LocalDispatcher
from agent_ops.runtime.edge import Edge
from agent_ops.runtime.granting import Granting
from agent_ops.runtime.lease import leased
from agent_ops.runtime.owners import Owners
from agent_ops.storage import Store, Tx
from tests.fakes import FakeServices

HOLDER = """
    import sys, time
    from pathlib import Path
    from agent_ops.runtime.owners import Owners
    owners = Owners(Path(sys.argv[1]))
    owners.enter()
    print(owners.name, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store(tmp_path / "operations.db", b"audit").open()
    yield opened
    await opened.close()


async def admitted(store: Store, policy: EntitlementPolicy, count: int = 1) -> list[Run]:
    edge = Edge(store, policy, Granting(policy, GrantBook(store, SealingKeys("k", {"k": b"k"}))), b"i")
    return [await edge.admit(Request(Profile(f"Hire {n}", "Sales", external_id=str(n))), Caller("tester")) for n in range(count)]


async def until(condition: object, seconds: float = 10) -> None:
    """Wait until an asynchronous condition holds."""

    async def poll() -> None:
        while not await condition():  # type: ignore[operator]
            await asyncio.sleep(0.01)

    await asyncio.wait_for(poll(), seconds)


def test_a_dead_process_is_told_from_a_living_and_from_an_unknown_one(tmp_path: Path) -> None:
    command = [sys.executable, "-c", textwrap.dedent(HOLDER), str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        name, me = holder.stdout.readline().strip(), Owners(tmp_path)
        assert not me.is_dead(name)
        holder.kill()
        holder.wait()
        assert me.is_dead(name)
    assert not me.is_dead("somebody-on-another-machine")


async def test_each_run_is_driven_by_one_of_two_dispatchers(store: Store, policy: EntitlementPolicy, tmp_path: Path) -> None:
    runs = await admitted(store, policy, 30)
    driven: list[str] = []

    async def drive(run_id: str) -> None:
        driven.append(run_id)
        await asyncio.sleep(0.01)
        await store.transaction(lambda tx: tx.runs.finish(run_id, RunStatus.DONE, ""))

    dispatchers = [LocalDispatcher(store, drive, Owners(tmp_path / "owners"), 5.0, 4) for _ in range(2)]
    for dispatcher in dispatchers:
        await dispatcher.start()

    async def all_ended() -> bool:
        found = [await store.read(lambda tx, wanted=run.id: tx.runs.get(wanted)) for run in runs]  # type: ignore[misc]
        return all(run is not None and run.status.ended for run in found)

    await until(all_ended)
    for dispatcher in dispatchers:
        await dispatcher.stop()
    assert sorted(driven) == sorted(run.id for run in runs)


async def test_a_run_claimed_while_the_dispatcher_stops_is_not_driven_beyond_that(
    store: Store, policy: EntitlementPolicy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cancellation comes when the claim is committed, and is lost in it."""
    (run,) = await admitted(store, policy)
    claiming, stopping = asyncio.Event(), asyncio.Event()
    under_way: set[str] = set()
    transaction = store.transaction

    async def deaf(work: Callable[[Tx], Any]) -> Any:
        found = await transaction(work)
        if isinstance(found, Run):
            claiming.set()
            with contextlib.suppress(asyncio.CancelledError):
                await stopping.wait()
        return found

    async def drive(run_id: str) -> None:
        under_way.add(run_id)
        try:
            await asyncio.Event().wait()
        finally:
            under_way.remove(run_id)

    monkeypatch.setattr(store, "transaction", deaf)
    dispatcher = LocalDispatcher(store, drive, Owners(tmp_path / "owners"), 5.0, 4)
    await dispatcher.start()
    await claiming.wait()
    await dispatcher.stop()
    for _ in range(5):
        await asyncio.sleep(0)
    assert under_way == set()
    assert not dispatcher._active
    assert (await store.read(lambda tx: tx.runs.lease_of(run.id)))[0] == ""


async def test_a_leased_run_is_left_alone_until_the_lease_is_over(store: Store, policy: EntitlementPolicy) -> None:
    (run,) = await admitted(store, policy)
    first = await store.transaction(lambda tx: tx.runs.claim("a", 100.0, 200.0))
    assert first is not None
    assert await store.transaction(lambda tx: tx.runs.claim("b", 150.0, 250.0)) is None
    assert await store.transaction(lambda tx: tx.runs.extend("a", 150.0, 300.0)) == {run.id}
    assert await store.transaction(lambda tx: tx.runs.claim("b", 250.0, 350.0)) is None
    taken = await store.transaction(lambda tx: tx.runs.claim("b", 301.0, 400.0))
    assert taken is not None
    assert await store.transaction(lambda tx: tx.runs.extend("a", 302.0, 400.0)) == set()


async def test_a_takeover_is_counted_and_nothing_else_is(store: Store, policy: EntitlementPolicy) -> None:
    """A run that waits, for its day or a pause, is taken up again and again with nobody lost; that was counted, too."""
    (run,) = await admitted(store, policy)

    async def claimed(owner: str, now: float) -> int:
        assert await store.transaction(lambda tx: tx.runs.claim(owner, now, now + 100.0)) is not None
        return (await store.read(lambda tx: tx.listing.facts())).takeovers

    assert await claimed("a", 100.0) == 0
    await store.transaction(lambda tx: tx.runs.park(run.id, "a", "a pause", 300.0))
    assert await claimed("a", 301.0) == 0
    await store.transaction(lambda tx: tx.runs.release_all("a"))  # it stops, and hands over
    assert await claimed("b", 302.0) == 0
    assert await claimed("c", 403.0) == 1, "the lease of b was over"
    await store.transaction(lambda tx: tx.runs.bury("c"))
    assert await claimed("d", 404.0) == 2, "c was known to be dead"


async def test_a_driver_whose_run_was_taken_over_is_stopped(store: Store, policy: EntitlementPolicy, tmp_path: Path) -> None:
    (run,) = await admitted(store, policy)
    stopped = asyncio.Event()

    async def drive(run_id: str) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            stopped.set()

    dispatcher = LocalDispatcher(store, drive, Owners(tmp_path / "owners"), 0.15, 4)
    await dispatcher.start()

    async def claimed() -> bool:
        return (await store.read(lambda tx: tx.runs.lease_of(run.id)))[0] != ""

    await until(claimed)
    await store.transaction(lambda tx: tx.runs._db.execute("UPDATE runs SET owner = 'thief', lease_until = 9e9"))
    await asyncio.wait_for(stopped.wait(), 60)
    await dispatcher.stop()
    assert (await store.read(lambda tx: tx.runs.lease_of(run.id)))[0] == "thief"


async def test_a_run_is_held_by_one_block_only(store: Store, policy: EntitlementPolicy) -> None:
    (run,) = await admitted(store, policy)
    async with leased(store, run.id, "a", 5.0) as first, leased(store, run.id, "b", 5.0) as second:
        assert (first, second) == (True, False)
    async with leased(store, run.id, "b", 5.0) as third:
        assert third


async def test_the_runs_of_a_killed_process_go_on_at_once(settings: Settings, fakes: FakeServices, ana: Profile) -> None:
    """The lease would last for ten seconds more: the lock of the dead process tells sooner."""
    command = [sys.executable, "-c", textwrap.dedent(HOLDER), str(settings.data_dir / "owners")]
    fakes[Action.RUN_PIPELINE].seconds = 30
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:  # noqa: ASYNC220
        assert holder.stdout is not None
        name = holder.stdout.readline().strip()
        async with AgentOps(settings, adapters=fakes.adapters()) as ops:
            run = await ops.submit(ana)
            async for event in ops.events(run.id):
                if event.agent == "jenkins":
                    break
        async with AgentOps(settings, adapters=fakes.adapters()) as ops:
            await ops._dispatcher.stop()
            await ops._system.store.transaction(
                lambda tx: tx.runs._db.execute("UPDATE runs SET owner = ?, lease_until = 9e9", (name,))
            )
            holder.kill()
            holder.wait()
            fakes[Action.RUN_PIPELINE].seconds = 0
            await ops._dispatcher.start()
            report = await ops.wait(run.id, timeout=60)
    assert report.run.status is RunStatus.DONE
    assert len(fakes[Action.RUN_PIPELINE].done) == 4
