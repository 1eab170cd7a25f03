"""The storage's thread: in turn, to the end, and never for nobody."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from functools import partial

import pytest

from agent_ops.storage.worker import Worker


def _note(done: list[tuple[int, str]], number: int) -> None:
    done.append((number, threading.current_thread().name))


async def test_work_is_done_in_turn_by_one_thread() -> None:
    worker = Worker("turns")
    done: list[tuple[int, str]] = []
    await asyncio.gather(*(worker.do(partial(_note, done, n)) for n in range(50)))
    assert done == [(n, "turns") for n in range(50)]
    worker.stop()


async def test_what_is_raised_is_raised_to_who_asked() -> None:
    worker = Worker("raising")
    for error in (ValueError, SystemExit, KeyboardInterrupt):

        def work(error: type[BaseException] = error) -> None:
            raise error("so it is")

        with pytest.raises(error, match="so it is"):
            await worker.do(work)
    assert await worker.do(lambda: 7) == 7
    worker.stop()


async def test_what_is_cancelled_before_its_turn_is_not_done_and_what_was_begun_is() -> None:
    worker, begun, go, done = Worker("cancelled"), threading.Event(), threading.Event(), []

    def slow() -> None:
        begun.set()
        go.wait(30)
        done.append("slow")

    first = asyncio.create_task(worker.do(slow))
    second = asyncio.create_task(worker.do(lambda: done.append("second")))
    await asyncio.to_thread(begun.wait, 30)
    first.cancel()
    second.cancel()
    await asyncio.wait([first, second])
    go.set()
    await worker.do(lambda: done.append("third"))
    assert done == ["slow", "third"]
    worker.stop()


def test_a_loop_that_is_gone_stops_no_thread() -> None:
    worker, begun, go, done = Worker("lonely"), threading.Event(), threading.Event(), []

    def slow() -> None:
        begun.set()
        go.wait(30)
        done.append("slow")

    async def leave() -> None:
        task = asyncio.create_task(worker.do(slow))
        await asyncio.to_thread(begun.wait, 30)
        task.cancel()

    async def come_back() -> None:
        await worker.do(lambda: done.append("more"))

    asyncio.run(leave())
    go.set()
    asyncio.run(come_back())
    assert done == ["slow", "more"]
    worker.stop()


async def test_work_after_the_stop_begins_anew_and_nothing_is_kept_meanwhile() -> None:
    class Heavy:
        pass

    worker, heavy = Worker("again"), Heavy()
    gone = weakref.ref(heavy)
    assert await worker.do(partial(bool, heavy))
    worker.stop()
    assert await worker.do(lambda: 2) == 2
    del heavy
    gc.collect()
    assert gone() is None
    worker.stop()
