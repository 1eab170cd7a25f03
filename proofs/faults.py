"""Faults: 30 % of all calls fail, in every way that services fail, and the settings are those of a user who sets none."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent_ops.domain.access import ItemStatus
from agent_ops.sandbox import Fault, FaultKind
from proofs.crowd import Crowd, life_of
from proofs.judge import Account, Files
from proofs.lane import Lane
from proofs.processes import process

PIPELINE_SECONDS = 0.5
LAG_SECONDS = 2.0
HANG_SECONDS = 20.0
SHARES: dict[str, dict[str, Any]] = {
    "429 with Retry-After": {"kind": FaultKind.STATUS, "status": 429, "retry_after": 1},
    "500": {"kind": FaultKind.STATUS, "status": 500},
    "503": {"kind": FaultKind.STATUS, "status": 503},
    "time-out": {"kind": FaultKind.HANG, "seconds": HANG_SECONDS},
    "dropped before the work": {"kind": FaultKind.DROP_BEFORE},
    "dropped after the work": {"kind": FaultKind.DROP_AFTER},
}
"""The ways in which calls fail, in equal shares."""
_MAIL = {500: 451, 503: 421, 429: 450}
"""SMTP's words for 'not now' (RFC 5321, 4.2.3): its own 500 and 503 mean that the client erred."""


@dataclass
class Faults:
    """What came of it."""

    share: float
    hires: int
    items: int = 0
    completed: int = 0
    reported: Counter[str] = field(default_factory=Counter)
    nameless: list[str] = field(default_factory=list)
    duplicates: list[str] = field(default_factory=list)
    repeated_mails: int = 0
    calls: int = 0
    failed: int = 0
    struck: Counter[str] = field(default_factory=Counter)
    unended: int = 0
    seconds: float = 0.0

    @property
    def completed_share(self) -> float:
        return self.completed / self.items if self.items else 0.0

    @property
    def good(self) -> bool:
        return self.completed_share >= 0.99 and not self.duplicates and not self.nameless and not self.unended


def failing(share: float) -> Iterator[Fault]:
    """Rules that strike so large a share of the calls together; each is drawn apart, hence the quotient."""
    each, used = share / len(SHARES), 0.0
    for options in SHARES.values():
        probability = each / (1 - used)
        used += each
        for twin in ("entra", "jenkins"):
            yield Fault(twin, probability=probability, **options)
        status = _MAIL.get(options.get("status", 0), 0)
        yield Fault("mail", probability=probability, **{**options, **({"status": status} if status else {})})
        if options["kind"] is FaultKind.STATUS:
            yield Fault("aws", probability=probability, **options)
    yield Fault("entra", FaultKind.LAG, seconds=LAG_SECONDS)


async def faults(directory: Path, hires: int, share: float, advance: Callable[[str, int], None]) -> Faults:
    """Onboard so many at once while so large a share of the calls fails."""
    found = Faults(share, hires)
    lane = Lane(directory, "faults")
    await lane.open(PIPELINE_SECONDS)
    try:
        crowd = await Crowd.gathered(lane)
        await lane.faults(failing(share))
        before = await asyncio.to_thread(lane.calls)
        data_dir = directory / "data"
        began = time.monotonic()
        life = life_of(lane, data_dir, hires=crowd.hires(hires), default_patience=True, stays=True, seconds=3000.0)
        async with process(life) as one:
            await _watch(one.ended(), Files(data_dir), hires, advance)
        found.seconds = time.monotonic() - began
        after = await asyncio.to_thread(lane.calls)
        found.calls, found.failed = after[0] - before[0], after[1] - before[1]
        for rule in await lane.box.struck():
            found.struck[_way(rule)] += rule["struck"]
        verdict, accounts = await asyncio.to_thread(crowd.judged, data_dir)
        found.duplicates, found.repeated_mails = verdict.duplicates, verdict.repeated_mails
        _count(found, Files(data_dir), accounts)
    finally:
        lane.close()
    return found


async def _watch(ended: Any, files: Files, hires: int, advance: Callable[[str, int], None]) -> None:
    waiting = asyncio.ensure_future(ended)
    shown = 0
    while not waiting.done():
        await asyncio.wait({waiting}, timeout=0.5)
        done = await asyncio.to_thread(files.rows, "SELECT 1 FROM runs WHERE finished_at IS NOT NULL")
        for _ in range(len(done) - shown):
            advance("hires", hires)
        shown = len(done)


def _count(found: Faults, files: Files, accounts: dict[str, Account]) -> None:
    """Items by their statuses; one that is not in place must say what the service said last."""
    found.unended = sum(account.inside.get("run") not in ("done", "failed") for account in accounts.values())
    for row in files.rows("SELECT item, status, reason FROM items"):
        status = ItemStatus(row["status"])
        found.items += 1
        found.completed += status.in_place
        if not status.in_place:
            found.reported[f"{row['item']} {status.value}: {row['reason']}"] += 1
            if "last answer" not in row["reason"] and "answered" not in row["reason"]:
                found.nameless.append(f"{row['item']} {status.value}: {row['reason']}")


def _way(rule: dict[str, Any]) -> str:
    """The name of a rule's way to fail."""
    if rule["kind"] != FaultKind.STATUS.value:
        return str(rule["kind"])
    status = {mail: http for http, mail in _MAIL.items()}.get(rule["status"], rule["status"])
    return f"status {status}"
