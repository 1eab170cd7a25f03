"""The ways in: how a case is played. Where a case names a way that does not exist yet, its nearest one in the library.

`waiting` lists the ways that are still to come. A request of the REST service is the library's call by a caller with the same
scopes; a text that an agent which does not exist yet would read reaches the planner, and as an open goal the agents' models.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from agent_ops import AgentOps, AgentOpsError, Caller, Planner, Profile, Run
from agent_ops.domain.errors import NotPermitted, RunFailed
from agent_ops.domain.ports import PatternStore
from agent_ops.runtime.compose import System
from agent_ops.runtime.data_dir import DATABASE
from agent_ops.runtime.metering import MeteredModel
from agent_ops.sandbox import Fault, FaultKind
from agent_ops.transport.model_config import ModelConfig
from tests.threats.attackers import Handing, Obedient, ObedientModel, Poisoned, Scripted, script_of
from tests.threats.cases import Case
from tests.threats.place import Evidence, Place

Way = Callable[[Place, Case, Evidence], Awaitable[None]]
PATIENCE_SECONDS = 30.0
ELSEWHERE = Profile("Somebody Else", "Engineering", external_id="S-1")
"""Who is known before a case that is about people who are known."""
NOT_OF_THE_PROFILE = frozenset({"access_items", "$repeat"})


def items_of(place: Place) -> tuple[str, ...]:
    return tuple(place.policy.catalogue)


def subject_of(case: Case) -> str:
    """The address that the case's request is about; empty when nobody's account is allowed."""
    created = [effect for effect in case.outcome["allowed_effects"] if effect.startswith("entra.create:")]
    return created[0].partition(":")[2] if created else ""


def metered(model: ObedientModel, system: System) -> MeteredModel:
    """The model behind the meter that every model is behind."""
    return MeteredModel(model, ModelConfig("obedient"), system.store)


@contextlib.contextmanager
def handles(model: ObedientModel, patterns: PatternStore | None) -> Iterator[None]:
    """Every run gets this model, and this memory: settings name neither yet."""
    context = System.context

    def with_them(system: System, run_id: str) -> Any:
        given = {"model": metered(model, system)}
        return replace(context(system, run_id), **given, **({} if patterns is None else {"patterns": patterns}))

    with patch.object(System, "context", with_them):
        yield


@contextlib.asynccontextmanager
async def opened(
    place: Place,
    case: Case,
    evidence: Evidence,
    key: str | None = None,
    *,
    planner: Planner | None = None,
    caller: Caller | None = None,
) -> AsyncIterator[AgentOps]:
    """The library in the hands of the case's caller, with the case's planner, model and memory."""
    model, patterns = ObedientModel(items=items_of(place)), memory_of(case)
    caller = caller or place.caller(key or case.request.get("as"))
    planner = planner or planner_of(place, case)
    with handles(model, patterns):
        async with AgentOps(place.settings(evidence.data_dir), caller=caller, planner=planner) as ops:
            yield ops
    evidence.texts += model.shown
    keep_grants(evidence)


def memory_of(case: Case) -> Poisoned | None:
    """The long-term memory that the case says is poisoned."""
    return Poisoned((case.planted,)) if "memory" in case.planted_in else None


def planner_of(place: Place, case: Case) -> Planner | None:
    """Who plans in the case; None for the built-in rules."""
    if case.planner == "obedient":
        told = () if "memory" in case.planted_in else (case.planted,)
        return Obedient(items_of(place), told)
    return Scripted(script_of(case.payload)) if isinstance(case.payload, list) else None


def keep_grants(evidence: Evidence) -> None:
    """What the database has as grants now."""
    database = evidence.data_dir / DATABASE
    if not database.exists():
        return
    with contextlib.closing(sqlite3.connect(database)) as connection:
        for run_id, body, seal in connection.execute("SELECT run_id, body, seal FROM grants"):
            evidence.grants.setdefault(run_id, set()).add(f"{body}{seal}")


async def answered(evidence: Evidence, asked: Awaitable[Any]) -> Any:
    """What a call gave; None when it was refused, which is an answer, too."""
    try:
        given = await asked
    except Exception as error:  # noqa: BLE001 - anything but our own errors counts as status 500
        evidence.answered(error)
        return None
    evidence.answered(None, str(given))
    return given


async def ended(ops: AgentOps, evidence: Evidence, run: Run | None) -> None:
    """The report of a run, once it has ended."""
    if run is None:
        return
    keep_grants(evidence)
    try:
        evidence.reports.append(await ops.wait(run.id, timeout=PATIENCE_SECONDS))
    except RunFailed:
        evidence.notes["hung"] = run.id


async def asked(body: dict[str, Any], submit: Callable[..., Awaitable[Any]], **options: Any) -> Any:
    """A request's body as the library's arguments; whatever is no access item is the profile's."""
    profile = Profile.from_json({key: value for key, value in body.items() if key not in NOT_OF_THE_PROFILE})
    return await submit(profile, body.get("access_items"), **options)


async def plant(place: Place, case: Case) -> None:
    """Put the payload where the case says that it is, as far as that place exists."""
    where, body = case.planted_in.lower(), case.body
    if "displayname" in where:
        await place.rename(next(person for person in place.world.people if person.startswith("alice")), case.planted)
    for item in body.get("access_items", ()) if "console" in where else ():
        await console(place, case, item, case.more.get("result", "SUCCESS"), tuple(case.planted.splitlines()))
    for fault in case.more.get("faults", ()):
        await place.box.fault(Fault.from_json({"kind": FaultKind.STATUS.value, "words": case.planted, **fault}))


async def console(place: Place, case: Case, item: str, result: str, lines: tuple[str, ...]) -> None:
    pipeline = getattr(place.policy.catalogue.get(item), "pipeline", None)
    if pipeline:
        await place.box.pipeline_outcome(pipeline, match={"USER_EMAIL": subject_of(case)}, result=result, console=lines)


async def onboard(place: Place, case: Case, evidence: Evidence) -> None:
    """One request by the library; unless a planner attacks, it is planned first, which may change nothing."""
    async with opened(place, case, evidence) as ops:
        if planner_of(place, case) is None:
            await answered(evidence, asked(case.body, ops.plan, **case.more.get("options", {})))
        await ended(ops, evidence, await answered(evidence, asked(case.body, ops.submit, **case.more.get("options", {}))))


async def repeated(place: Place, case: Case, evidence: Evidence) -> None:
    """The same request twice at once by two processes' libraries, again later, and once more by a third."""
    key = {"idempotency_key": case.request["headers"]["Idempotency-Key"]}
    async with opened(place, case, evidence) as ops, opened(place, case, evidence) as other:
        both = [asked(case.body, one.submit, **key) for one in (ops, other)]
        runs = await asyncio.gather(*(answered(evidence, one) for one in both))
        for run in runs:
            await ended(ops, evidence, run)
        await ended(ops, evidence, await answered(evidence, asked(case.body, ops.submit, **key)))
    async with opened(place, case, evidence) as later:
        await ended(later, evidence, await answered(evidence, asked(case.body, later.submit, **key)))


async def task(place: Place, case: Case, evidence: Evidence) -> None:
    """A free-text task. Where nobody attacks as its planner, its words go to every agent's model as an open goal.

    A caller who may ask for no task is refused, and then plays it all the same, as one who may read.
    """
    text, context = str(case.body["task"]), case.body.get("context")
    planner = planner_of(place, case) or Handing(text)
    async with opened(place, case, evidence, planner=planner) as ops:
        await carried_out(ops, evidence, text, context)
    key = case.request.get("as")
    if isinstance(evidence.answers[0], NotPermitted):
        caller = Caller(str(key), place.caller(key).scopes | {"task:read"})
        async with opened(place, case, evidence, planner=planner, caller=caller) as ops:
            await carried_out(ops, evidence, text, context)


async def carried_out(ops: AgentOps, evidence: Evidence, text: str, context: Any) -> None:
    """A task to its end, with all that is shown of it."""
    run = await answered(evidence, ops.submit_task(text, context))
    if run is None:
        return
    if run.employee_id:
        await ended(ops, evidence, run)
    events = [event async for event in ops.events(run.id, parked=PATIENCE_SECONDS)]
    report = await ops.task(run.id)
    evidence.texts += [report.answer, *report.plan, *(result.text for result in report.results), *(e.message for e in events)]
    evidence.notes["task"] = report


async def known(place: Place, case: Case, evidence: Evidence) -> None:
    """Somebody is onboarded before the case begins."""
    async with AgentOps(place.settings(evidence.data_dir)) as ops:
        report = await ops.onboard(ELSEWHERE, [case.more.get("known_item", items_of(place)[0])])
    evidence.notes["known"], evidence.notes["rows"] = report, people_rows(evidence)


def people_rows(evidence: Evidence) -> list[tuple[Any, ...]]:
    with contextlib.closing(sqlite3.connect(evidence.data_dir / DATABASE)) as connection:
        return connection.execute("SELECT * FROM employees ORDER BY id").fetchall()


async def clear_address(place: Place, case: Case, evidence: Evidence) -> None:
    async with opened(place, case, evidence) as ops:
        await answered(evidence, ops.clear_address(str(case.body["name"])))
    evidence.notes["rows after"] = people_rows(evidence)


async def viewer(place: Place, case: Case, evidence: Evidence) -> None:
    """A key that may only read tries everything that writes."""
    run = evidence.notes["known"].run.id
    async with opened(place, case, evidence) as ops:
        for writing in (
            ops.submit(Profile("Priya Natarajan", ELSEWHERE.team, external_id="P-1")),
            ops.retry(run),
            ops.cancel(run),
            ops.cancel(run, undo=True),
            ops.clear_address(ELSEWHERE.name),
            ops.pause(),
            ops.resume(),
        ):
            await answered(evidence, writing)
    evidence.notes["rows after"] = people_rows(evidence)


async def lookup(place: Place, case: Case, evidence: Evidence) -> None:
    """A hostile query as whatever may be looked up."""
    asked_for = case.more.get("wanted") or [case.request["path"], case.request["path"].partition("?")[2]]
    async with opened(place, case, evidence) as ops:
        for wanted in asked_for:
            await answered(evidence, ops.report(wanted))
            with contextlib.suppress(AgentOpsError):
                evidence.texts += [event.message async for event in ops.events(wanted)]
    evidence.notes["rows after"] = people_rows(evidence)
