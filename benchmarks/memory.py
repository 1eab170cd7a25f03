"""Prints how good long-term memory's recommendations are, on access data that lie anywhere: make memory DATA=directory.

Each set is split by one list of seeds, four fifths to learn from and one fifth to ask about; whatever is tuned is tuned inside
the four fifths. docs/recommendations.md describes the files; sets that are not there are left out. Nothing is kept.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from agent_ops.memory.metrics import interval
from agent_ops.runtime.evaluating import Evaluation, complete, decide, evaluate

SEEDS = (1, 2, 3)
COLD = ("amazon_requested", "amazon_approved", "abac_edocument")
COMPLETED = ("hp_americas_small", "hp_apj", "hp_fire1")
DECIDED = "amazon_decisions"
SHOWN = ("P@1", "R@10", "mAP", "nDCG@10", "auto-grant recall", "over-grant", "abstentions", "R-precision", "AUC of new profiles")
COSTS = ("fit_s", "query_ms", "query_p99_ms", "query_cpu_ms", "query_cpu_p99_ms", "memory_mb")


def main() -> None:
    """Run every set that is there, or those that are named."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("data", type=Path)
    asked.add_argument("sets", nargs="*")
    asked.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    given = asked.parse_args()
    for name, suffix, run in _sets():
        path = given.data / f"{name}{suffix}"
        if path.exists() and (not given.sets or name in given.sets):
            print(_line(name, list(_runs(path, run, given.seeds))), flush=True)


def _sets() -> Iterator[tuple[str, str, Callable[..., Evaluation]]]:
    yield from ((name, ".jsonl", evaluate) for name in COLD)
    yield from ((name, ".jsonl", partial(complete, reveal=3)) for name in COMPLETED)
    yield DECIDED, ".csv", decide


def _runs(path: Path, run: Callable[..., Evaluation], seeds: tuple[int, ...]) -> Iterator[Evaluation]:
    for seed in seeds:
        with tempfile.TemporaryDirectory() as place:
            history, queries = Path(place) / f"history{path.suffix}", Path(place) / f"queries{path.suffix}"
            (_split_decisions if path.suffix == ".csv" else _split_people)(path, history, queries, seed)
            yield run(history=history, queries=queries, out=Path(place) / "out", seed=seed)


def _split_people(path: Path, history: Path, queries: Path, seed: int) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    groups = [json.dumps(json.loads(line).get("profile") or line, sort_keys=True) for line in lines]
    aside = _aside(groups, seed)
    for place, wanted in ((history, False), (queries, True)):
        place.write_text("".join(f"{line}\n" for line, out in zip(lines, aside, strict=True) if out is wanted), encoding="utf-8")


def _split_decisions(path: Path, history: Path, queries: Path, seed: int) -> None:
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    about = [at for at, name in enumerate(header) if name not in {"ACTION", "RESOURCE"}]
    aside = _aside(["|".join(row[at] for at in about) for row in rows], seed)
    for place, wanted in ((history, False), (queries, True)):
        with place.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([header, *(row for row, out in zip(rows, aside, strict=True) if out is wanted)])


def _aside(groups: list[str], seed: int) -> list[bool]:
    """A fifth of the profiles, whole."""
    drawn = np.random.default_rng(seed)
    chosen = {group: bool(drawn.random() < 0.2) for group in dict.fromkeys(groups)}
    return [chosen[group] for group in groups]


def _line(name: str, found: list[Evaluation]) -> str:
    figures: dict[str, Any] = {}
    for key in SHOWN:
        values = [one.figures[key] for one in found if key in one.figures]
        if values:
            spread = f" [{min(values):.3f}..{max(values):.3f}]" if len(values) > 1 else ""
            figures[key] = f"{np.mean(values):.3f}{spread}"
    for key in ("nDCG@10", "R-precision"):
        people = [value for one in found for value in one.each.get(key, ())]
        if people:
            figures[f"{key} 95 %"] = "{:.3f} to {:.3f}".format(*interval(people))
    costs = {
        key: f"{np.mean([one.figures[key] for one in found if one.figures.get(key) is not None]):.1f}"
        for key in COSTS
        if key in found[0].figures
    }
    return "\n  ".join([name, *(f"{key:<22}{value}" for key, value in {**figures, **costs}.items())])


if __name__ == "__main__":
    sys.exit(main())
