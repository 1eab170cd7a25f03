"""Who watches over the workers replaces one that dies, whenever it dies."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from uvicorn.supervisors import multiprocess

from agent_ops.api.serving import Watcher

PATIENCE_SECONDS = 20


class Dying:
    """The watcher's end of a worker's pipe; the worker is killed once it was asked, and before it could answer."""

    def __init__(self, pipe: Any, pid: int) -> None:
        self._pipe, self._pid = pipe, pid

    def send(self, question: bytes) -> None:
        os.kill(self._pid, signal.SIGSTOP)
        os.waitpid(self._pid, os.WUNTRACED)
        self._pipe.send(question)
        os.kill(self._pid, signal.SIGKILL)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pipe, name)


@pytest.fixture
def watcher() -> Iterator[Watcher]:
    """One that watches over one worker, whose application nobody asks anything. This process's signals are left as they were."""
    before = {number: signal.getsignal(number) for number in multiprocess.SIGNALS}
    config = uvicorn.Config(asyncio.sleep, workers=1, lifespan="off", timeout_worker_healthcheck=PATIENCE_SECONDS)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made = Watcher(config, [listener])
        made.init_processes()
        try:
            yield made
        finally:
            for process in made.processes:
                process.kill()
                process.join()
            for number, handler in before.items():
                signal.signal(number, handler)


@pytest.mark.slow
def test_a_worker_that_is_killed_while_it_is_asked_is_replaced_at_once(watcher: Watcher) -> None:
    """Its watcher waited for the answer to the end of its patience, replaced nobody and heeded no signal."""
    (worker,) = watcher.processes
    assert worker.wait_until_ready(PATIENCE_SECONDS) and worker.pid is not None
    worker.parent_conn = Dying(worker.parent_conn, worker.pid)  # type: ignore[assignment]
    began = time.monotonic()
    watcher.keep_subprocess_alive()
    assert time.monotonic() - began < PATIENCE_SECONDS / 2
    (another,) = watcher.processes
    assert another.pid != worker.pid and another.process.is_alive()
