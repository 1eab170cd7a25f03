"""The operations database: one writer and one reader connection, each in a thread of its own, in WAL mode."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from sqlite_utils import Database

from agent_ops.domain.audit import AuditKeys
from agent_ops.domain.errors import StorageBusy, StorageCorrupt, StorageError, StorageReadOnly
from agent_ops.storage.admissions import Admissions
from agent_ops.storage.api_keys import ApiKeys
from agent_ops.storage.audit import Audit
from agent_ops.storage.breakers import Breakers
from agent_ops.storage.choices import Choices
from agent_ops.storage.effects import Effects
from agent_ops.storage.erasures import Erasures
from agent_ops.storage.head import HEAD_FILE, HeadKeeper
from agent_ops.storage.listing import Listing
from agent_ops.storage.migrations import migrations
from agent_ops.storage.patterns import Patterns
from agent_ops.storage.pauses import Pauses
from agent_ops.storage.people import People, forget_parsed
from agent_ops.storage.policies import Policies
from agent_ops.storage.pseudonyms import Pseudonyms
from agent_ops.storage.restores import Restores
from agent_ops.storage.runs import Logs, Runs
from agent_ops.storage.scrubbing import scrub
from agent_ops.storage.tasks import Tasks
from agent_ops.storage.usage import ModelUse
from agent_ops.storage.webhooks import Webhooks
from agent_ops.storage.worker import Worker

T = TypeVar("T")
BUSY_TIMEOUT_SECONDS = 10.0


class Tx:
    """Everything that can be read and written within one transaction. A connection has one, which begins with each of them."""

    def __init__(self, db: Database, audit_keys: Callable[[], AuditKeys], pseudonyms: Pseudonyms) -> None:
        self.db, self._audit_keys = db, audit_keys
        self.people = People(db, pseudonyms)
        self.runs = Runs(db, pseudonyms)
        self.effects = Effects(db)
        self.pauses = Pauses(db)
        self.admissions = Admissions(db)
        self.breakers = Breakers(db)
        self.restores = Restores(db)
        self.erasures = Erasures(db, pseudonyms)
        self.model_use = ModelUse(db)
        self.patterns = Patterns(db)
        self.choices = Choices(db)
        self.pseudonyms = pseudonyms
        self.policies = Policies(db)
        self.tasks = Tasks(db)
        self.api_keys = ApiKeys(db)
        self.listing = Listing(db)
        self.webhooks = Webhooks(db)
        self.begin()

    def begin(self) -> None:
        """A new transaction: what an earlier one wrote, and the keys that it saw, are its own."""
        self.audit = Audit(self.db, self._audit_keys)
        self.logs = Logs(self.db, self.audit)


class Store:
    """The operations database as a set of transactions.

    Args:
        path: the database file; made, with its tables, when absent.
        audit_keys: the keys of the audit chain, or a single one; a function when they may be rotated while it is open.
        busy_timeout: seconds to wait for another process's transaction.
        identity_key: makes the keyed hashes that stand for erased people; none is needed to read reports.

    Raises:
        StorageError: from every method, when the file cannot be used; the message says why and what to do.
    """

    def __init__(
        self,
        path: Path,
        audit_keys: bytes | Callable[[], AuditKeys],
        busy_timeout: float = BUSY_TIMEOUT_SECONDS,
        identity_key: bytes = b"",
    ) -> None:
        single = AuditKeys.of(audit_keys) if isinstance(audit_keys, bytes) else None
        self._keys = audit_keys if callable(audit_keys) else lambda: single or AuditKeys.of(b"")
        self._path, self._busy_timeout, self._pseudonyms = path, busy_timeout, Pseudonyms(identity_key)
        self._head = HeadKeeper(path.with_name(HEAD_FILE))
        self._writer = Worker("store-writer")
        self._reader = Worker("store-reader")
        self._open: dict[Worker, Tx] = {}

    async def open(self) -> Store:
        """Connect and bring the schema up to date."""
        try:
            self._open[self._writer] = await self._in(self._writer, self._connect_and_migrate)
            self._open[self._reader] = self._tx(await self._in(self._reader, self._connect))
        except BaseException:
            await self.close()
            raise
        return self

    async def open_to_read(self) -> Store:
        """Connect for reading only: nothing is made or migrated, so that a backup or a read-only disk can be read."""
        try:
            self._open[self._reader] = self._tx(await self._in(self._reader, self._connect_to_read))
        except BaseException:
            await self.close()
            raise
        return self

    async def close(self) -> None:
        """Close each connection in its own thread, after what was begun there; safe to call twice."""
        while self._open:
            worker, tx = self._open.popitem()
            await self._in(worker, tx.db.close)
        self._writer.stop()
        self._reader.stop()

    async def transaction(self, work: Callable[[Tx], T]) -> T:
        """Run ``work`` in one write transaction and commit it; nothing of it remains when it raises."""

        def run() -> T:
            tx = self._begun(self._writer)
            tx.db.execute("BEGIN IMMEDIATE")
            try:
                result = work(tx)
            except BaseException:
                tx.db.rollback()
                raise
            tx.db.commit()
            self._head.keep(tx.audit)
            return result

        return await self._in(self._writer, run)

    async def read(self, work: Callable[[Tx], T]) -> T:
        """Run ``work``, which only reads, on one consistent snapshot."""

        def run() -> T:
            tx = self._begun(self._reader)
            tx.db.execute("BEGIN")
            try:
                return work(tx)
            finally:
                tx.db.rollback()

        return await self._in(self._reader, run)

    async def copy_to(self, path: Path) -> None:
        """Write a consistent copy, while others read and write: https://www.sqlite.org/backup.html"""

        def run() -> None:
            with contextlib.closing(sqlite3.connect(path)) as copy:
                self._begun(self._reader).db.conn.backup(copy)

        await self._in(self._reader, run)

    async def scrub(self) -> None:
        """Leave no byte of what was removed, in the file, in its log or in this process, while others read and write.

        Raises:
            StorageBusy: another process reads or writes for long; what was removed is removed, its bytes may be there yet.
        """
        forget_parsed()
        await self._in(self._writer, lambda: scrub(self._begun(self._writer).db.conn))

    async def _in(self, worker: Worker, work: Callable[[], T]) -> T:
        def guarded() -> T:
            with mapped_errors(self._path):
                return work()

        return await worker.do(guarded)

    def _begun(self, worker: Worker) -> Tx:
        if worker not in self._open:
            raise StorageError(f"the database {self._path} is closed")
        self._open[worker].begin()
        return self._open[worker]

    def _tx(self, db: Database) -> Tx:
        return Tx(db, self._keys, self._pseudonyms)

    def _connect(self) -> Database:
        conn = sqlite3.connect(self._path, timeout=self._busy_timeout, check_same_thread=False, isolation_level=None)
        db = Database(conn, recursive_triggers=False, execute_plugins=False)
        try:
            db.execute("PRAGMA foreign_keys=ON")
            db.execute("PRAGMA synchronous=FULL")
        except sqlite3.DatabaseError:
            db.close()
            raise
        return db

    def _connect_to_read(self) -> Database:
        """Without write access to the directory SQLite needs to be told that nobody else writes (sqlite.org/uri.html)."""
        for mode in ("mode=ro", "immutable=1"):
            conn = sqlite3.connect(
                f"{self._path.resolve().as_uri()}?{mode}",
                uri=True,
                timeout=self._busy_timeout,
                check_same_thread=False,
                isolation_level=None,
            )
            try:
                conn.execute("SELECT 1 FROM runs LIMIT 1")
            except sqlite3.DatabaseError as error:
                conn.close()
                failed = error
            else:
                return Database(conn, recursive_triggers=False, execute_plugins=False)
        raise failed

    def _connect_and_migrate(self) -> Tx:
        db = self._connect()
        try:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA foreign_keys=OFF")  # a migration may make a table anew; within a transaction it cannot be said
            db.execute("BEGIN IMMEDIATE")
            migrations.apply(db)
        except BaseException:
            db.close()
            raise
        db.commit()
        db.execute("PRAGMA foreign_keys=ON")
        tx = self._tx(db)
        self._head.begin(tx.audit)
        return tx


@contextlib.contextmanager
def mapped_errors(path: Path) -> Iterator[None]:
    """SQLite's errors as ours. A constraint's violation passes: it is the caller's to understand."""
    try:
        yield
    except sqlite3.IntegrityError:
        raise
    except sqlite3.DatabaseError as error:
        words = str(error)
        kinds = {"locked": StorageBusy, "busy": StorageBusy, "readonly": StorageReadOnly, "malformed": StorageCorrupt}
        kinds["not a database"] = StorageCorrupt
        kind = next((kind for word, kind in kinds.items() if word in words), StorageError)
        raise kind(f"the database {path} cannot be used: {words}") from error
