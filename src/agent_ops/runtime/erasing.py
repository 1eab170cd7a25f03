"""Erasing a person: rows, then the list of the erased, then checkpoints, then bytes. Each step can be done again.

Nothing outside the data directory is touched: the account and the accesses are a leaver's business.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from agent_ops.domain.erasure import Erasure
from agent_ops.domain.errors import InvalidRequest, NotFound
from agent_ops.domain.grants import Caller
from agent_ops.runtime.data_dir import CHECKPOINTS, DATABASE
from agent_ops.runtime.keys import Keyring
from agent_ops.runtime.reports import Reports
from agent_ops.runtime.tombstones import keep_list
from agent_ops.storage import BUSY_TIMEOUT_SECONDS, Store, Tx, erase_threads, mapped_errors

SCOPE = "erase"
ASIDE = "before-restore-*"


@dataclass(frozen=True)
class Eraser:
    """Erases people from one data directory, while processes work in it."""

    data_dir: Path
    store: Store
    keys: Keyring

    async def erase(self, wanted: str, caller: Caller) -> Erasure:
        """Remove all that tells of a person; once more, when they are erased already, in case that was interrupted.

        Args:
            wanted: an employee id, a run id, an address or a full name.

        Raises:
            NotPermitted: the caller lacks the scope. NotFound: nobody is meant.
            InvalidRequest: several people are, a run goes on, or a call is on its way.
            StorageBusy: another process held the database for long; the same call again goes on.
        """
        caller.require(SCOPE)
        employee_id = await self._meant(wanted)

        def work(tx: Tx) -> bool:
            if tx.erasures.is_erased(employee_id):
                return True
            _check_over(tx, employee_id)
            tx.erasures.erase(employee_id)
            tx.logs.audit("erased", "", employee_id, detail=f"by={tx.audit.caller(caller.name)}")
            return False

        already = await self.store.transaction(work)
        await self.store.transaction(lambda tx: keep_list(self.data_dir, tx.erasures.tombstones()))
        await self._clean(employee_id)
        return Erasure(employee_id, already)

    async def _meant(self, wanted: str) -> str:
        try:
            return (await Reports(self.store).employee(wanted)).id
        except NotFound:
            erased = await self.store.read(lambda tx: tx.erasures.find(wanted))
            if erased is None:
                raise
            return erased

    async def _clean(self, employee_id: str) -> None:
        """Checkpoints and bytes, and the databases that restores moved aside."""
        await self._erase_threads(self.data_dir, await self.store.read(lambda tx: tx.erasures.run_ids(employee_id)))
        await self.store.scrub()
        for aside in await asyncio.to_thread(lambda: sorted(self.data_dir.glob(ASIDE))):
            if await asyncio.to_thread((aside / DATABASE).exists):
                await self._erase_aside(aside, employee_id)

    async def _erase_aside(self, directory: Path, employee_id: str) -> None:
        def work(tx: Tx) -> list[str]:
            if tx.people.get(employee_id) is not None and not tx.erasures.is_erased(employee_id):
                tx.erasures.erase(employee_id)
            return tx.erasures.run_ids(employee_id)

        store = await Store(directory / DATABASE, self.keys.audit, identity_key=self.keys.identity).open()
        try:
            await self._erase_threads(directory, await store.transaction(work))
            await store.scrub()
        finally:
            await store.close()

    async def _erase_threads(self, directory: Path, run_ids: Iterable[str]) -> None:
        path = directory / CHECKPOINTS

        def work() -> None:
            if path.exists():
                with mapped_errors(path):
                    erase_threads(path, run_ids, BUSY_TIMEOUT_SECONDS)

        await asyncio.to_thread(work)


def _check_over(tx: Tx, employee_id: str) -> None:
    """Nothing is done for the person any more, and no call for them can still land."""
    if going := next((run for run in tx.runs.of_employee(employee_id) if not run.status.ended), None):
        raise InvalidRequest("employee", f"run {going.id} goes on", f"Cancel it first: `agent-ops cancel {going.id}`.")
    if (until := tx.erasures.in_flight(employee_id)) is not None:
        raise InvalidRequest("employee", "a call for them is on its way", f"Try again after {until:%H:%M:%S} UTC.")
