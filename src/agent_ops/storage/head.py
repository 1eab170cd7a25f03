"""The audit's head outside the database: what tells that rows were cut off the end, or that the file is an older copy.

Two lines of fixed length, written in turn and in place, so that an interrupted write leaves the other one; each is sealed, so
that nobody without the keys can write one. It may lie on another volume (a symbolic link in the data directory says where):
an in-place write follows the link, which replacing the file would not.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hmac
import json
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import structlog

from agent_ops.domain.audit import AuditKeys, Head
from agent_ops.storage.audit import Audit

log = structlog.get_logger(__name__)
HEAD_FILE = "audit-head"
_LINE = 256
_SYNC_EVERY_SECONDS = 1.0
_PATIENCE, _BRIEF = 10.0, 1.0
"""Seconds for the file's lock: of who needs it, and after a commit, which a later one makes up for."""
_LOOK_AGAIN = 0.001


class HeadFile:
    """The head's file. Blocking, but brief; several processes may use it at once.

    It is forced to the disk once a second at most: after a power cut it may be a moment behind, which is no harm, as a head
    that is behind is still one of the chain's rows. So it may when a process was stopped that keeps the file locked: the
    others leave it, and go on.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._synced = 0.0
        self._in_vain = False
        self._keys: AuditKeys | None = None
        self._judged: dict[bytes, Head | None] = {}

    def read(self, keys: AuditKeys) -> Head | None:
        """The newest head that is sealed as it must be; None when there is none.

        Raises:
            OSError: it cannot be read, or another process keeps it locked.
        """
        with contextlib.suppress(FileNotFoundError), self._locked(os.O_RDONLY, fcntl.LOCK_SH) as file:
            return self._newest(file, keys)
        return None

    def begin(self, keys: AuditKeys, last: Head) -> None:
        """Write the first head, of a chain that has none yet; leave one that is there alone."""
        with self._locked(os.O_RDWR | os.O_CREAT, fcntl.LOCK_EX) as file:
            if self._newest(file, keys) is None:
                self._write(file, keys, Head(last.id, last.mac, 1))
                os.fsync(file)

    def advance(self, keys: AuditKeys, last: Head, chain: Audit, *, anew: bool = False) -> str | None:
        """Write the newest row, unless the file has a newer one.

        Never over a head that is not of the chain, which is the evidence that rows were cut off: why it was left, then, or
        None when all is well.

        Args:
            keys: seal it.
            last: the newest row.
            chain: says whether a head is one of its rows, or was replaced by a restore.
            anew: a restore wrote that there was no head: begin with this one.
        """
        with self._locked(os.O_RDWR | (os.O_CREAT if anew else 0), fcntl.LOCK_EX, 0.0 if self._in_vain else _BRIEF) as file:
            present = self._newest(file, keys)
            if present is None and not anew:
                return "it is missing or damaged"
            of_the_chain = present is not None and chain.has(present)
            if present is not None and not of_the_chain and not chain.replaced(present):
                return f"it says row {present.id}, which is not of this chain"
            if present is None or not of_the_chain or present.id < last.id:
                self._write(file, keys, Head(last.id, last.mac, present.turn + 1 if present else 1))
                self._sync(file)
        return None

    def _newest(self, file: int, keys: AuditKeys) -> Head | None:
        """The lines are read every time; bytes that were judged by the same keys need not be again."""
        known = self._judged if keys is self._keys else {}
        content = os.pread(file, 2 * _LINE, 0)
        lines = content[:_LINE], content[_LINE:]
        self._keys, self._judged = keys, {line: known[line] if line in known else _parsed(line, keys) for line in lines}
        return max((head for head in self._judged.values() if head is not None), key=lambda head: head.turn, default=None)

    def _write(self, file: int, keys: AuditKeys, head: Head) -> None:
        line = _line(keys, head)
        os.pwrite(file, line, _LINE * (head.turn % 2))
        self._judged[line] = head

    def _sync(self, file: int) -> None:
        if time.monotonic() - self._synced > _SYNC_EVERY_SECONDS:
            os.fsync(file)
            self._synced = time.monotonic()

    @contextlib.contextmanager
    def _locked(self, flags: int, lock: int, patience: float = _PATIENCE) -> Iterator[int]:
        file, until = os.open(self.path, flags | os.O_CLOEXEC, 0o600), time.monotonic() + patience
        try:
            while not _taken(file, lock):
                if time.monotonic() > until:
                    self._in_vain = True
                    raise OSError(errno.EAGAIN, "another process keeps it locked")
                time.sleep(_LOOK_AGAIN)
            self._in_vain = False
            yield file
        finally:
            os.close(file)


def _taken(file: int, lock: int) -> bool:
    try:
        fcntl.flock(file, lock | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _parsed(line: bytes, keys: AuditKeys) -> Head | None:
    try:
        said = json.loads(line)
        head = Head(int(said["id"]), str(said["mac"]), int(said["turn"]))
        seal = keys.seal_of(str(said["key"]), head)
        return head if seal is not None and hmac.compare_digest(seal.encode(), str(said["seal"]).encode()) else None
    except (ValueError, KeyError, TypeError, OverflowError):  # whoever may write the file may write anything
        return None


def _line(keys: AuditKeys, head: Head) -> bytes:
    said = {"id": head.id, "mac": head.mac, "turn": head.turn, "key": keys.current, "seal": keys.seal_of(keys.current, head)}
    return json.dumps(said, separators=(",", ":")).encode().ljust(_LINE - 1) + b"\n"


class HeadKeeper:
    """Keeps the head behind the commits of one process. A head that cannot be written fails nothing: it is said, once."""

    def __init__(self, path: Path) -> None:
        self._file = HeadFile(path)
        self._told = ""

    def begin(self, chain: Audit) -> None:
        """At the start: a first head for a chain that never had one, else what an earlier process did not come to."""
        if chain.has_named_keys():
            self._guarded(lambda: self._file.advance(chain.keys, chain.last(), chain))
        else:
            self._guarded(lambda: self._file.begin(chain.keys, chain.last()))

    def keep(self, chain: Audit) -> None:
        """After a commit."""
        last = chain.appended
        if last is not None:
            self._guarded(lambda: self._file.advance(chain.keys, last, chain, anew=chain.anew))

    def _guarded(self, work: Callable[[], str | None]) -> None:
        try:
            why = work()
        except OSError as error:
            why = f"it cannot be written: {error.strerror}"
        except sqlite3.Error as error:  # what was committed is committed
            why = f"the chain cannot be looked at: {error}"
        if why is not None and why != self._told:
            log.error("audit_head_left", path=str(self._file.path), why=why)
        self._told = why or ""
