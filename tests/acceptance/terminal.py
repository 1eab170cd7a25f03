"""A program in a pseudo-terminal, talked to as a person does: wait for words, then type."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

_MARKS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """What a shell starts in its background ignores Ctrl-C, and so does all that it starts; in a terminal nothing does."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class Terminal:
    """`agent-ops` with the given arguments. ``seen`` is all that was on the screen, without colours."""

    def __init__(self, *arguments: str, cwd: Path, **env: str) -> None:
        self._ours, theirs = pty.openpty()
        with _interruptible():
            self._process = subprocess.Popen(
                [sys.executable, "-m", "agent_ops", *arguments],
                cwd=cwd,
                env={"PATH": "/usr/bin:/bin", "PYTHONUTF8": "1", "COLUMNS": "400", "TERM": "xterm", **env},
                stdin=theirs,
                stdout=theirs,
                stderr=theirs,
                start_new_session=True,
            )
        os.close(theirs)
        self.seen, self._read = "", 0

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._ours)

    def wait_for(self, words: str, seconds: float = 30) -> str:
        """Read on until these words have come; answer what came before them, since the last time."""
        deadline = time.monotonic() + seconds
        while words not in self.seen[self._read :]:
            assert self._more(deadline), f"{words!r} did not come:\n{self.seen}"
        at = self.seen.index(words, self._read)
        before, self._read = self.seen[self._read : at], at + len(words)
        return before

    def answer(self, words: str, text: str) -> None:
        """Wait for a question, then type the answer and Enter."""
        self.wait_for(words)
        os.write(self._ours, f"{text}\n".encode())

    def interrupt(self) -> None:
        """Ctrl-C, as the terminal passes it on; pressed again when nothing comes of it.

        A signal that arrives just before ``input()`` blocks is seen by Python only once it returns.
        """
        for _ in range(5):
            os.killpg(self._process.pid, 2)
            deadline = time.monotonic() + 5
            while self._more(deadline):
                pass
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(1)
                return

    def end(self, seconds: float = 30) -> int:
        """Read to the end and answer the exit code."""
        deadline = time.monotonic() + seconds
        while self._more(deadline):
            pass
        return self._process.wait(max(0.1, deadline - time.monotonic()))

    def _more(self, deadline: float) -> bool:
        ready, _, _ = select.select([self._ours], [], [], max(0.0, deadline - time.monotonic()))
        try:
            data = os.read(self._ours, 65536) if ready else b""
        except OSError:  # Linux says so when the other side has been closed
            data = b""
        self.seen = _MARKS.sub("", self.seen + data.decode("utf-8", "replace"))
        return bool(data)
