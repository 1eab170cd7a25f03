"""The command line: ``python -m proofs crash | chaos | faults | dispatch``. Each ends with 0 only if its promise held."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

import click

from proofs import crash as crash_matrix
from proofs import show

OUT = click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write what is printed to this file, too.")


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
def main() -> None:
    """Prove that every change of the outside world happens exactly once. Everything stays on the loopback."""


@main.command()
@click.option("--seed", type=int, help="Play a part only, drawn by this seed: every site of the code, every effect.")
@click.option("--lanes", type=click.IntRange(1, 6), default=4, show_default=True, help="Cells at a time.")
@OUT
def crash(seed: int | None, lanes: int, out: Path | None) -> None:
    """Kill a process at every point of the code, for every effect, and let the services' records judge."""
    found = asyncio.run(_crash(seed, lanes))
    part = "" if seed is None else f", a part drawn by seed {seed}"
    show.publish(f"Crash matrix{part}", show.crash(found), out)
    sys.exit(0 if found.good else 1)


async def _crash(seed: int | None, count: int) -> crash_matrix.Matrix:
    began = time.monotonic()
    directory = Path(tempfile.mkdtemp(prefix="proofs-"))
    with show.progress() as advance:
        async with crash_matrix.Lanes(directory, count, advance) as lanes:
            found = await crash_matrix.matrix(lanes, seed)
    found.seconds = time.monotonic() - began
    return found


if __name__ == "__main__":
    main()
