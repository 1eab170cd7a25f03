"""Evaluation as a command: learn from a history, predict for queries, write it down, and say how good it was."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from agent_ops.memory.completion import Completer
from agent_ops.memory.decisions import Decider
from agent_ops.memory.metrics import area, interval, of_ranking, r_precision
from agent_ops.memory.patterns import Floats, Person
from agent_ops.memory.recommender import Recommendation, Recommender, Tell
from agent_ops.runtime.people_files import RESOURCE, read_decisions, read_people, write_probabilities, write_rows
from agent_ops.runtime.pictures import Album

BATCH = 256
TIMED = 300
Figures = dict[str, Any]


@dataclass(frozen=True)
class Evaluation:
    """What is printed, and what is kept of each query for whoever adds up several evaluations."""

    figures: Figures
    each: Mapping[str, Sequence[float]]


def evaluate(
    history: Path, queries: Path, out: Path, seed: int = 0, tell: Tell | None = None, album: Album | None = None
) -> Evaluation:
    """Cold start: rank a new profile's items by its attributes alone; with an ``album``, draw what came of it.

    Raises:
        InvalidRequest: a file or a row of it is not as it must be, or the pictures cannot be drawn. OSError: an output
            cannot be written.
    """
    known, asked = read_people(history, "history", known=True), read_people(queries, "queries", known=False)
    if album:
        album.check(known)
    begun = time.perf_counter()
    recommender = Recommender.learn(known, seed, tell=tell)
    fit = time.perf_counter() - begun
    found = [one for part in _batches(asked) for one in recommender.recommend([person.profile for person in part])]
    write_rows(out, ({"id": person.id, "items": list(map(_item, items))} for person, items in zip(asked, found, strict=True)))
    if album:
        album.draw(known, asked, found)
    figures, each = scored(asked, found)
    sizes = {"people": len(known), "patterns": len(recommender.history.patterns), "queries": len(asked)}
    return Evaluation({**sizes, **figures, "fit_s": fit, **_latency(recommender, asked), "memory_mb": peak_memory()}, each)


def scored(asked: Sequence[Person], found: Sequence[Sequence[Recommendation]]) -> tuple[Figures, dict[str, list[float]]]:
    """The figures over people who hold something, with 95 % intervals, and each person's own."""
    judged = [(set(person.access), items) for person, items in zip(asked, found, strict=True) if person.access]
    each: dict[str, list[float]] = {}
    for held, items in judged:
        for name, value in of_ranking([one.item for one in items], held).items():
            each.setdefault(name, []).append(value)
    granted = [(sum(one.auto for one in items), sum(one.auto and one.item in held for one in items)) for held, items in judged]
    grants, right, held_in_all = sum(g for g, _ in granted), sum(r for _, r in granted), sum(len(held) for held, _ in judged)
    figures: Figures = {name: float(np.mean(values)) for name, values in each.items()}
    if judged:
        figures["nDCG@10 95 %"] = interval(each["nDCG@10"])
        figures["auto-grant recall"] = right / held_in_all
        figures["over-grant"] = (grants - right) / grants if grants else 0.0
    figures["auto-grants"] = sum(one.auto for items in found for one in items)
    figures["abstentions"] = sum(not any(one.recommended for one in items) for items in found)
    return figures, each


def complete(history: Path, queries: Path, out: Path, reveal: int, seed: int = 0, tell: Tell | None = None) -> Evaluation:
    """Completion: of each query's access ``reveal`` items, drawn by seed, are shown, and the rest is ranked.

    Raises:
        InvalidRequest: a file or a row of it is not as it must be. OSError: the output cannot be written.
    """
    known, asked = read_people(history, "history", known=True), read_people(queries, "queries", known=False)
    begun = time.perf_counter()
    completer = Completer.learn([person.access for person in known], reveal, seed, tell)
    fit = time.perf_counter() - begun
    draw, rows, values, took = np.random.default_rng(seed), [], list[float](), list[Floats]()
    for person in asked:
        shown = sorted(draw.permutation(sorted(person.access)).tolist()[:reveal])
        started = _clocks()
        ranked = completer.complete(shown)
        took.append(_clocks() - started)
        rest = set(person.access) - set(shown)
        if rest:
            values.append(r_precision([item for item, _ in ranked], rest))
        listed = [{"item": item, "score": score, "auto": False} for item, score in ranked[: max(50, len(rest))]]
        rows.append({"id": person.id, "revealed": shown, "items": listed})
    write_rows(out, rows)
    figures: Figures = {"people": len(known), "queries": len(asked), "scored": len(values)}
    if values:
        figures |= {"R-precision": float(np.mean(values)), "R-precision 95 %": interval(values)}
    return Evaluation({**figures, "fit_s": fit, **_spread(took), "memory_mb": peak_memory()}, {"R-precision": values})


def decide(history: Path, queries: Path, out: Path, seed: int = 0, tell: Tell | None = None) -> Evaluation:
    """The probability that a request is approved, for each row.

    Raises:
        InvalidRequest: a file or a row of it is not as it must be. OSError: the output cannot be written.
    """
    rows, truths = read_decisions(history, "history", decided=True)
    asked, answers = read_decisions(queries, "queries", decided=False)
    begun = time.perf_counter()
    decider = Decider.learn(rows, truths or [], RESOURCE, seed, tell)
    fit, begun = time.perf_counter() - begun, time.perf_counter()
    probabilities = decider.probabilities(asked)
    took = time.perf_counter() - begun
    write_probabilities(out, probabilities.tolist())
    figures: Figures = {"decisions": len(rows), "queries": len(asked)}
    if answers is not None:
        figures["AUC"] = area(probabilities.tolist(), answers)
        new = _new_people(rows, asked)
        figures["AUC of new profiles"] = area(probabilities[new].tolist(), np.asarray(answers)[new].tolist())
    return Evaluation({**figures, "fit_s": fit, "query_ms": 1000 * took / max(len(asked), 1), "memory_mb": peak_memory()}, {})


def _new_people(rows: Sequence[Mapping[str, str]], asked: Sequence[Mapping[str, str]]) -> list[int]:
    def person(row: Mapping[str, str]) -> frozenset[tuple[str, str]]:
        return frozenset((name, value) for name, value in row.items() if name != RESOURCE)

    seen = {person(row) for row in rows}
    return [at for at, row in enumerate(asked) if person(row) not in seen]


def _item(one: Recommendation) -> dict[str, object]:
    return {"item": one.item, "score": one.score, "auto": one.auto}


def _batches(people: Sequence[Person]) -> Iterator[Sequence[Person]]:
    for at in range(0, len(people), BATCH):
        yield people[at : at + BATCH]


def _latency(recommender: Recommender, asked: Sequence[Person]) -> Figures:
    took = []
    for person in asked[:TIMED]:
        begun = _clocks()
        recommender.recommend([person.profile])
        took.append(_clocks() - begun)
    return _spread(took)


def _clocks() -> Floats:
    """Seconds by the wall and of this process's own computing: on a shared machine they are far apart."""
    return np.array([time.perf_counter(), time.process_time()])


def _spread(took: Sequence[Floats]) -> Figures:
    if not took:
        return {}
    middle, late = 1000 * np.percentile(took, [50, 99], axis=0)
    wall = {"query_ms": float(middle[0]), "query_p99_ms": float(late[0])}
    return wall | {"query_cpu_ms": float(middle[1]), "query_cpu_p99_ms": float(late[1])}


def peak_memory() -> float | None:
    """Megabytes that this process used at most; None where the system does not say (Windows)."""
    try:
        import resource  # noqa: PLC0415
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 if sys.platform != "darwin" else 1024 * 1024)
