"""What happens while the hire of a cell is onboarded: the faults, deaths and rivals that lead to every branch of the code.

A scenario names points by regular expressions over their names; one that fits no point any more is an error.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import date, timedelta

from agent_ops.domain.policy import PipelineItem
from agent_ops.sandbox import Fault, FaultKind
from proofs.judge import Files
from proofs.lane import Lane, Write
from proofs.lives import CALL, IMPATIENT, LEASE, THE_DAY, Life
from proofs.processes import Process, process
from proofs.watch import Order, Orders, What

INTENT_COMMITTED = r"Ledger\._open: commit \| after"
ABOUT_TO_OPEN = r"Ledger\._open: await .*transaction.* \| before"
ABOUT_TO_LOOK = r"Ledger\._to_the_service: await self\._recorded\(key\) \| before"
ABOUT_TO_SEND = r"Attempt\._send: await asyncio\.wait_for.* \| before"
ABOUT_TO_SAY_SO = r"Attempt\._send: await self\._sending.* \| before"
SEND_COMMITTED = r"Ledger\._sending: commit \| after"
ABOUT_TO_POST = r"Accounts\.create: await self\._graph\.call.* \| before"
ABOUT_TO_LOAD_GRANT = r" Ledger\._performed: await self\.store\.read.* \| before"
PARKED = r"RunJournal\.park: commit \| after"
NAMED = (
    *(PARKED, INTENT_COMMITTED, ABOUT_TO_OPEN, ABOUT_TO_LOOK, ABOUT_TO_SEND, ABOUT_TO_SAY_SO, SEND_COMMITTED),
    *(ABOUT_TO_POST, ABOUT_TO_LOAD_GRANT),
)
ELSEWHERE = {
    r"^(ledger|runtime)/planning\.py|^storage/rehearsal\.py": "a plan only looks, and commits nothing",
    r"Edge\.take_up: commit|\.foresee": "a plan only looks, and commits nothing",
    r"^runtime/(backup|clearing|breakers)\.py": "an administrator's own command, which no onboarding comes by",
    r"^runtime/(erasing|key_rotation)\.py": "an administrator's own command; erasing is killed in test_erase_command.py",
    r"^runtime/metering\.py": "no model plans here; what it is asked is no effect: tests/integration/test_model_planner.py",
    r"RunJournal\.(note|refuse): commit": "only a planner or model that misbehaves comes by: tests/adversary",
    r"self\._passes\.": "no onboarding makes a pass; killed around each call in tests/integration/test_first_sign_in_killed.py",
    r"^(effectors/access_passes|runtime/first_sign_in)\.py": "no onboarding makes a pass; killed around each call in"
    " tests/integration/test_first_sign_in_killed.py",
    r"^runtime/lease\.py:\d+ leased: ": "only LangGraph Studio drives runs so",
    r"^ledger/verifying\.py.*asyncio\.sleep": "what is done is there at the first look: tests/contract/test_verifiers.py",
    r"^runtime/tasking\.py|Accounts\.reserve:": "a task's own: tests/integration/test_tasks.py",
    r"^runtime/(api_keys|register)\.py|^transport/entra_identity\.py": "the service's own, which no onboarding comes by",
    r"^(runtime|transport)/webhooks\.py": "no receivers here; killed around each call in tests/integration/test_webhooks.py",
    r"^runtime/advising\.py": "a person's own command, which no onboarding comes by",
    r"StoredPatterns\.": "memory as a vector store, whose writes no onboarding comes by",
}
"""Points that no scenario here can reach, and why; they are counted and shown."""


@dataclass
class Stage:
    """Where a scenario plays: its lane, the life under proof, and whoever else takes part until the end."""

    lane: Lane
    life: Life
    others: AsyncExitStack

    @property
    def files(self) -> Files:
        return Files(self.life.data_dir)

    async def other(self, *orders: Order) -> Process:
        """Another process on the same files."""
        told = Orders(self.life.data_dir / "trace-of-another", orders) if orders else None
        return await self.others.enter_async_context(process(replace(self.life, hires=(), orders=told)))


Meanwhile = Callable[[Stage, Process], Awaitable[None]]


@dataclass(frozen=True)
class Scenario:
    """One way to be disturbed.

    Args:
        faults: what the services do wrong.
        prepare: what is done before; gives the life to live.
        earlier: where an earlier process was killed, or left.
        between: what happens after that.
        stop: where the process under proof stops itself (SIGSTOP), while ``meanwhile`` goes on; then it continues.
        as_surveyed: it ends otherwise than undisturbed: as it does in this scenario when nobody is killed.
        or_plain: a death may also lead to the undisturbed end.
        settle: seconds that late work needs before the judge may look.
    """

    name: str
    faults: Callable[[Lane], Sequence[Fault]] = lambda lane: ()
    prepare: Callable[[Lane, Life], Awaitable[Life]] | None = None
    earlier: Order | None = None
    between: Callable[[Files], None] | None = None
    stop: Order | None = None
    meanwhile: Meanwhile | None = None
    as_surveyed: bool = False
    or_plain: bool = False
    settle: float = 0.0


PLAIN = Scenario("plain")


def once(kind: FaultKind, **options: object) -> Callable[[Lane], Sequence[Fault]]:
    """The first try of every change fails so."""
    return lambda lane: [_fault(write, kind, times=1, **options) for write in lane.writes]


def _unavailable(lane: Lane) -> Sequence[Fault]:
    """503 over HTTP says that the work may have been done; SMTP's word for 'not now' is 451 (RFC 5321, 4.2.3)."""
    status = {"mail": 451}
    return [_fault(write, FaultKind.STATUS, status=status.get(write.twin, 503), times=1) for write in lane.writes]


def _fault(write: Write, kind: FaultKind, **options: object) -> Fault:
    return Fault(write.twin, kind, method=write.method, path=write.path, **options)  # type: ignore[arg-type]


async def _namesake(lane: Lane, life: Life) -> Life:
    await lane.namesake(life.hires[0].profile)
    return life


async def _linked(lane: Lane, life: Life) -> Life:
    """The hire has an account already, which a person names."""
    hire = life.hires[0]
    return replace(life, hires=(replace(hire, link_existing=await lane.namesake(hire.profile)),))


async def _starts_later(lane: Lane, life: Life) -> Life:
    hire = life.hires[0]
    start = date.today() + timedelta(days=10)
    return replace(life, hires=(replace(hire, profile=replace(hire.profile, joining_date=start)),))


def _the_day_has_come(files: Files) -> None:
    """The clock of a test cannot be moved, and a moved date is not what the grant was made for: processes are told the day."""
    (files.data_dir / THE_DAY).touch()
    files.change(("UPDATE runs SET wake_at = 0", ()))


async def _planned(lane: Lane, life: Life) -> Life:
    """The hire is planned first, and the plan is applied."""
    return replace(life, plans=True)


async def _paused(lane: Lane, life: Life) -> Life:
    return replace(life, pauses=True)


async def _cancelled(lane: Lane, life: Life) -> Life:
    return replace(life, pauses=True, cancels=True, retries=True)


async def _undone(lane: Lane, life: Life) -> Life:
    return replace(life, undoes=True)


async def _retried(lane: Lane, life: Life) -> Life:
    return replace(life, retries=True)


def _no_such_job_at_first(lane: Lane) -> Sequence[Fault]:
    return [_fault(write, FaultKind.STATUS, status=404, times=1) for write in lane.writes if write.twin == "jenkins"]


def _down_for_a_while(lane: Lane) -> Sequence[Fault]:
    """Longer than the tries in a row last: what cannot be done is parked, and mails stay in the outbox."""
    status = {"mail": 451}
    return [_fault(write, FaultKind.STATUS, status=status.get(write.twin, 503), times=IMPATIENT.tries) for write in lane.writes]


async def _long_pipelines(lane: Lane, life: Life) -> Life:
    """Longer than a driver stays."""
    await lane.long_pipelines(life.hires[0], IMPATIENT.stay + 1.5)
    return life


async def _no_seats(lane: Lane, life: Life) -> Life:
    await lane.no_seats()
    return life


async def _failing_pipelines(lane: Lane, life: Life) -> Life:
    for item in lane.policy.catalogue.values():
        if isinstance(item, PipelineItem):
            match = {item.user_parameter: lane.address_of(life.hires[0].profile)}
            await lane.box.pipeline_outcome(item.pipeline, match=match, result="FAILURE", console=("told to fail",))
    return life


def _no_such_job(lane: Lane) -> Sequence[Fault]:
    return [_fault(write, FaultKind.STATUS, status=404) for write in lane.writes if write.twin == "jenkins"]


def _failing_reads(lane: Lane) -> Sequence[Fault]:
    """As often as a read is tried again in place: one that nothing else is read beside."""
    return [Fault("entra", FaultKind.STATUS, method="GET", path=".*/subscribedSkus", status=503, times=3)]


def _slow_reads(lane: Lane) -> Sequence[Fault]:
    return [Fault("jenkins", FaultKind.LATENCY, method="GET", seconds=0.4, times=6)]


def _login_refused(lane: Lane) -> Sequence[Fault]:
    return [_fault(write, FaultKind.STATUS, status=401, times=1) for write in lane.writes if write.twin == "jenkins"]


async def to_the_end_by_another(stage: Stage, stopped: Process) -> None:
    """Another process takes over when the lease is over, and ends every run."""
    other = await stage.other()
    await other.ended()


def _opened_by_another_who_stops(column: str) -> Meanwhile:
    async def meanwhile(stage: Stage, stopped: Process) -> None:
        other = await stage.other(Order(What.STOP, INTENT_COMMITTED, column))
        await other.stopped()

    return meanwhile


def _opened_by_another_who_dies(column: str) -> Meanwhile:
    """... and the stopped process has claimed the run again before its old send went on."""

    async def meanwhile(stage: Stage, stopped: Process) -> None:
        other = await stage.other(Order(What.KILL, INTENT_COMMITTED, column))
        await other.ended()
        again = ("UPDATE runs SET owner = ?, lease_until = ?", (stopped.owner(), time.time() + LEASE))
        await asyncio.to_thread(stage.files.change, again)

    return meanwhile


async def _namesake_meanwhile(stage: Stage, stopped: Process) -> None:
    """Between our look and our write somebody else takes the address."""
    await stage.lane.namesake(stage.life.hires[0].profile)


async def _address_taken_meanwhile(stage: Stage, stopped: Process) -> None:
    """Between our look and our write somebody else takes the address, and our write is cut off."""
    await stage.lane.namesake(stage.life.hires[0].profile)
    posts = [write for write in stage.lane.writes if write.method == "POST" and write.path.endswith("/users$")]
    await stage.lane.faults(_fault(write, FaultKind.DROP_BEFORE, times=1) for write in posts)


async def _lease_over(stage: Stage, stopped: Process) -> None:
    """The lease ended, and nobody has taken the run yet."""
    await asyncio.to_thread(stage.files.change, ("UPDATE runs SET lease_until = 0", ()))


async def _grant_gone(stage: Stage, stopped: Process) -> None:
    await asyncio.to_thread(stage.files.change, ("DROP TRIGGER grants_never_go", ()), ("DELETE FROM grants", ()))


def scenarios(columns: Sequence[str], dear: Sequence[str]) -> list[Scenario]:
    """All of them, the cheapest first: a point is tried in the first that reaches it.

    Args:
        columns: every effect.
        dear: those for which the scenarios with several processes are played.
    """
    return [
        PLAIN,
        Scenario("cut before the work", once(FaultKind.DROP_BEFORE)),
        Scenario("cut after the work", once(FaultKind.DROP_AFTER)),
        Scenario("429, then again", once(FaultKind.STATUS, status=429, retry_after=0)),
        Scenario("unavailable, then again", _unavailable),
        Scenario("login refused, then again", _login_refused),
        Scenario("slow reads", _slow_reads),
        Scenario("failing reads", _failing_reads),
        Scenario("slower than its client waits", once(FaultKind.LATENCY, seconds=2.8 * CALL), settle=3 * CALL),
        Scenario("namesake", prepare=_namesake),
        Scenario("namesake, cut before", once(FaultKind.DROP_BEFORE), prepare=_namesake),
        Scenario("linked", prepare=_linked, as_surveyed=True),
        Scenario("linked, cut after", once(FaultKind.DROP_AFTER), prepare=_linked, as_surveyed=True),
        Scenario("planned, then applied", prepare=_planned),
        Scenario("paused, then resumed", prepare=_paused),
        Scenario("cancelled, then retried", prepare=_cancelled, as_surveyed=True, or_plain=True),
        Scenario("failing pipelines", prepare=_failing_pipelines, as_surveyed=True),
        Scenario("no seats", prepare=_no_seats, as_surveyed=True),
        Scenario("no such job", _no_such_job, as_surveyed=True),
        Scenario("down for a while", _down_for_a_while),
        Scenario("long pipelines", prepare=_long_pipelines),
        Scenario("retried", _no_such_job_at_first, prepare=_retried, as_surveyed=True, or_plain=True),
        Scenario("undone", prepare=_undone, as_surveyed=True),
        Scenario(
            "the first day has come",
            prepare=_starts_later,
            earlier=Order(What.LEAVE, PARKED),
            between=_the_day_has_come,
            as_surveyed=True,
        ),
        *(Scenario(f"second life: {c}", earlier=Order(What.KILL, SEND_COMMITTED, c)) for c in columns),
        Scenario("lease over", stop=Order(What.STOP, ABOUT_TO_SAY_SO), meanwhile=_lease_over),
        Scenario("namesake meanwhile", stop=Order(What.STOP, ABOUT_TO_POST), meanwhile=_namesake_meanwhile),
        Scenario("address taken meanwhile", stop=Order(What.STOP, ABOUT_TO_POST), meanwhile=_address_taken_meanwhile),
        Scenario(
            "grant gone",
            stop=Order(What.STOP, ABOUT_TO_LOAD_GRANT),
            meanwhile=_grant_gone,
            as_surveyed=True,
        ),
        *(frozen(ABOUT_TO_SAY_SO, c) for c in dear),
        *(
            Scenario(f"rival died: {c}", stop=Order(What.STOP, ABOUT_TO_OPEN, c), meanwhile=_opened_by_another_who_dies(c))
            for c in dear
        ),
        *(
            Scenario(f"rival stopped: {c}", stop=Order(What.STOP, ABOUT_TO_LOOK, c), meanwhile=_opened_by_another_who_stops(c))
            for c in dear
        ),
    ]


def frozen(point: str, column: str) -> Scenario:
    """Stopped there beyond the lease, taken over meanwhile, then continued."""
    return Scenario(f"frozen: {column} at {point}", stop=Order(What.STOP, point, column), meanwhile=to_the_end_by_another)


def late(column: str, seconds: float) -> Scenario:
    """The service begins to work so much later, when its client has been dead for long: what is sent now is held up."""

    async def hold_up(stage: Stage, stopped: Process) -> None:
        await stage.lane.faults(once(FaultKind.LATENCY, seconds=seconds)(stage.lane))

    stop = Order(What.STOP, ABOUT_TO_SEND, column)
    return Scenario(f"late: {column}", stop=stop, meanwhile=hold_up, settle=seconds)
