"""`agent-ops recommend`: what long-term memory recommends for whom, and how good that is on files of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from agent_ops.cli.commands import advice
from agent_ops.cli.options import F, as_json

if TYPE_CHECKING:
    from agent_ops.runtime.evaluating import Evaluation

_FILE = click.Path(dir_okay=False, path_type=Path)
_DIRECTORY = click.Path(file_okay=False, path_type=Path)


def _files(command: F) -> F:
    """Where it learns from, what it is asked, where the answers go."""
    history = click.option("--history", type=_FILE, required=True, help="What is known: the file to learn from.")
    queries = click.option("--queries", type=_FILE, required=True, help="Who is asked about; what they hold only scores.")
    out = click.option("--out", type=_FILE, required=True, help="Where the predictions are written.")
    seed = click.option("--seed", type=int, default=0, show_default=True, help="Of folds, samples and trees.")
    return history(queries(out(seed(as_json(command)))))


@click.group()
def recommend() -> None:
    """What people of one profile end up with, who stands out, what was chosen; and how good recommendations are.

    `evaluate` and `decide` learn from a file, predict for another and print how good it was; they do not touch the data
    directory: docs/recommendations.md. The others answer from it: docs/memory.md.
    """


@recommend.command()
@_files
@click.option("--completion", type=click.IntRange(min=1), metavar="N", help="Reveal N accesses of each query and rank the rest.")
@click.option("--pictures", type=_DIRECTORY, metavar="DIR", help="Draw two pictures there; needs the extra pictures.")
@click.option(
    "--by", multiple=True, default=("team", "level"), show_default=True, help="Attributes that group the heat map; repeatable."
)
def evaluate(
    history: Path,
    queries: Path,
    out: Path,
    seed: int,
    completion: int | None,
    pictures: Path | None,
    by: tuple[str, ...],
    as_json: bool,
) -> None:
    """Rank each query's items by its profile, and mark those that are sure enough to be granted by themselves.

    Files are JSON lines: {"id", "profile": {attribute: value}, "access": [items]}; predictions: {"id", "items": [{"item",
    "score", "auto"}]}. A row that is not like that ends it with exit code 2 and the row's number.

    Pictures: precision-coverage.png (how precision falls while more is recommended to the queries) and
    access-by-team-and-level.png (which share of the history's people holds what).
    """
    from agent_ops.cli.progress import counting  # noqa: PLC0415
    from agent_ops.runtime import evaluating  # noqa: PLC0415
    from agent_ops.runtime.pictures import Album  # noqa: PLC0415

    if completion and pictures:
        raise click.UsageError("--pictures shows recommendations by profile: leave --completion out")

    with counting() as tell:
        if completion:
            found = evaluating.complete(history, queries, out, completion, seed, tell)
        else:
            found = evaluating.evaluate(history, queries, out, seed, tell, Album(pictures, by) if pictures else None)
    _show(found, as_json)


@recommend.command()
@_files
def decide(history: Path, queries: Path, out: Path, seed: int, as_json: bool) -> None:
    """Give each request the probability that it is approved.

    Files are CSV with a first line of names: RESOURCE, ACTION (1 approved, 0 denied; the queries may lack it), and attributes.
    Predictions: CSV of row and approve, in the order of the queries.
    """
    from agent_ops.cli.progress import counting  # noqa: PLC0415
    from agent_ops.runtime import evaluating  # noqa: PLC0415

    with counting() as tell:
        found = evaluating.decide(history, queries, out, seed, tell)
    _show(found, as_json)


def _show(found: Evaluation, as_json: bool) -> None:
    from agent_ops.cli.screen import json_text  # noqa: PLC0415

    if as_json:
        click.echo(json_text(found.figures))
        return
    width = max(map(len, found.figures))
    for name, value in found.figures.items():
        click.echo(f"{name:<{width}}  {_figure(value)}")


def _figure(value: Any) -> str:
    if isinstance(value, tuple):
        return " to ".join(map(_figure, value))
    return f"{value:.3f}" if isinstance(value, float) else str(value)


for _command in (advice.profile, advice.outliers, advice.history, advice.decline, advice.weights):
    recommend.add_command(_command)
