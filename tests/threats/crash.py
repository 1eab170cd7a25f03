"""Cases in which a process dies, or finds its files changed when it comes again: whole processes, killed with SIGKILL."""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import sqlite3
import time
from dataclasses import replace
from pathlib import Path

import ormsgpack
from proofs.lives import Hire, Life
from proofs.processes import process
from proofs.scenarios import ABOUT_TO_OPEN, ABOUT_TO_SEND, INTENT_COMMITTED
from proofs.watch import Order, Orders, What

from agent_ops import AgentOps, Profile
from agent_ops.runtime.compose import open_checkpoints
from agent_ops.runtime.data_dir import CHECKPOINTS
from tests.threats.cases import Case
from tests.threats.place import Evidence, Place
from tests.threats.ways import ended, keep_grants

BUILD = "jenkins.run_pipeline"
EXT_CONSTRUCTOR_SINGLE_ARG = 0
"""langgraph.checkpoint.serde.jsonplus: (module, name, argument), which a loader that trusts it imports and calls."""
CANARY_FILE = "pwned-pub.canary"


def _life(place: Place, case: Case, directory: Path, *orders: Order) -> Life:
    body = case.body or {"name": "Priya Natarajan", "team": next(iter(place.world.policy))}
    items = tuple(body["access_items"]) if "access_items" in body else tuple(place.policy.catalogue)[:1]
    hire = Hire(Profile(body["name"], body["team"]), items)
    told = Orders(directory / "trace", orders)
    return Life(directory, place.box.addresses, (hire,), told, policy_file=place.policy_file)


async def survey(place: Place, case: Case, evidence: Evidence) -> None:
    """Onboard once undisturbed, to learn in which order the points are reached; once for all kill points."""
    if place.trace:
        return
    directory = evidence.data_dir.parent / "survey"
    async with process(_life(place, case, directory)) as undisturbed:
        assert await undisturbed.ended() == 0
    lines = [line.split("\t") for line in (directory / "trace").read_text(encoding="utf-8").splitlines()]
    place.trace = [(point, column) for point, column in lines]
    await place.clean()


def _point(trace: list[tuple[str, str]], kill: str) -> Order:
    """Where a kill point of the case is, by the order of an undisturbed onboarding."""
    if kill == "before effect":
        return Order(What.KILL, INTENT_COMMITTED, BUILD)
    sent = next(i for i, (point, column) in enumerate(trace) if column == BUILD and re.search(_AFTER_SEND, point))
    written = next(i for i, (p, _) in enumerate(trace) if i > sent and re.fullmatch(r"checkpoint aput_writes \d+ \| before", p))
    if kill == "after effect before put_writes":
        return Order(What.KILL, f"^{re.escape(trace[written][0])}$")
    put = next(i for i, (p, _) in enumerate(trace) if i > written and re.fullmatch(r"checkpoint aput \d+ \| before", p))
    return Order(What.KILL, f"^{re.escape(trace[put][0])}$")


_AFTER_SEND = ABOUT_TO_SEND.replace("before", "after")


async def killed(place: Place, case: Case, evidence: Evidence) -> None:
    """One process is killed at the case's point, another one finds nothing but the files and drives everything to its end."""
    order = _point(place.trace, case.more["kill"])
    life = _life(place, case, evidence.data_dir, order)
    async with process(life) as dying:
        assert await dying.ended() == -signal.SIGKILL, f"{order} was not reached"
    keep_grants(evidence)
    began = time.monotonic()
    async with process(replace(life, hires=(), orders=None)) as recovering:
        code = await recovering.ended()
    evidence.notes["recovered"] = {case.more["kill"]: time.monotonic() - began if code == 0 else None}
    keep_grants(evidence)


async def checkpoint(place: Place, case: Case, evidence: Evidence) -> None:
    """A process dies before its first effect; every checkpoint is replaced; another one takes the run up."""
    life = _life(place, case, evidence.data_dir, Order(What.KILL, ABOUT_TO_OPEN, "entra.create_account"))
    async with process(life) as dying:
        assert await dying.ended() == -signal.SIGKILL
    assert await asyncio.to_thread(_replace, evidence.data_dir / CHECKPOINTS, "whole" not in case.more.get("keep", "")) > 0
    (fresh := evidence.data_dir / "fresh").mkdir()
    async with open_checkpoints(fresh / CHECKPOINTS) as saver:
        evidence.notes["allow-list"] = saver.serde._allowed_msgpack_modules is not True  # type: ignore[attr-defined]
    async with AgentOps(place.settings(evidence.data_dir)) as ops:
        for report in await ops.employees():
            await ended(ops, evidence, report.run)
    keep_grants(evidence)


def _replace(file: Path, whole: bool) -> int:
    """Put the payload into every checkpoint: in its place, or into one of its channels."""
    payload = ormsgpack.Ext(EXT_CONSTRUCTOR_SINGLE_ARG, ormsgpack.packb(("posix", "system", f"touch {CANARY_FILE}")))
    with contextlib.closing(sqlite3.connect(file)) as connection, connection:
        rows = connection.execute("SELECT rowid, checkpoint FROM checkpoints").fetchall()
        for row, blob in rows:
            kept = ormsgpack.unpackb(blob, ext_hook=ormsgpack.Ext)
            content = payload if whole else {**kept, "channel_values": {**kept["channel_values"], "goal": payload}}
            connection.execute("UPDATE checkpoints SET checkpoint = ? WHERE rowid = ?", (ormsgpack.packb(content), row))
    return len(rows)
