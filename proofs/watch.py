"""In the process under proof: says which points are reached, and does there what it was told to do.

Installed after the fork, from outside: functions get the code that `points` derived from their own source, and the commit
of SQLite, the saver of checkpoints and the door are wrapped. The processes that recover install nothing of this.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import os
import re
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, TypeVar

from langgraph.checkpoint.base import BaseCheckpointSaver
from sqlite_utils import Database

from agent_ops.domain.effects import Action, Proposal
from agent_ops.ledger.attempt import Attempt
from agent_ops.ledger.door import Ledger
from agent_ops.storage import Store
from agent_ops.storage.checkpoints import Checkpoints
from proofs.patching import patch
from proofs.points import AFTER, BEFORE, Reader, awaiting, commit_sites

T = TypeVar("T")
RUN = "the run"
"""The column of what happens outside any effect."""
WRITES = ("aput", "aput_writes", "adelete_thread")
_column: ContextVar[str] = ContextVar("column", default=RUN)
_transaction = threading.local()


class What(str, Enum):
    """What a process does to itself at a point."""

    KILL = "kill"
    KILL_LATER = "kill later"  # after `seconds`, with the work going on meanwhile
    STOP = "stop"  # SIGSTOP, once
    LEAVE = "leave"  # an orderly end


@dataclass(frozen=True)
class Order:
    """``what`` at the first time that ``point``, a regular expression, is reached in ``column`` (None: in any)."""

    what: What
    point: str
    column: str | None = None
    seconds: float = 0.0

    def fits(self, point: str, column: str) -> bool:
        return self.column in (None, column) and re.search(self.point, point) is not None


@dataclass(frozen=True)
class Orders:
    """What a process under proof is told: where to write down what it reaches, and what to do where."""

    trace: Path
    orders: tuple[Order, ...] = ()


def column_of(proposal: Proposal) -> str:
    """An effect's column: its action, and for mails, each of which is a notification of its own, its name."""
    return f"{proposal.action.value} {proposal.item}" if proposal.action is Action.SEND_MAIL else proposal.action.value


class Watch:
    """Counts nothing, only remembers: each pair of point and column once, in a file that outlives the process."""

    def __init__(self, orders: Orders, leave: Callable[[], object]) -> None:
        self._trace = os.open(orders.trace, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._seen: set[tuple[str, str]] = set()
        self._due = list(orders.orders)
        self._leave = leave
        self._transaction = threading.RLock()
        self._writing = 0

    def reach(self, point: str, column: str | None = None) -> None:
        """The process is at this point now."""
        where = (point, column or _column.get())
        if where not in self._seen:
            self._seen.add(where)
            os.write(self._trace, f"{where[0]}\t{where[1]}\n".encode())
        for order in [order for order in self._due if order.fits(*where)]:
            self._due.remove(order)
            os.write(self._trace, f"!{order.what.value}\t{where[0]}\t{where[1]}\n".encode())
            self._obey(order)

    def _obey(self, order: Order) -> None:
        if order.what is What.KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        elif order.what is What.STOP:
            self._stop()
        elif order.what is What.LEAVE:
            self._leave()
        else:
            threading.Timer(order.seconds, os.kill, (os.getpid(), signal.SIGKILL)).start()

    def _stop(self) -> None:
        """Stop, but not inside a transaction: its lock on the file would stop every other process, too."""
        if threading.current_thread() is not threading.main_thread():
            while self._writing:
                time.sleep(0.005)
        with self._transaction:
            os.kill(os.getpid(), signal.SIGSTOP)

    async def _let_writes_end(self, point: str) -> None:
        """Before a stop in the event loop's thread, which could not wait for them."""
        while self._writing and any(order.what is What.STOP and order.fits(point, _column.get()) for order in self._due):
            await asyncio.sleep(0.005)

    def install(self) -> None:
        """Instrument this process."""
        self._make_awaits_points()
        self._make_commits_points()
        for name in WRITES:
            self._make_writes_points(name)
        perform = Ledger.perform

        async def in_its_column(ledger: Ledger, run_id: str, proposal: Proposal) -> Any:
            token = _column.set(column_of(proposal))
            try:
                return await perform(ledger, run_id, proposal)
            finally:
                _column.reset(token)

        patch(Ledger, perform=in_its_column)
        self._give_the_outbox_columns()

    def _give_the_outbox_columns(self) -> None:
        carry_out = Attempt.carry_out

        async def in_its_column(attempt: Attempt, uncertain: bool) -> Any:
            token = _column.set(column_of(attempt.intent.proposal))
            try:
                return await carry_out(attempt, uncertain)
            finally:
                _column.reset(token)

        patch(Attempt, carry_out=in_its_column)

    def _make_awaits_points(self) -> None:
        for module, functions in REWRITTEN.items():
            scope = vars(sys.modules[module])
            scope["__reach__"], scope["__reach_block__"] = self._around, self._around_block
            for qualname, code in functions.items():
                _function(sys.modules[module], qualname).__code__ = code

    async def _around(self, awaitable: Awaitable[T], name: str) -> T:
        await self._let_writes_end(f"{name} | {BEFORE}")
        self.reach(f"{name} | {BEFORE}")
        try:
            return await awaitable
        finally:
            await self._let_writes_end(f"{name} | {AFTER}")
            self.reach(f"{name} | {AFTER}")

    @contextlib.asynccontextmanager
    async def _around_block(self, manager: contextlib.AbstractAsyncContextManager[T], name: str) -> AsyncIterator[T]:
        entered = await self._around(manager.__aenter__(), f"{name}, enter")
        try:
            yield entered
        finally:
            await self._around(manager.__aexit__(None, None, None), f"{name}, exit")  # locks, which ignore exceptions

    def _make_commits_points(self) -> None:
        transaction = Store.transaction

        def from_a_site(store: Store, work: Callable[[Any], T]) -> Awaitable[T]:
            site, column = _site(sys._getframe(1)), _column.get()

            def named(tx: Any) -> T:
                _transaction.at = (site, column)
                return work(tx)

            return transaction(store, named)

        patch(Store, transaction=from_a_site)
        self._hold_stops_during_transactions()

    def _hold_stops_during_transactions(self) -> None:
        commit, rollback, execute = Database.commit, Database.rollback, Database.execute

        def executed(database: Database, sql: str, *values: Any) -> Any:
            if sql == "BEGIN IMMEDIATE":
                self._transaction.acquire()
                _transaction.begun = True
            return execute(database, sql, *values)

        def committed(database: Database) -> None:
            site, column = _transaction.__dict__.pop("at", (None, ""))
            if site:
                self.reach(f"{site} | {BEFORE}", column)
            commit(database)
            self._over()
            if site:
                self.reach(f"{site} | {AFTER}", column)

        def rolled_back(database: Database) -> None:
            rollback(database)
            _transaction.__dict__.pop("at", None)
            self._over()

        patch(Database, execute=executed, commit=committed, rollback=rolled_back)

    def _over(self) -> None:
        """This thread's transaction is over."""
        if _transaction.__dict__.pop("begun", False):
            self._transaction.release()

    def _make_writes_points(self, name: str) -> None:
        write, count = getattr(Checkpoints, name), iter(range(1, 1_000_000))

        async def counted(saver: BaseCheckpointSaver[Any], *args: Any, **options: Any) -> Any:
            self._writing += 1
            try:
                return await self._around(write(saver, *args, **options), f"checkpoint {name} {next(count)}")
            finally:
                self._writing -= 1

        patch(Checkpoints, **{name: counted})


def _site(frame: FrameType) -> str | None:
    """The commit site that called, None for one that nobody enumerated (code that no onboarding reaches)."""
    file, line = frame.f_code.co_filename, frame.f_lineno
    return next((name for path, first, last, name in commit_sites() if path == file and first <= line <= last), None)


def _function(module: Any, qualname: str) -> Any:
    found = module
    for part in qualname.split("."):
        found = inspect.getattr_static(found, part)
    return inspect.unwrap(getattr(found, "fget", None) or getattr(found, "__func__", found))


def _rewritten() -> dict[str, dict[str, CodeType]]:
    """The code with its points, by module and function; made once, before any fork, and used by none that recovers."""
    found: dict[str, dict[str, CodeType]] = {}
    for function in awaiting().values():
        if function.awaits:
            found.setdefault(function.module, {})[function.qualname] = _code_of(function.module)[function.qualname]
    return found


def _code_of(module: str) -> dict[str, CodeType]:
    if module not in _compiled:
        reader = Reader.of(module)
        file = sys.modules[module].__file__ or ""
        _compiled[module] = dict(_codes(compile(reader.tree, file, "exec", dont_inherit=True), ""))
    return _compiled[module]


def _codes(code: CodeType, path: str) -> Iterator[tuple[str, CodeType]]:
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            name = f"{path}.{inner.co_name}".lstrip(".")
            yield name, inner
            yield from _codes(inner, name)


_compiled: dict[str, dict[str, CodeType]] = {}
REWRITTEN = _rewritten()
