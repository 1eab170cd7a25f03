"""What each proof says: its figures, and by name whatever is wrong."""

from __future__ import annotations

from collections.abc import Callable

from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from proofs.cell import Result
from proofs.chaos import PROCESSES, Chaos
from proofs.crash import Matrix, elsewhere, enumerated, site
from proofs.dispatch import Dispatch
from proofs.faults import Faults
from proofs.judge import Verdict
from proofs.watch import RUN, What

NAME = 96
Show = Callable[[Console], None]


def chaos(found: Chaos) -> Show:
    def show(console: Console) -> None:
        console.print(
            f"seed: {found.seed}\nprocesses: {PROCESSES}\nrounds: {found.rounds}\nkills: {found.kills}\n"
            f"kills with an open intent: {found.kills_with_open_intent}\n"
            f"runs: {found.runs}\neffects due: {found.effects}"
        )
        _verdict(console, found.verdict)
        console.print(f"seconds: {found.seconds:.0f}")

    return show


def dispatch(found: Dispatch) -> Show:
    def show(console: Console) -> None:
        console.print(
            f"seed: {found.seed}\nruns: {found.runs}\neffects due: {found.effects}\n"
            f"drives by process: {', '.join(map(str, found.drives))}\n"
            f"one killed after: {found.killed_after:.1f} s, while it drove {found.taken_over} runs\n"
            f"runs with two drivers at once: {len(found.overlaps)}"
        )
        for words in found.overlaps:
            console.print(f"OVERLAP: {words}", markup=False)
        _verdict(console, found.verdict)
        console.print(f"seconds: {found.seconds:.0f}")

    return show


def faults(found: Faults) -> Show:
    def show(console: Console) -> None:
        console.print(
            f"HTTP calls: {found.calls}, failed on purpose: {found.failed} ({found.failed / max(found.calls, 1):.0%})\n"
            f"  faults that struck: {', '.join(f'{way}: {count}' for way, count in sorted(found.struck.items()))}\n"
            f"hires: {found.hires}\nitems: {found.items}\n"
            f"completed: {found.completed} ({found.completed_share:.1%})\nreported: {found.items - found.completed}"
        )
        for words, count in found.reported.most_common():
            console.print(f"  {count} x {words}", markup=False)
        for words in found.nameless:
            console.print(f"DOES NOT NAME THE LAST ANSWER: {words}", markup=False)
        console.print(
            f"runs that did not end: {found.unended}\nduplicates: {len(found.duplicates)}\n"
            f"repeated mails (equal Message-ID): {found.repeated_mails}\nseconds: {found.seconds:.0f}"
        )
        for words in found.duplicates:
            console.print(f"DUPLICATE: {words}", markup=False)

    return show


def _verdict(console: Console, verdict: Verdict) -> None:
    console.print(
        f"lost: {len(verdict.lost)}\nduplicates: {len(verdict.duplicates)}\n"
        f"repeated mails (equal Message-ID): {verdict.repeated_mails}\n"
        f"settings written again (equal values): {verdict.repeated_settings}"
    )
    for kind, words in (("LOST", verdict.lost), ("DUPLICATE", verdict.duplicates), ("WRONG", verdict.wrong)):
        for line in words:
            console.print(f"{kind}: {line}", markup=False)


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
            f"hit: {sum(result.hit for result in matrix.results)}; kills: {kills}\n"
            f"lost: {len(total.lost)}\nduplicates: {len(total.duplicates)}\n"
            f"repeated mails (equal Message-ID): {total.repeated_mails}\n"
            f"settings written again (equal values): {total.repeated_settings}\nseconds: {matrix.seconds:.0f}"
        )
        for point in filter(elsewhere, enumerated()):
            console.print(f"not reached from here, {elsewhere(point)}: {point}", markup=False)
        for point in matrix.survey.unreached:
            console.print(f"NEVER REACHED: {point}", markup=False)
        for cell in matrix.not_met_again:
            console.print(f"met by chance in the survey, not again: {cell.name}", markup=False)
        for cell in matrix.missed:
            console.print(f"NOT HIT: {cell.name}", markup=False)
        for result in [*matrix.survey.results, *matrix.results]:
            if not result.verdict.good:
                console.print(f"WRONG: {result.cell.name}: {result.verdict}", markup=False)

    return show


def _matrix_table(matrix: Matrix) -> Table:
    table = _table("killed before or after", matrix)
    rows: dict[str, list[Result]] = {}
    for result in matrix.results:
        if result.cell.order is not None and result.cell.order.what is What.KILL:
            rows.setdefault(site(result.cell.pair[0]), []).append(result)
    for name, results in sorted(rows.items()):
        table.add_row(escape(name[:NAME]), *_figures(matrix, results))
    return table


def _forms_table(matrix: Matrix) -> Table:
    """The other two ways to go: stopped beyond the lease, and work that is done after the client's death."""
    table = _table("otherwise", matrix)
    frozen = [result for result in matrix.results if result.cell.order is None]
    late = [result for result in matrix.results if result.cell.order and result.cell.order.what is What.KILL_LATER]
    table.add_row("stopped beyond the lease, taken over meanwhile, then continued", *_figures(matrix, frozen))
    table.add_row("the service does the work after its client's death", *_figures(matrix, late))
    return table


def _table(first: str, matrix: Matrix) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column(first, no_wrap=True, min_width=NAME)
    for column in matrix.survey.columns:
        table.add_column(column.replace(".", "\n").replace(" ", "\n"), justify="right")
    for figure in ("cells", "hit", "lost", "dup.", "mails", "sets"):
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
        str(sum(verdict.repeated_settings for verdict in verdicts)),
    )
