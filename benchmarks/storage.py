"""What a finished run leaves on disk, of a policy with forty pipelines: rows and bytes, with their limits."""

from __future__ import annotations

import contextlib
import sqlite3
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from rich.table import Table

from agent_ops import AgentOps, Profile, RunStatus, Sandbox, Settings

RUNS = 20
FEW, MANY = 4, 40
LIMIT_BYTES = 20 * 1024
LIMIT_GROWTH = MANY // FEW
CHECKPOINT_TABLES = ("checkpoints", "writes")


@dataclass(frozen=True)
class Size:
    """Of one database: bytes of the file with its write-ahead log folded in, and of the pages that hold something."""

    file: int
    used: int

    @classmethod
    def of(cls, path: Path) -> Size:
        with contextlib.closing(sqlite3.connect(path)) as db:
            pages, free, size = (
                db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
            )
        return cls(pages * size, (pages - free) * size)


@dataclass(frozen=True)
class Left:
    """What runs left, in bytes per run; ``rows`` are the checkpoints' in all."""

    operations: float
    checkpoints_file: float
    checkpoints_used: float
    rows: int


async def storage_table() -> Table:
    """The measured bytes beside their limits."""
    return _table(*await measured())


async def measured() -> tuple[Left, Left]:
    """What a run of few items leaves, and one of many."""
    with tempfile.TemporaryDirectory() as directory:
        policy = Path(directory) / "policy.toml"
        policy.write_text(_policy(MANY), encoding="utf-8")
        async with Sandbox(Path(directory), policy) as box:
            settings = Settings.for_sandbox(box.addresses, box.data_dir, policy_file=policy)
            async with AgentOps(settings) as ops:
                await _onboard(ops, MANY, "warm", 1)
                few = await _left(ops, settings.data_dir, FEW)
                many = await _left(ops, settings.data_dir, MANY)
    return few, many


def _policy(items: int) -> str:
    keys = [f"item{number}" for number in range(items)]
    tables = "".join(f'[items.{key}]\ntitle = "Access {key}"\npipeline = "provisioning/{key}"\n' for key in keys)
    team = f'[teams.engineering]\ntitle = "Engineering"\nallowed = {keys}\nbirthright = {keys}\n'
    place = '[locations.lisbon]\ntitle = "Lisbon"\nzone = "Europe/Lisbon"\ncountry = "PT"\n'
    return f'levels = ["L1"]\n[company]\ndomain = "acme.example"\n{place}{tables}{team}'


async def _onboard(ops: AgentOps, items: int, tag: str, runs: int) -> None:
    """One after the other, so that the file of checkpoints shows what one run needs."""
    for number in range(runs):
        hire = Profile(f"Bytes {tag} {number}", "Engineering", external_id=f"{tag}-{number}")
        report = await ops.onboard(hire, [f"item{item}" for item in range(items)])
        if report.run.status is not RunStatus.DONE:
            sys.exit(f"a run of {items} items did not end well: {report.run.summary}")


async def _left(ops: AgentOps, data_dir: Path, items: int) -> Left:
    operations, checkpoints = data_dir / "operations.db", data_dir / "checkpoints.db"
    before = Size.of(operations), Size.of(checkpoints)
    await _onboard(ops, items, f"of {items}", RUNS)
    after = Size.of(operations), Size.of(checkpoints)
    with contextlib.closing(sqlite3.connect(checkpoints)) as db:
        rows = sum(db.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in CHECKPOINT_TABLES)
    return Left(
        (after[0].used - before[0].used) / RUNS,
        (after[1].file - before[1].file) / RUNS,
        (after[1].used - before[1].used) / RUNS,
        rows,
    )


def _table(few: Left, many: Left) -> Table:
    table = Table(f"left by a finished run, mean of {RUNS}", f"{FEW} items", f"{MANY} items", "limit", "kept")
    growth = many.operations / few.operations
    rows = (
        ("operations.db, bytes in use", few.operations, many.operations, f"{LIMIT_BYTES:,}", few.operations <= LIMIT_BYTES),
        ("... times that of 4 items", 1, growth, f"{LIMIT_GROWTH}", growth <= LIMIT_GROWTH),
        ("checkpoints.db, rows in all", few.rows, many.rows, "0", few.rows == many.rows == 0),
        *(
            (f"checkpoints.db, bytes {what}", here, there, "0", max(here, there) <= 0)
            for what, here, there in (
                ("in use", few.checkpoints_used, many.checkpoints_used),
                ("of the file", few.checkpoints_file, many.checkpoints_file),
            )
        ),
    )
    for name, here, there, limit, kept in rows:
        table.add_row(name, _number(here), _number(there), limit, "yes" if kept else "NO")
    return table


def _number(value: float) -> str:
    return f"{value:,.1f}" if abs(value) < 100 and value != int(value) else f"{value:,.0f}"
