"""The library's face: one object that is built from settings, admits requests and drives them to their end."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import date
from types import TracebackType
from typing import Any

import structlog
from langchain_core.runnables import RunnableConfig

from agent_ops import prompts
from agent_ops.domain.effects import Action
from agent_ops.domain.employee import Profile
from agent_ops.domain.errors import AgentOpsError, RunFailed
from agent_ops.domain.grants import Caller
from agent_ops.domain.plans import Plan
from agent_ops.domain.ports import EffectAdapter, Planner
from agent_ops.domain.runs import Event, Run, RunReport
from agent_ops.domain.tasks import TaskReport
from agent_ops.graphs.nodes import ONBOARDING, READING
from agent_ops.graphs.planner_graph import RECURSION_LIMIT
from agent_ops.runtime.administration import Administration
from agent_ops.runtime.asking import request_for
from agent_ops.runtime.compose import compose
from agent_ops.runtime.dispatcher import LocalDispatcher
from agent_ops.runtime.housekeeping import prune_for_ever
from agent_ops.runtime.logs import configure_logging, name_run
from agent_ops.runtime.outbox import deliver_for_ever
from agent_ops.runtime.planning import Planning
from agent_ops.runtime.reports import Reports
from agent_ops.runtime.task_reports import TaskReports
from agent_ops.runtime.tasking import Tasks
from agent_ops.settings import Settings
from agent_ops.transport.redaction import redactor

log = structlog.get_logger(__name__)
_EVENTS_EVERY_SECONDS = 0.1
_DRAIN_SECONDS = 10.0


class AgentOps(Administration):
    """Onboards employees.

    Use it as an asynchronous context manager: inside it drives queued runs, those of earlier processes that died among
    them; leaving it lets go of unfinished runs, which the next process takes up.

    Args:
        settings: :meth:`Settings.from_environment` for real services, :meth:`Settings.for_sandbox` for the twins.
        caller: who asks, with which scopes; by default the library's user, who may onboard.
        planner: decides instead of the built-in runbook.
        adapters: do the effects instead of the real services' clients.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        caller: Caller | None = None,
        planner: Planner | None = None,
        adapters: Mapping[Action, EffectAdapter] | None = None,
    ) -> None:
        self._settings = settings
        self._caller, self._request_id = caller or Caller("library"), None
        self._entered = self._closed = False
        self._parts = compose(settings, planner=planner, adapters=adapters)

    async def __aenter__(self) -> AgentOps:
        if self._entered:
            raise AgentOpsError("this AgentOps was entered before", "Make a new one: it is cheap.")
        self._entered = True
        redactor.keep(self._settings.secrets())
        configure_logging(self._settings.log_file, self._settings.log_level)
        self._stack = contextlib.AsyncExitStack()
        self._system = await self._stack.enter_async_context(self._parts)
        self._reports = Reports(self._system.store)
        self._dispatcher = LocalDispatcher(
            self._system.store, self._drive, self._system.owners, self._settings.lease, self._settings.concurrency
        )
        if self._system.webhooks is not None:  # before anything happens that receivers are to hear of
            await self._system.webhooks.begin()
        await self._dispatcher.start()
        self._background = [
            asyncio.create_task(deliver_for_ever(self._system.ledger)),
            asyncio.create_task(prune_for_ever(self._system.store, self._settings.event_days)),
        ]
        if self._system.webhooks is not None:
            self._background.append(asyncio.create_task(self._system.webhooks.deliver_for_ever()))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._closed = True
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self._dispatcher.stop()
        await self._system.ledger.drain(_DRAIN_SECONDS)
        await self._stack.aclose()

    @property
    def settings(self) -> Settings:
        """What it was built from."""
        return self._settings

    async def submit(
        self,
        profile: Profile,
        access_items: Iterable[str] | None = None,
        *,
        idempotency_key: str | None = None,
        run_after: date | None = None,
        link_existing: str | None = None,
        new_person: bool = False,
        request_id: str | None = None,
        evidence: Mapping[str, str] | None = None,
    ) -> Run:
        """Record a new hire and queue the run; returns as soon as both are committed.

        Args:
            profile: the hire.
            access_items: catalogue keys; None gives what the policy says is due by default.
            idempotency_key: marks a repeat of the same request, for hires without external id, date and number.
            run_after: the day on which the run begins, in the location's time zone; a past day means at once.
            link_existing: object id of the Entra account that is to become the hire's; needs the scope ``link``.
            new_person: a deleted or disabled account of the same name is somebody else's; needs the scope ``link``.
            request_id: names the request in the log.
            evidence: references to approvals by item, {'database': 'SEC-17'}, where the policy demands them.

        Returns:
            The new run, or the one of an equal request that was made before.

        Raises:
            InvalidRequest, IdentityConflict, NotPermitted, ServiceError (an approval cannot be looked up): nothing was recorded.
            StorageError: the database cannot be used.
        """
        self._check_open()
        request = request_for(profile, access_items, link_existing=link_existing, new_person=new_person, evidence=evidence)
        run = await self._system.edge.admit(request, self._caller, idempotency_key, run_after, request_id or self._request_id)
        self._dispatcher.wake()
        return run

    async def onboard(self, profile: Profile, access_items: Iterable[str] | None = None, **options: Any) -> RunReport:
        """:meth:`submit` with its options, then :meth:`wait`: the report says what is in place and what is not."""
        run = await self.submit(profile, access_items, **options)
        return await self.wait(run.id)

    async def plan(
        self,
        profile: Profile,
        access_items: Iterable[str] | None = None,
        *,
        idempotency_key: str | None = None,
        run_after: date | None = None,
        link_existing: str | None = None,
        new_person: bool = False,
        evidence: Mapping[str, str] | None = None,
    ) -> Plan:
        """What :meth:`submit` with the same arguments, or a retry, would change: found out with nothing changed anywhere.

        For a known employee it holds what is left to do. ``plan.to_text()`` is its file, ``Plan.from_text`` reads it back.

        Raises:
            InvalidRequest, IdentityConflict, NotPermitted: as :meth:`submit`; InvalidRequest also when a run goes on.
            ServiceError: a service that has to be asked cannot be.
        """
        self._check_open()
        request = request_for(profile, access_items, link_existing=link_existing, new_person=new_person, evidence=evidence)
        return await Planning(self._system).plan(request, self._caller, idempotency_key, run_after, self._request_id)

    async def apply(self, plan: Plan) -> Run:
        """Queue a run that does exactly what a plan says; the same plan again gives the same run.

        Raises:
            PlanInvalid: it was altered. PlanOutdated: the present state asks for something else, as ``differences`` say.
            NotPermitted: the caller may not do what the plan's request asks for.
        """
        self._check_open()
        run = await Planning(self._system).apply(plan, self._caller, self._request_id)
        self._dispatcher.wake()
        return run

    async def retry(self, run_id: str, *, evidence: Mapping[str, str] | None = None) -> Run:
        """Queue a new run that does what an ended one did not, with approvals looked up anew, by other ``evidence`` if given.

        Raises:
            NotFound: no such run. NotPermitted: the caller may not. InvalidRequest: it goes on, or nothing is left to do.
        """
        self._check_open()
        run = await self._system.edge.retry(run_id, self._caller, evidence, request_id=self._request_id)
        self._dispatcher.wake()
        return run

    async def cancel(self, run_id: str, *, undo: bool = False) -> Run:
        """End a run before its next effect; the answered run's summary states what was done.

        Args:
            undo: then queue a run that disables the account and takes back what pipelines gave, as far as the run created
                them and the catalogue can; that run is the answer. An ended run can be undone, too.

        Raises:
            NotFound: no such run. NotPermitted: the caller may not.
            InvalidRequest: it has ended, or there is nothing to undo.
        """
        self._check_open()
        if not undo or not (await self._reports.status(run_id)).ended:
            cancelled = await self._system.canceller.cancel(run_id, self._caller, self._request_id)
            if not undo:
                return cancelled
            await self._dispatcher.run_ended(run_id, _DRAIN_SECONDS)
        run = await self._system.canceller.undo(run_id, self._caller, self._request_id)
        self._dispatcher.wake()
        return run

    async def submit_task(
        self, task: str, context: Mapping[str, Any] | None = None, *, agent: str = "", request_id: str | None = None
    ) -> Run:
        """Record a free-form task and queue its run; docs/tasks.md says what it may change, and for whom.

        Args:
            task: what is asked, in words.
            context: facts about a joiner: fields of a Profile, ``access_items``, ``evidence``; or ``employee_id``.
            agent: the only agent that may carry it out; without it the planner chooses among all.
            request_id: names the request in the log.

        Raises:
            NotFound: no such agent. NotPermitted: the caller lacks ``task:read``.
            InvalidRequest, IdentityConflict, ServiceError: as :meth:`submit`.
        """
        self._check_open()
        run = await Tasks(self._system, request_id or self._request_id).admit(task, context, self._caller, agent)
        self._dispatcher.wake()
        return run

    async def execute_task(
        self, task: str, context: Mapping[str, Any] | None = None, *, timeout: float | None = None
    ) -> TaskReport:
        """:meth:`submit_task`, then its report once it has ended. Raises also RunFailed: not within ``timeout`` seconds."""
        run = await self.submit_task(task, context)
        await self._ended(run.id, timeout)
        return await self.task(run.id)

    async def task(self, run_id: str) -> TaskReport:
        """What came of a task so far. Raises NotFound: no such task."""
        return await TaskReports(self._system.store).task(run_id)

    async def wait(self, run_id: str, timeout: float | None = None) -> RunReport:
        """The report of a run once it has ended.

        Raises:
            NotFound: no such run.
            RunFailed: it has not ended within ``timeout`` seconds; it goes on.
            StorageError: the database cannot be used any more.
        """
        self._check_open()
        await self._ended(run_id, timeout)
        return await self._reports.run(run_id)

    async def _ended(self, run_id: str, timeout: float | None) -> None:
        deadline = None if timeout is None else time.monotonic() + timeout
        while not (await self._reports.status(run_id)).ended:
            left = 1.0 if deadline is None else deadline - time.monotonic()
            if left <= 0:
                raise RunFailed(f"run {run_id} has not ended within {timeout} s", "It goes on: wait again.")
            await self._dispatcher.run_ended(run_id, min(left, 1.0))

    async def report(self, wanted: str) -> list[RunReport]:
        """The latest runs of whoever is meant: a run id, an employee id, an address or a full name."""
        return await self._reports.find(wanted)

    async def employees(self) -> list[RunReport]:
        """Every employee with their latest run."""
        return await self._reports.latest()

    async def events(self, run_id: str, after: int = 0, *, parked: float | None = None) -> AsyncIterator[Event]:
        """The run's events as they happen, from the one after id ``after``.

        Ends with the run; with ``parked`` also when it is parked and waits, or has waited on and off, for so many seconds.

        Raises:
            NotFound: no such run.
            StorageError: the database cannot be used any more.
        """
        waits_since: float | None = None
        while True:
            wakes_in = await self._reports.wakes_in(run_id)
            waits_since = waits_since or (time.monotonic() if wakes_in is not None else None)
            ended = (await self._reports.status(run_id)).ended
            if parked is not None and waits_since is not None and wakes_in is not None:
                ended = ended or max(wakes_in, time.monotonic() - waits_since) > parked
            while batch := await self._reports.events(run_id, after):
                for event in batch:
                    after = event.id
                    yield event
            if ended:
                return
            self._dispatcher.check(run_id)
            await asyncio.sleep(_EVENTS_EVERY_SECONDS)

    async def all_events(self) -> AsyncIterator[Event]:
        """The events of every run from now on, without end."""
        after = await self._reports.last_event()
        while True:
            for event in await self._reports.events(None, after):
                after = event.id
                yield event
            await asyncio.sleep(_EVENTS_EVERY_SECONDS)

    async def _drive(self, run_id: str) -> None:
        """Drive the planner graph on the run's thread, always with fresh input: facts come from storage, not checkpoints."""
        system, began = self._system, time.monotonic()
        goal = ONBOARDING if await self._names_somebody(run_id) else READING
        config: RunnableConfig = {"configurable": {"thread_id": run_id}, "recursion_limit": RECURSION_LIMIT}
        config["metadata"] = {"prompts": prompts.version()}
        result = "interrupted"
        try:
            with system.traces.of(run_id, await system.journal.veil(run_id)) as callbacks:
                config["callbacks"] = callbacks
                await system.graph.ainvoke({"goal": goal}, config, context=system.context(run_id), durability="sync")
            if not system.settings.keep_checkpoints:  # a run that waits begins afresh, too
                await system.checkpoints.adelete_thread(run_id)
            result = "driven"
        finally:
            took = round(time.monotonic() - began, 3)
            log.info("run_driven", run=run_id, result=result, duration=took, prompts=prompts.version())

    async def _names_somebody(self, run_id: str) -> bool:
        """Let the log's lines about the run name its request and employee, also when another process admitted it.

        Whether there is an employee.
        """
        run, request = await self._system.store.read(lambda tx: (tx.runs.get(run_id), tx.runs.request_of(run_id)))
        if run is not None:
            name_run(run_id, request=request, employee=run.employee_id)
        return run is None or bool(run.employee_id)
