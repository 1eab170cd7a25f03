"""What a proof prints: on the terminal with a progress bar, and into docs/proofs with date, commit and machine."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from proofs.cell import Result
from proofs.crash import Matrix, enumerated, site
from proofs.watch import RUN

ROOT = Path(__file__).resolve().parents[1]
WIDTH = 190
NAME = 100
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


def crash(matrix: Matrix) -> Callable[[Console], None]:
    """The matrix as a table: sites of the code down, effects across; each number counts cells in which a process died."""

    def show(console: Console) -> None:
        console.print(_matrix_table(matrix), _forms_table(matrix))
        total = matrix.total
        points = len({result.cell.pair[0] for result in matrix.results})
        kills = sum(result.kills for result in [*matrix.survey.results, *matrix.results])
        effects = len([column for column in matrix.survey.columns if column != RUN])
        console.print(
            f"points in the code: {len(enumerated())}, never reached: {len(matrix.survey.unreached)}; "
            f"played: {points} points x {effects} effects where they meet = {len(matrix.results)} cells, "
            f"hit: {len(matrix.results) - len(matrix.missed)}; kills: {kills}\n"
            f"lost: {len(total.lost)}\nduplicates: {len(total.duplicates)}\n"
            f"repeated mails (equal Message-ID): {total.repeated_mails}\nseconds: {matrix.seconds:.0f}"
        )
        for point in matrix.survey.unreached:
            console.print(f"NEVER REACHED: {point}", markup=False)
        for name in matrix.missed:
            console.print(f"NOT HIT: {name}", markup=False)
        for result in [*matrix.survey.results, *matrix.results]:
            if not result.verdict.good:
                console.print(f"WRONG: {result.cell.name}: {result.verdict}", markup=False)

    return show


def _matrix_table(matrix: Matrix) -> Table:
    table = _table("killed before or after", matrix)
    rows: dict[str, list[Result]] = {}
    for result in matrix.results:
        if result.cell.order is not None and result.cell.scenario.settle == 0:
            rows.setdefault(site(result.cell.pair[0]), []).append(result)
    for name, results in sorted(rows.items()):
        table.add_row(escape(name[:NAME]), *_figures(matrix, results))
    return table


def _forms_table(matrix: Matrix) -> Table:
    """The other two ways to go: stopped beyond the lease, and work that is done after the client's death."""
    table = _table("otherwise", matrix)
    frozen = [result for result in matrix.results if result.cell.order is None]
    late = [result for result in matrix.results if result.cell.order is not None and result.cell.scenario.settle]
    table.add_row("stopped beyond the lease, taken over meanwhile, then continued", *_figures(matrix, frozen))
    table.add_row("the service does the work after its client's death", *_figures(matrix, late))
    return table


def _table(first: str, matrix: Matrix) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column(first, no_wrap=True, min_width=NAME)
    for column in matrix.survey.columns:
        table.add_column(column.replace(".", "\n").replace(" ", "\n"), justify="right")
    for figure in ("cells", "hit", "lost", "dup.", "mails"):
        table.add_column(figure, justify="right")
    return table


def _figures(matrix: Matrix, results: list[Result]) -> tuple[str, ...]:
    verdicts = [result.verdict for result in results]
    return (
        *(str(sum(result.cell.pair[1] == column for result in results) or ".") for column in matrix.survey.columns),
        str(len(results)),
        str(sum(result.hit for result in results)),
        str(sum(len(verdict.lost) for verdict in verdicts)),
        str(sum(len(verdict.duplicates) for verdict in verdicts)),
        str(sum(verdict.repeated_mails for verdict in verdicts)),
    )
