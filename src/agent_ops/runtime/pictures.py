"""Pictures of an evaluation, as PNG files: the one place that knows matplotlib, an extra, imported when it is needed.

Figures draw on a canvas of their own; ``pyplot`` would keep them, and a backend, for the whole process.
https://matplotlib.org/stable/gallery/user_interfaces/canvasagg.html
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from agent_ops.domain.errors import InvalidRequest
from agent_ops.domain.plain import one_line
from agent_ops.memory.calibration import WANTED_PRECISION
from agent_ops.memory.patterns import Person
from agent_ops.memory.profiles import values_of
from agent_ops.memory.recommender import Recommendation
from agent_ops.memory.views import Curve, Point, Shares, precision_by_coverage, shares_held

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BY = ("team", "level")
_DPI = 150
_LABEL = 28
_AUTO, _RECOMMENDED, _LINE, _WANTED = "#c0392b", "#d68910", "#1f4e79", "#666666"


@dataclass(frozen=True)
class Album:
    """Where an evaluation's pictures go, and which attributes make the groups of the heat map."""

    directory: Path
    by: tuple[str, ...] = BY

    def check(self, people: Sequence[Person]) -> None:
        """Raise before anything is learned what would spoil the pictures after it.

        Raises:
            InvalidRequest: matplotlib is not installed, or nobody has one of the attributes.
            OSError: the directory cannot be made.
        """
        try:
            import matplotlib.backends.backend_agg  # noqa: F401, PLC0415 - an extra
        except ImportError as error:
            advice = "Install it with: pip install 'agent-ops[pictures]'"
            raise InvalidRequest("pictures", f"{error.name or 'matplotlib'} is not installed", advice) from error
        for name in self.by:
            if people and not any(values_of(person.profile.get(name)) for person in people):
                raise InvalidRequest("by", f"nobody in the history has the attribute {name!r}", "Name attributes with --by.")
        self.directory.mkdir(parents=True, exist_ok=True)

    def draw(self, known: Sequence[Person], asked: Sequence[Person], found: Sequence[Sequence[Recommendation]]) -> list[Path]:
        """Write both pictures: how well the asked were served, and what the known hold.

        Raises:
            OSError: a file cannot be written.
        """
        files = [
            self.directory / "precision-coverage.png",
            self.directory / f"access-by-{'-and-'.join(map(_file_name, self.by))}.png",
        ]
        figures = [curve_figure(precision_by_coverage(asked, found)), shares_figure(shares_held(known, self.by), self.by)]
        for file, figure in zip(files, figures, strict=True):
            figure.savefig(file, dpi=_DPI)
        return files


def curve_figure(curve: Curve) -> Figure:
    """Precision against coverage, with the marks of what is granted by itself and of what is recommended."""
    figure, axes = _blank(7.5, 5.0)
    axes.set(xlim=(0, 1), ylim=(0, 1.04), xlabel="coverage: share of all that people hold (%)")
    axes.set(ylabel="precision: share of the items that is held (%)")
    axes.set_title("Precision against coverage, most certain items first")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(_percent)
    axes.grid(alpha=0.25)
    axes.axhline(WANTED_PRECISION, color=_WANTED, linestyle="--", linewidth=1, label=f"wanted of auto: {WANTED_PRECISION:.0%}")
    coverage, precision = [point.coverage for point in curve.points], [point.precision for point in curve.points]
    axes.plot(coverage, precision, color=_LINE, linewidth=2, label="all items from a score up")
    _mark(axes, curve.auto, "auto", "o", _AUTO, 12)
    _mark(axes, curve.recommended, "recommended", "D", _RECOMMENDED, 6)
    axes.legend(loc="lower left", frameon=True)
    return figure


def _mark(axes: Axes, point: Point | None, name: str, marker: str, colour: str, size: int) -> None:
    if point is None:
        axes.plot([], [], " ", label=f"{name}: no item is sure enough")
        return
    words = f"{name}: score ≥ {point.score:.2f}, precision {point.precision:.0%}, coverage {point.coverage:.0%}"
    axes.axvline(point.coverage, color=colour, linestyle=":", linewidth=1.2)
    axes.plot([point.coverage], [point.precision], marker, color=colour, markersize=size, linestyle="none", label=words, zorder=3)


def shares_figure(shares: Shares, by: Sequence[str]) -> Figure:
    """A heat map: groups of people down, items across, the darker the more of the group hold it."""
    rows, columns = max(len(shares.groups), 1), max(len(shares.items), 1)
    figure, axes = _blank(3.6 + 0.42 * columns, 2.6 + 0.3 * rows)
    title = f"Access by {' and '.join(_shown(name) for name in by)}"
    axes.set_title(f"{title}: share of people who hold it", parse_math=False)
    image = axes.imshow(shares.share, cmap="Blues", vmin=0, vmax=1, aspect="auto") if shares.share.size else None
    axes.set_xticks(
        range(len(shares.items)), [_shown(item) for item in shares.items], rotation=50, ha="right", rotation_mode="anchor"
    )
    names = [f"{' · '.join(map(_shown, group))}  ({size})" for group, size in zip(shares.groups, shares.sizes, strict=True)]
    axes.set_yticks(range(len(names)), names)
    for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        label.set_parse_math(False)  # a name with dollar signs is no formula
    axes.set_xlabel(_of("access item", len(shares.items), shares.all_items, "most held"))
    axes.set_ylabel(_of("group", len(shares.groups), shares.all_groups, "largest") + " (people)")
    axes.tick_params(length=0, labelsize=9)
    _frames(axes, shares)
    if image is not None:
        figure.colorbar(image, ax=axes, label="share of the group's people (%)", format=_percent, pad=0.01)
    return figure


def _frames(axes: Axes, shares: Shares) -> None:
    """The percentage in each cell, and a line where the first attribute's value changes."""
    for (row, column), share in np.ndenumerate(shares.share):
        if round(100 * share):
            colour = "white" if share > 0.6 else "black"
            axes.text(column, row, f"{100 * share:.0f}", ha="center", va="center", fontsize=7, color=colour)
    for at in range(1, len(shares.groups)):
        if len(shares.groups[at]) > 1 and shares.groups[at][0] != shares.groups[at - 1][0]:
            axes.axhline(at - 0.5, color="#444444", linewidth=1)


def _of(what: str, shown: int, total: int, chosen: str) -> str:
    return f"{what}s" if shown == total else f"the {shown} {chosen} of {total} {what}s"


def _blank(width: float, height: float) -> tuple[Figure, Axes]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots()


def _percent(value: float, _: Any = None) -> str:
    return f"{100 * value:.0f}"


def _shown(text: str) -> str:
    return one_line(text, _LABEL)


def _file_name(attribute: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in attribute)[:40]
