"""What Agent Ops costs, beside what people would pick instead: one table, each row with its target. ``make bench``.

Every part can be run alone: ``python benchmarks/table.py cpu bytes start``. Ours is measured through its default public API with
everything on (ledger, guard, audit, events, ``durability="sync"`` checkpoints in SQLite files), the peers are unmodified, with
LangGraph's own SQLite saver and ``durability="sync"``; all over the services of the peers' harness, in turns.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE / "peers"), str(HERE.parent)]

import at_rest  # noqa: E402 - found beside this file
import beside  # noqa: E402
import long_run  # noqa: E402
from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402


@dataclass(frozen=True)
class Asked:
    """What the command line asks for."""

    runs: int
    repeats: int
    people: int
    trials: int


Rows = Iterator[tuple[str, float, str, float | None, bool]]
"""What was measured: name, value, unit, target (None: told only), whether the target is a floor."""

PARTS: dict[str, Callable[[Asked], Rows]] = {
    "calls": lambda asked: beside.calls(),
    "cpu": lambda asked: beside.processor(asked.repeats),
    "floor": lambda asked: beside.floor(asked.repeats),
    "wall": lambda asked: beside.wall(),
    "throughput": lambda asked: beside.throughput(asked.repeats),
    "bytes": lambda asked: at_rest.bytes_left(),
    "start": lambda asked: at_rest.start(asked.repeats),
    "memory": lambda asked: long_run.onboardings(asked.runs),
    "status": lambda asked: long_run.status_all(asked.people),
    "crash": lambda asked: beside.crash(asked.trials),
}


def cells(name: str, value: float, unit: str, target: float | None, floor: bool) -> tuple[str, ...]:
    """One row: the ratio is value to target; a target of nothing has none."""
    shown = f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.2f}"
    if target is None:
        return name, f"{shown} {unit}", "", "", ""
    reached = value >= target if floor else value <= target
    ratio = f"{value / target:.2f}" if target else ""
    return name, f"{shown} {unit}", f"{'>=' if floor else '<='} {target:g}", ratio, "reached" if reached else "MISSED"


def main() -> None:
    """Print the table; a part that fails is told and leaves the others be."""
    command = argparse.ArgumentParser(description=__doc__)
    command.add_argument("parts", nargs="*", metavar="part", help=f"which: {', '.join(PARTS)}; all when none is named")
    command.add_argument("--runs", type=int, default=1000, help="onboardings in one process; 10000 is the whole")
    command.add_argument("--repeats", type=int, default=5, help="alternating runs of which the median is taken")
    command.add_argument("--people", type=int, default=100_000, help="employees that status_all lists")
    command.add_argument("--trials", type=int, default=5, help="kills of each contestant of the crash test")
    given = command.parse_args()
    if unknown := set(given.parts) - set(PARTS):
        command.error(f"there is no part {', '.join(sorted(unknown))}")
    asked = Asked(given.runs, given.repeats, given.people, given.trials)
    console, table = Console(width=None if sys.stdout.isatty() else 150), Table("", "value", "target", "value / target", "")
    failed = []
    for name in given.parts or PARTS:
        began = time.monotonic()
        print(f"{name} ...", file=sys.stderr, flush=True)
        try:
            for row in PARTS[name](asked):
                table.add_row(*cells(*row))
        except (beside.Failed, OSError, subprocess.SubprocessError, SystemExit) as error:
            failed.append(name)
            table.add_row(name, f"failed: {error}"[:200], "", "", "MISSED")
        print(f"{name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
        table.add_section()
    console.print(table)
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    about = f"{datetime.now(timezone.utc):%Y-%m-%d %H:%M} UTC, Python {platform.python_version()}, {os.cpu_count()} cores"
    print(f"{about}; load of the last 1, 5 and 15 minutes: {load}")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
