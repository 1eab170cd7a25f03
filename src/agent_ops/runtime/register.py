"""The register: who is known and where they stand, listed page by page, and corrected by hand."""

from __future__ import annotations

import copy
from datetime import datetime, timezone

from typing_extensions import Self

from agent_ops.domain.employee import EmployeeStatus
from agent_ops.domain.errors import Against, AgentOpsError, InvalidRequest, NotFound, StorageError
from agent_ops.domain.facts import Facts
from agent_ops.domain.grants import Caller
from agent_ops.domain.runs import Event, Run, RunReport, RunStatus
from agent_ops.domain.standing import ASSERTABLE, Assertion, Said, Standing, Wanted
from agent_ops.domain.tasks import Told
from agent_ops.runtime.api_keys import ApiKeyBook
from agent_ops.runtime.compose import System
from agent_ops.runtime.dispatcher import LocalDispatcher
from agent_ops.runtime.reports import Reports
from agent_ops.runtime.task_reports import TaskReports
from agent_ops.storage import Tx

UPDATE = "update"
_LONGEST_REASON = 500


class Register:
    """The part of ``AgentOps`` that lists; what it gives is for whoever may read names."""

    _caller: Caller
    _request_id: str | None
    _system: System
    _reports: Reports
    _dispatcher: LocalDispatcher
    _entered: bool
    _closed: bool

    def on_behalf_of(self, caller: Caller, request_id: str | None = None) -> Self:
        """The same running system in another caller's hands: what serves many callers gives each their own.

        It is open for as long as this one is, and is not entered.

        Args:
            request_id: names the request, for which these hands are, in the log's lines about every run that it makes.
        """
        self._check_open()
        other = copy.copy(self)
        other._caller, other._request_id = caller, request_id
        return other

    async def caller_of(self, text: str) -> Caller:
        """Who comes in with this API key, or with this access token of Entra ID where those are taken.

        Raises:
            NotAuthenticated: it is none, or none that is good. ServiceError: Entra's signing keys cannot be had.
        """
        if self._system.identity is not None and text.count(".") == 2:
            return await self._system.identity.caller_of(text)
        return await self.api_keys.caller_of(text)

    @property
    def api_keys(self) -> ApiKeyBook:
        """The keys with which programs come in."""
        return ApiKeyBook(self._system.store)

    async def people(self, wanted: Wanted | None = None) -> list[Standing]:
        """Employees in the order in which they were recorded; without ``wanted`` all of them.

        Raises:
            NotFound: the cursor names nobody.
        """
        return await self._system.store.read(lambda tx: tx.listing.people(wanted or Wanted()))

    async def person(self, wanted: str) -> Standing:
        """The one employee who is meant: by an employee id, a run id, an address or a full name.

        Raises:
            NotFound: nobody is. Ambiguous: several are.
        """
        employee = await self._reports.employee(wanted, "user")
        found = await self.people(Wanted(employee=employee.id))
        if not found:
            raise NotFound("this employee was erased", "Nothing is known of them any more.")
        return found[0]

    async def runs(self, wanted: Wanted | None = None) -> list[Run]:
        """Runs, the newest first.

        Raises:
            NotFound: the cursor names no run.
        """
        return await self._system.store.read(lambda tx: tx.listing.runs(wanted or Wanted()))

    async def run_report(self, run_id: str) -> RunReport:
        """One run with everything that came of it.

        Raises:
            NotFound: no such run.
        """
        return await self._reports.run(run_id)

    async def run_status(self, run_id: str) -> RunStatus:
        """Where a run stands.

        Raises:
            NotFound: no such run.
        """
        return await self._reports.status(run_id)

    async def is_mine(self, run_id: str) -> bool:
        """Whether the run was made for this caller: by its grant, which nobody can write into."""
        grant = await self._system.store.read(lambda tx: tx.runs.grant(run_id))
        return grant is not None and grant.caller == self._caller.name

    async def told(self, run_id: str) -> Told:
        """A run with all that can be told of it, also when it is a task's that is about nobody.

        Raises:
            NotFound: no such run.
        """

        def work(tx: Tx) -> tuple[Run | None, bool, int]:
            return tx.runs.get(run_id), tx.tasks.get(run_id) is not None, tx.logs.denials(run_id)

        run, is_task, denials = await self._system.store.read(work)
        if run is None:
            raise NotFound(f"there is no run {run_id!r}")
        report = await self._reports.run(run_id) if run.employee_id else None
        task = await TaskReports(self._system.store).task(run_id) if is_task else None
        return Told(run, report, task, denials)

    async def news(self, run_id: str, after: int) -> tuple[list[Event], bool]:
        """The run's events after an id, at most a thousand, and whether there will be no more, at one moment.

        Raises:
            NotFound: no such run.
        """

        def work(tx: Tx) -> tuple[list[Event], bool]:
            run = tx.runs.get(run_id)
            if run is None:
                raise NotFound(f"there is no run {run_id!r}")
            events = tx.logs.events(run_id, after)
            return events, run.status.ended and not events

        return await self._system.store.read(work)

    async def wakes_in(self, run_id: str) -> float | None:
        """Seconds until a run that nobody drives looks again, None when it does not wait.

        Raises:
            NotFound: no such run.
        """
        return await self._reports.wakes_in(run_id)

    async def stirred(self, after: int | None) -> tuple[set[str], int]:
        """The runs that have events after an id, and the id to ask with next; from now on without one."""
        if after is None:
            return set(), await self._reports.last_event()
        events = await self._reports.events(None, after)
        return {event.run_id for event in events}, events[-1].id if events else after

    async def facts(self) -> Facts:
        """Everything in numbers, of all processes on this database."""
        return await self._system.store.read(lambda tx: tx.listing.facts())

    async def ready(self) -> dict[str, str]:
        """Whether requests can be taken on: each check with 'ok' or what is wrong.

        The database is written to, in a transaction of which nothing remains but its turn among the writers.
        """
        checks = {"database": "ok", "dispatcher": "ok" if self._dispatcher.alive else "stopped"}
        try:
            await self._system.store.transaction(lambda tx: None)
        except StorageError as error:
            checks["database"] = type(error).__name__
        return checks

    async def assert_status(self, wanted: str, said: Said) -> Standing:
        """Keep what the caller says of an employee, beside what the ledger knows. Needs the scope ``update``.

        It is shown until the ledger has news. No run, plan or grant heeds it, and nothing is ever learned from it.

        Args:
            wanted: an employee id, an address or a full name.

        Raises:
            NotPermitted: the caller may not. NotFound: nobody is meant. Ambiguous: several people are.
            InvalidRequest: nothing is said, or it cannot be said by hand.
        """
        self._check_open()
        self._caller.require(UPDATE)
        self._check_said(said)
        employee = (await self.person(wanted)).employee
        at, by = datetime.now(timezone.utc), self._caller.name
        statuses = {item: status.value for item, status in said.items.items()}
        if said.status:
            statuses[""] = said.status.value
        told = [Assertion(employee.id, item, status, by, said.reason, at) for item, status in statuses.items()]

        def work(tx: Tx) -> None:
            for assertion in told:
                tx.listing.say(assertion)
                tx.logs.audit("asserted", "", employee.id, item=assertion.item, detail=f"by={tx.audit.caller(by)}")

        await self._system.store.transaction(work)
        return await self.person(employee.id)

    def _check_said(self, said: Said) -> None:
        if said.status is None and not said.items:
            raise Against("status", "is missing, and nothing is said of an item", "Say a status, items' statuses, or both.")
        if said.status is not None and EmployeeStatus(said.status) not in ASSERTABLE:
            raise InvalidRequest("status", f"cannot be asserted as {said.status!r}")
        if len(said.reason) > _LONGEST_REASON:
            raise InvalidRequest("reason", f"is longer than {_LONGEST_REASON} characters")
        catalogue = self._system.edge.policy.catalogue
        if unknown := sorted(set(said.items) - set(catalogue)):
            raise InvalidRequest("access_items_status", f"{unknown[0]!r} is not in the catalogue")

    def _check_open(self) -> None:
        if not self._entered or self._closed:
            raise AgentOpsError("this AgentOps is not open", "Use it inside `async with AgentOps(...) as ops`.")
