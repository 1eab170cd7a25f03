"""What an auditor asks of a data directory: is the chain whole, and what does it say of a person, a run or a period?"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

from agent_ops.domain.audit import AuditRow
from agent_ops.domain.chain import ChainCheck, Verification
from agent_ops.domain.errors import InvalidRequest, NotFound
from agent_ops.runtime.audit_pack import Pack
from agent_ops.runtime.data_dir import DATABASE, check_database
from agent_ops.runtime.keys import InstallationKeys, read_keys
from agent_ops.runtime.reports import Reports
from agent_ops.storage import Store, Tx
from agent_ops.storage.head import HEAD_FILE, HeadFile
from agent_ops.storage.rows import stamp

Progress = Callable[[int, int], None]
"""Told how many rows have been looked at, and how many there are."""
_PAGE = 5000


@dataclass(frozen=True)
class Selection:
    """Which rows are asked for: of a moment from ``since`` on and before ``until``, and of certain runs or employees; empty
    sets mean all."""

    since: datetime | None = None
    until: datetime | None = None
    runs: frozenset[str] = frozenset()
    employees: frozenset[str] = frozenset()

    def has(self, row: AuditRow) -> bool:
        """Whether a row is asked for."""
        if (self.since and row.at < stamp(self.since)) or (self.until and row.at >= stamp(self.until)):
            return False
        return not (self.runs or self.employees) or row.run_id in self.runs or row.subject in self.employees


@dataclass(frozen=True)
class Auditor:
    """Reads, and changes nothing; processes may work meanwhile.

    Use :meth:`of` for a data directory, or ``AgentOps.audit``.
    """

    store: Store
    keys: Callable[[], InstallationKeys]
    head: Path

    @classmethod
    @contextlib.asynccontextmanager
    async def of(cls, data_dir: Path, *, head: Path | None = None) -> AsyncIterator[Auditor]:
        """The auditor of a data directory or of a backup.

        Args:
            data_dir: where database and keys lie.
            head: the head's file, when it is not the one that the data directory has or names.

        Raises:
            NotFound: there is no database, or there are no keys.
        """
        check_database(data_dir)
        keys = await asyncio.to_thread(read_keys, data_dir)
        store = await Store(data_dir / DATABASE, lambda: keys.audit).open_to_read()
        try:
            yield cls(store, lambda: keys, head or data_dir / HEAD_FILE)
        finally:
            await store.close()

    async def verify(self, progress: Progress | None = None) -> Verification:
        """Whether no row was altered, removed, re-ordered or cut off, and none slipped in."""
        keys = self.keys().audit
        head = await asyncio.to_thread(HeadFile(self.head).read, keys)  # before the rows: then it is one of them
        last = await self.store.read(lambda tx: tx.audit.last())
        check = ChainCheck(keys, head)
        async for rows in self._pages(last.id):
            await asyncio.to_thread(check.feed, rows)
            if progress is not None:
                progress(check.rows, last.id)
        return check.finish(await self.store.read(lambda tx: tx.audit.damage()))

    async def rows(self, selection: Selection | None = None) -> AsyncIterator[AuditRow]:
        """Rows in order: all, or those that are selected."""
        last = await self.store.read(lambda tx: tx.audit.last())
        async for page in self._pages(last.id):
            for row in page:
                if selection is None or selection.has(row):
                    yield row

    async def select(
        self,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        run: str | None = None,
        person: str | None = None,
    ) -> Selection:
        """A selection in a person's words; ``person`` is an employee id, an address, a full name or a run of theirs.

        Raises:
            NotFound: nobody is meant. InvalidRequest: several people are, or the period ends before it begins.
        """
        if since and until and until <= since:
            raise InvalidRequest("until", "the period ends before it begins")
        runs, employees = frozenset({run} if run else ()), frozenset[str]()
        if person:
            employees = frozenset({await self._employee(person)})
            runs |= await self.store.read(
                lambda tx: frozenset(r.id for e in employees for r in tx.runs.of_employee(e, tasks=True))
            )
        return Selection(since, until, runs, employees)

    async def pack(self, selection: Selection, progress: Progress | None = None) -> Pack:
        """What an auditor takes along: rows, grants, policies, events, the verification, and a page that tells all of it."""
        verification = await self.verify(progress)
        rows = [row async for row in self.rows(selection)]
        return await self.store.read(lambda tx: Pack.of(tx, self.keys(), rows, verification, _words(selection)))

    async def _employee(self, person: str) -> str:
        try:
            found = {report.employee.id for report in await Reports(self.store).find(person)}
        except NotFound:
            if await self.store.read(lambda tx: tx.audit.names(person)):  # of somebody whose data were erased
                return person
            raise
        if len(found) > 1:
            raise InvalidRequest(
                "person", f"{len(found)} employees are called {person!r}", f"Name one of the ids: {', '.join(sorted(found))}."
            )
        return found.pop()

    async def _pages(self, until: int) -> AsyncIterator[list[AuditRow]]:
        after = -(1 << 62)
        while True:
            page = await self.store.read(partial(_page, after, until))
            if not page:
                return
            yield page
            after = page[-1].id


def _page(after: int, until: int, tx: Tx) -> list[AuditRow]:
    return tx.audit.page(after, _PAGE, until)


def _words(selection: Selection) -> str:
    since = selection.since.isoformat(timespec="minutes") if selection.since else "the beginning"
    until = selection.until.isoformat(timespec="minutes") if selection.until else "now"
    whom = f"employee {', '.join(sorted(selection.employees))}" if selection.employees else "everybody"
    if selection.runs and not selection.employees:
        whom = f"run {', '.join(sorted(selection.runs))}"
    return f"{whom}, from {since} until {until}"
