"""Processes of a proof: forked from one server, watched, stopped and killed from here."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import signal
from collections.abc import AsyncIterator
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from proofs.lives import Life, live

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(["proofs.lives"])
_LOOK = 0.02


class Process:
    """One process that lives a `Life`."""

    def __init__(self, life: Life) -> None:
        self.life = life
        self._process: ForkServerProcess = _FORKS.Process(target=live, args=(life,), daemon=True)
        self._process.start()

    @property
    def pid(self) -> int:
        pid = self._process.pid
        assert pid is not None
        return pid

    @property
    def code(self) -> int | None:
        """The exit code, negative for a signal; None while it lives."""
        return self._process.exitcode

    async def ended(self) -> int:
        """The exit code, once it has ended. A life ends by itself; one that does not within twice its time is killed."""
        for _ in range(int(2 * self.life.seconds / _LOOK) + 500):
            if (code := self.code) is not None:
                return code
            await asyncio.sleep(_LOOK)
        self.send(signal.SIGKILL)
        return 124

    async def stopped(self) -> bool:
        """Whether it has stopped itself (SIGSTOP); False when it ended instead."""
        while self.code is None:
            if self.is_stopped():
                return True
            await asyncio.sleep(_LOOK)
        return False

    def is_stopped(self) -> bool:
        """https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html, field 3"""
        try:
            return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"
        except OSError:
            return False

    def send(self, sign: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, sign)

    def owner(self) -> str:
        """Its name in leases: that of the lock file which it holds open; empty when it has none, or is gone."""
        with contextlib.suppress(OSError):
            for descriptor in Path(f"/proc/{self.pid}/fd").iterdir():
                with contextlib.suppress(OSError):
                    if (target := descriptor.readlink()).suffix == ".lock" and target.parent.name == "owners":
                        return target.stem
        return ""


@contextlib.asynccontextmanager
async def process(life: Life) -> AsyncIterator[Process]:
    """A process that does not outlive the block."""
    running = Process(life)
    try:
        yield running
    finally:
        if running.code is None:
            running.send(signal.SIGKILL)
            await running.ended()
