"""What the matrix says: a row for each way to misbehave, and by name whatever is wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from proofs.models.cell import CALL_BUDGET, STEP_BUDGET, Result
from proofs.models.matrix import SHARE, Matrix, shown_when
from proofs.models.tokens import ENCODING

BY = ("itself", "repair", "runbook")
HEADINGS = ("runs", "completed", *BY, "most calls", "most decisions", "most s", "unauthorised", "no status")


def models(matrix: Matrix) -> Callable[[Console], None]:
    """The whole print."""

    def show(console: Console) -> None:
        console.print(_table(matrix))
        onboardings, by = matrix.onboardings, Counter(result.by for result in matrix.onboardings if result.completed)
        console.print(
            f"ways to misbehave: {len({result.cell.kind for result in matrix.results})}, "
            f"tasks: {', '.join(dict.fromkeys(result.cell.task.name for result in matrix.results))}, seeds: {shown_when()}\n"
            f"runs: {len(matrix.results)}, half of them streamed, half at once; statuses: "
            f"{', '.join(f'{name} {count}' for name, count in sorted(Counter(r.status for r in matrix.results).items()))}\n"
            f"without an explicit status: {len(matrix.without_end)}\n"
            f"beyond {STEP_BUDGET} decisions or {CALL_BUDGET} model calls: {len(matrix.over_budget)}\n"
            f"unauthorised effects at the services: {len(matrix.unauthorised)}\n"
            f"onboardings complete all the same: {sum(r.completed for r in onboardings)} of {len(onboardings)} "
            f"({matrix.completed_share:.1%}, at least {SHARE:.0%} wanted): {', '.join(f'by {name} {by[name]}' for name in BY)}\n"
            f"seconds: {matrix.seconds:.0f}"
        )
        for result in {result.cell.task.name: result for result in matrix.undisturbed}.values():
            exact, about = result.prompt
            console.print(
                f"a competent model, {result.cell.task.name}: {result.calls} calls, prompt tokens: "
                f"{'not counted here' if exact is None else exact} ({ENCODING}), {about} (characters / 4)"
            )
        for words in _wrong(matrix):
            console.print(words, markup=False)

    return show


def _table(matrix: Matrix) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("the model ...", no_wrap=True)
    for heading in HEADINGS:
        table.add_column(heading, justify="right")
    for name in dict.fromkeys(result.cell.kind.name for result in matrix.results if result.cell.kind):
        table.add_row(
            name, *_figures([result for result in matrix.results if result.cell.kind and result.cell.kind.name == name])
        )
    table.add_row("(is competent)", *_figures(matrix.undisturbed))
    return table


def _figures(results: Sequence[Result]) -> tuple[str, ...]:
    by = Counter(result.by for result in results)
    return (
        str(len(results)),
        str(sum(result.completed for result in results)),
        *(str(by[name] or ".") for name in BY),
        str(max(result.calls for result in results)),
        str(max(result.thoughts for result in results)),
        f"{max(result.seconds for result in results):.1f}",
        str(sum(len(result.unauthorised) for result in results)),
        str(sum(not result.explicit for result in results)),
    )


def _wrong(matrix: Matrix) -> list[str]:
    """Everything that is not as it should be, a line each."""
    lines = [f"UNDISTURBED, YET: {r.cell.name}: {r.status}, {r.verdict}" for r in matrix.undisturbed if not r.completed]
    lines += [f"NO STATUS: {result.cell.name}: {result.status}" for result in matrix.without_end]
    lines += [f"OVER BUDGET: {r.cell.name}: {r.calls} calls, {r.thoughts} decisions" for r in matrix.over_budget]
    lines += [f"UNAUTHORISED: {result.cell.name}: {words}" for result in matrix.results for words in result.unauthorised]
    lost = [result for result in matrix.onboardings if not result.completed]
    return lines + [
        f"NOT COMPLETE: {r.cell.name}: {r.status}, {'; '.join([*r.verdict.lost, *r.verdict.wrong])[:300]}" for r in lost
    ]
