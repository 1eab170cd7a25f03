"""What a proof prints: on the terminal with a progress bar, and into docs/proofs with date, commit and machine."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

ROOT = Path(__file__).resolve().parents[1]
WIDTH = 220
Advance = Callable[[str, int], None]


def provenance() -> str:
    """Date, commit and machine."""
    git = subprocess.run(["git", "-C", str(ROOT), "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    cpu = f"{os.cpu_count()} CPUs, {platform.machine()}, {platform.system()} {platform.release()}"
    when = datetime.now(timezone.utc).isoformat(timespec="seconds")
    return f"{when}, commit {git.stdout.strip() or 'unknown'}, Python {platform.python_version()}, {cpu}"


@contextmanager
def progress() -> Iterator[Advance]:
    """A bar for each kind of thing that is counted; nothing where there is no terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=not Console(stderr=True).is_terminal) as bar:
        tasks: dict[str, object] = {}

        def advance(what: str, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total)
            bar.advance(tasks[what])  # type: ignore[arg-type]

        yield advance


def publish(title: str, show: Callable[[Console], None], out: Path | None) -> None:
    """Print; with ``out`` write the same there."""
    console = Console(width=WIDTH, record=True, highlight=False, soft_wrap=False)
    console.print(f"{title}\n{provenance()}\n")
    show(console)
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        lines = console.export_text(styles=False).splitlines()
        out.write_text("\n".join(line.rstrip() for line in lines) + "\n", encoding="utf-8")
