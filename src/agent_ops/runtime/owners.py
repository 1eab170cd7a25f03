"""Which processes on this machine are alive: each holds a file lock that the kernel releases at its death.

A lease alone would make a restarted program wait until the dead one's lease is over. The lock tells at once, cannot be
fooled by a reused process id, and still counts a stopped process (SIGSTOP) as alive; for owners on other machines, which
have no file here, the lease alone decides. https://man7.org/linux/man-pages/man2/flock.2.html
"""

from __future__ import annotations

import fcntl
import uuid
from pathlib import Path
from typing import IO


class Owners:
    """The owners' lock files in one directory. Blocking, but brief."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._held: IO[str] | None = None
        self.name = uuid.uuid4().hex

    def enter(self) -> None:
        """Be alive, as ``name``."""
        self._directory.mkdir(parents=True, exist_ok=True)
        self._held = self._path(self.name).open("w")
        fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def leave(self) -> None:
        """Be gone, leaving no file."""
        if self._held is not None:
            self._path(self.name).unlink(missing_ok=True)
            self._held.close()
            self._held = None

    def is_dead(self, owner: str) -> bool:
        """Whether the owner was a process of this machine and is no more."""
        try:
            with self._path(owner).open("r+") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (FileNotFoundError, BlockingIOError):
            return False
        return True

    def alive(self) -> list[str]:
        """Every owner of this machine that lives, but for ourselves."""
        names = [path.stem for path in self._directory.glob("*.lock")]
        return [name for name in names if name != self.name and not self.is_dead(name)]

    def forget(self, owner: str) -> None:
        """Remove the file of a dead owner whose runs were freed."""
        self._path(owner).unlink(missing_ok=True)

    def _path(self, owner: str) -> Path:
        return self._directory / f"{owner}.lock"
