"""What the adversarial planner's proof prints: what was played, and the table of mutants."""

from __future__ import annotations

from collections.abc import Callable

from rich import box
from rich.console import Console
from rich.table import Table

from proofs.adversary.more_invariants import INVARIANTS
from proofs.adversary.run import Adversary, Hunt


def adversary(found: Adversary) -> Callable[[Console], None]:
    def show(console: Console) -> None:
        tally = found.played
        console.print(
            f"seed: {found.seed}\nexamples: {tally.examples}, steps: {sum(tally.steps.values())} "
            f"({', '.join(f'{name} {count}' for name, count in sorted(tally.steps.items()))})\n"
            f"tool calls emitted: {tally.emitted}, denied: {tally.denied}\n"
            f"writes that reached a service: {', '.join(f'{name} {count}' for name, count in sorted(tally.writes.items()))}\n"
            f"runs: {', '.join(f'{name} {count}' for name, count in sorted(tally.runs.items()))}\n"
            f"invariants that did not hold: {', '.join(tally.broken) or 'none'}"
        )
        if found.words:
            console.print(f"BROKEN: {found.words}", markup=False)
        for name, _ in INVARIANTS.items():
            if name in tally.broken:
                console.print(f"{name}: {tally.broken[name][2]}", markup=False)
        console.print(_table(found))
        caught, noticed = sum(hunt.caught for hunt in found.hunts), sum(hunt.noticed for hunt in found.hunts)
        console.print(
            f"mutants: {len(found.hunts)}, caught by their own: {caught}, by any: {noticed}\nseconds: {found.seconds:.0f}"
        )

    return show


def _table(found: Adversary) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in ("invariant", "taken out", "caught by its own", "example", "step", "others that noticed"):
        table.add_column(column, no_wrap=True)
    for hunt in found.hunts:
        table.add_row(*_row(hunt))
    return table


def _row(hunt: Hunt) -> tuple[str, ...]:
    own = hunt.mutant.invariant
    others = [name for name in INVARIANTS if name in hunt.tally.broken and name != own]
    where = [str(number) for number in hunt.tally.broken[own][:2]] if hunt.caught else ["-", "-"]
    return (own, hunt.mutant.name, "yes" if hunt.caught else "NO", *where, " ".join(others) or "none")
