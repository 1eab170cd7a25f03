"""What a process under proof does: it opens the library, submits hires, and drives every run to its end.

Processes are forked from a server that has imported everything and started no thread
(https://docs.python.org/3/library/multiprocessing.html#contexts-and-start-methods), so that one costs milliseconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import os
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import agent_ops.runtime.compose as _compose
from agent_ops import AgentOps, Caller, EmployeeStatus, Profile, Run, RunStatus, Settings
from agent_ops.agents import load_agents
from agent_ops.domain.errors import InvalidRequest, RunFailed
from agent_ops.ledger.attempt import Patience
from agent_ops.ledger.binding import Binder
from agent_ops.policies import EXAMPLE
from agent_ops.sandbox.addresses import Addresses
from proofs import mutations
from proofs.judge import Files
from proofs.patching import patch
from proofs.watch import Orders, Watch

CALL = 0.4
"""Seconds that each step of a call may take. A whole call has up to seven, and a lease outlasts a call by half."""
UNHURRIED_CALL = 1.2
"""The same for mutants that show only where the call before the kill comes through, on a busy machine, too."""
IMPATIENT = Patience(
    tries=3, first_pause=0.05, longest_pause=0.3, longest_wait=2.0, settling=0.1, margin=0.1, stay=1.0, mail_wait=1.0
)
CALLER = Caller("proof", frozenset({"onboard", "status", "link", "admin"}))
LEASE = 5.0
PAUSE_SECONDS = 0.5
THE_DAY = "the-first-day-has-come"
"""Where such a file lies, nothing waits for a first working day any more."""
load_agents()  # imported before the fork, as everything else


@dataclass(frozen=True)
class Hire:
    """A new hire and the access asked for."""

    profile: Profile
    items: tuple[str, ...] | None
    link_existing: str | None = None


@dataclass(frozen=True)
class Life:
    """One process: what it works on, what it is told, how patient it is.

    Args:
        seconds: after them it ends with code 3: what it waits for does not come.
        default_patience: time-outs, lease and patience as a user has them who sets none.
        mutation: a guarantee to take out, by its name in `mutations`.
        eager: submits at once, and stays until it is killed or its time is over.
        log_drives: a file into which it writes when it begins and ends to drive a run.
        concurrency: runs driven at a time.
        pauses: all changes are paused before the hires are submitted, and resumed soon after.
        cancels: runs are cancelled while all changes are paused, so that nothing was done yet.
        retries: a run that failed, or was cancelled, is tried again once.
        undoes: what was onboarded is undone.
        plans: hires are planned, and the plans applied.
        stays: until the outbox is empty, too.
    """

    data_dir: Path
    addresses: Addresses
    hires: tuple[Hire, ...] = ()
    orders: Orders | None = None
    seconds: float = 60.0
    default_patience: bool = False
    mutation: str = ""
    log_drives: Path | None = None
    concurrency: int = 64
    eager: bool = False
    pauses: bool = False
    cancels: bool = False
    retries: bool = False
    plans: bool = False
    undoes: bool = False
    stays: bool = False
    policy_file: Path | None = None


def live(life: Life) -> None:
    """The whole life of one process. Its exit code: 0 all ended, 3 not in time, 1 anything else."""
    life.data_dir.mkdir(parents=True, exist_ok=True)
    os.dup2(os.open(life.data_dir / "stderr", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), 2)
    random.seed()  # forked processes would all draw the same
    raise SystemExit(asyncio.run(_live(life)))


def settings_of(life: Life) -> Settings:
    """The sandbox's settings; every time-out short unless the user's own are wanted."""
    policy_file = life.policy_file or EXAMPLE
    settings = Settings.for_sandbox(life.addresses, life.data_dir, policy_file=policy_file)
    settings = replace(settings, concurrency=life.concurrency)
    if life.default_patience:
        return settings
    call = UNHURRIED_CALL if life.mutation in mutations.NEED_A_CALL else CALL
    _shorten_defaults({"timeout": call, "attentive": IMPATIENT.stay})
    short = {f.name: _shortened(getattr(settings, f.name), call) for f in fields(settings)}
    return replace(settings, **{**short, "patience": IMPATIENT, "lease": LEASE * call / CALL})


def _shortened(value: Any, call: float) -> Any:
    if is_dataclass(value) and not isinstance(value, type) and any(f.name == "timeout" for f in fields(value)):
        return replace(value, timeout=call)
    return value


def _shorten_defaults(short: Mapping[str, float]) -> None:
    """Time-outs that are no settings are defaults of adapters' arguments."""
    for adapter in vars(_compose).values():
        if inspect.isclass(adapter) and hasattr(adapter, "look_up"):
            signature, named = inspect.signature(adapter.__init__), adapter.__init__.__kwdefaults__ or {}
            defaults = [
                p for p in signature.parameters.values() if p.default is not p.empty and p.kind is p.POSITIONAL_OR_KEYWORD
            ]
            adapter.__init__.__defaults__ = tuple(short.get(p.name, p.default) for p in defaults)
            adapter.__init__.__kwdefaults__ = {**named, **{name: short[name] for name in named if name in short}}


async def _live(life: Life) -> int:
    told_to_leave = asyncio.Event()
    loop = asyncio.get_running_loop()
    if life.orders is not None:
        Watch(life.orders, lambda: loop.call_soon_threadsafe(told_to_leave.set)).install()
    if life.mutation:
        mutations.BY_NAME[life.mutation]()
    if (life.data_dir / THE_DAY).exists():
        patch(Binder, not_before=lambda *_: None)
    if life.log_drives is not None:
        _log_drives(life.log_drives)
    async with AgentOps(settings_of(life), caller=CALLER) as ops:
        work = asyncio.create_task(_work(ops, life))
        leave = asyncio.create_task(told_to_leave.wait())
        done, _ = await asyncio.wait({work, leave}, timeout=life.seconds, return_when=asyncio.FIRST_COMPLETED)
        for task in (work, leave):
            task.cancel()
        await asyncio.gather(work, leave, return_exceptions=True)
    if not done:
        return 3
    return 0 if leave in done else work.result()


async def _work(ops: AgentOps, life: Life) -> int:
    """Everything that the files hold first, then what a client asks, who asks again when he got no answer."""
    if life.eager:
        await asyncio.gather(*(_submitted(ops, hire) for hire in life.hires))
        await asyncio.Event().wait()
    for _ in await ops.pauses():
        await ops.resume()
    recorded = [report.run.id for report in await ops.employees()]
    await asyncio.gather(*(_ended(ops, run_id) for run_id in recorded))
    if life.pauses:
        await ops.pause(reason="a look before anything is changed")
    runs = [await (_applied if life.plans else _submitted)(ops, hire) for hire in life.hires]
    if life.pauses:
        await _resumed(ops, runs if life.cancels else [])
    await asyncio.gather(*(_ended(ops, run.id) for run in runs))
    if life.retries:
        again = (RunStatus.FAILED, RunStatus.CANCELLED)
        failed = [report.run for report in await ops.employees() if report.run.status in again]
        await asyncio.gather(*[_ended(ops, (await ops.retry(run.id)).id) for run in failed])
    if life.undoes:
        onboarded = [r.run for r in await ops.employees() if r.employee.status is EmployeeStatus.ONBOARDED]
        await asyncio.gather(*[_ended(ops, (await ops.cancel(run.id, undo=True)).id) for run in onboarded])
    if life.stays:
        await _nothing_is_left(life.data_dir)
    return 0


async def _resumed(ops: AgentOps, unwanted: list[Run]) -> None:
    """After a while of the pause; what is not wanted any more is cancelled before."""
    await asyncio.sleep(PAUSE_SECONDS)
    await asyncio.gather(*(_cancelled(ops, run.id) for run in unwanted))
    await ops.resume()


async def _nothing_is_left(data_dir: Path) -> None:
    """Mails may be taken after their run has ended: until then somebody has to stay."""
    while await asyncio.to_thread(Files(data_dir).unsettled):
        await asyncio.sleep(0.1)


async def _applied(ops: AgentOps, hire: Hire) -> Run:
    return await ops.apply(await ops.plan(hire.profile, hire.items, link_existing=hire.link_existing))


async def _submitted(ops: AgentOps, hire: Hire) -> Run:
    return await ops.submit(hire.profile, hire.items, link_existing=hire.link_existing)


async def _cancelled(ops: AgentOps, run_id: str) -> None:
    """A client that asks again after a death is told that the run has ended."""
    with contextlib.suppress(InvalidRequest):
        await ops.cancel(run_id)


async def _ended(ops: AgentOps, run_id: str) -> None:
    while True:
        with contextlib.suppress(RunFailed):
            await ops.wait(run_id, timeout=5)
            return


def _log_drives(file: Path) -> None:
    """Note each begin and end, by the clock that all processes of a machine share (CLOCK_MONOTONIC)."""
    log = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    drive = AgentOps._drive

    async def logged(ops: AgentOps, run_id: str) -> None:
        os.write(log, f"begin {run_id} {os.getpid()} {time.monotonic()}\n".encode())
        try:
            await drive(ops, run_id)
        finally:
            os.write(log, f"end {run_id} {os.getpid()} {time.monotonic()}\n".encode())

    patch(AgentOps, _drive=logged)
