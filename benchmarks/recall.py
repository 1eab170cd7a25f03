"""What long-term memory's recall costs: make recall. Each figure with its target; drawn from a seed, nothing is kept.

What a process takes that reads the memory of a million past employees, learns the weights and recalls; what a change costs, from
the transaction to the index; searching over distinct profiles, by wall and by this process's own computing. ``--people`` makes
it smaller.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from agent_ops.domain.pattern import Pattern, PatternChanges
from agent_ops.memory.attribute_weights import MOST_PATTERNS, learn
from agent_ops.memory.cohort_rates import likely, nearest
from agent_ops.memory.pattern_index import PatternIndex
from agent_ops.memory.vector_store import PatternVectorStore
from agent_ops.runtime.remembering import StoredPatterns
from agent_ops.storage import Store, Tx

TEAMS, LEVELS, PLACES, ITEMS = 800, 8, 60, 400
QUERIES, BATCH = 500, 20_000


def drawn(draw: random.Random) -> tuple[dict[str, str], list[str]]:
    """A person: few teams and places are large, most are small; the team decides five of seven items."""
    team, place = int(TEAMS * draw.random() ** 2), int(PLACES * draw.random() ** 2)
    items = {f"item {(7 * team + at) % ITEMS}" for at in range(5)} | {f"item {draw.randrange(ITEMS)}" for _ in range(2)}
    return {"team": f"Team {team}", "level": f"L{draw.randrange(LEVELS)}", "location": f"Place {place}"}, sorted(items)


def patterns(many: int) -> Iterator[Pattern]:
    draw, seen = random.Random(1), set[tuple[str, ...]]()
    while len(seen) < many:
        profile, items = drawn(draw)
        if (key := tuple(profile.values())) not in seen:
            seen.add(key)
            people = draw.randint(1, 40)
            yield Pattern(len(seen), profile, people, {item: draw.randint(1, people) for item in items}, "2026-01-01")


def timed(work: Callable[[int], object], times: int) -> str:
    """The median and the 99th percentile, by wall and by computing."""
    wall, computing = list[float](), list[float]()
    for at in range(times):
        began, cpu = time.perf_counter(), time.process_time()
        work(at)
        wall.append(1000 * (time.perf_counter() - began))
        computing.append(1000 * (time.process_time() - cpu))
    (m, p), (cm, cp) = ((statistics.median(one), statistics.quantiles(one, n=100)[98]) for one in (wall, computing))
    return f"median {m:.2f} ms, p99 {p:.2f} ms; of own computing {cm:.2f} and {cp:.2f} ms"


def told(what: str, found: str, target: str = "") -> None:
    print(f"{what:<46}{found}{f'   (target: {target})' if target else ''}", flush=True)


def searching(many: int, target: str) -> None:
    index, draw = PatternIndex(), random.Random(2)
    index.refresh(PatternChanges(1, tuple(patterns(many))))
    asked = [drawn(draw)[0] for _ in range(QUERIES)]
    unseen = [{**one, "team": f"{one['team']} B"} for one in asked]
    told(f"{many:,} patterns: nearest 20", timed(lambda at: index.nearest(asked[at], 20), QUERIES), target)
    told(f"{many:,} patterns: recall", timed(lambda at: (likely(index, asked[at]), nearest(index, asked[at])), QUERIES), target)
    told(f"{many:,} patterns: recall, team never seen", timed(lambda at: likely(index, unseen[at]), QUERIES), target)
    began = time.perf_counter()
    learn(index.sample(MOST_PATTERNS), 1)
    told(f"{many:,} patterns: weights learned", f"{time.perf_counter() - began:.2f} s, in the background")


async def filled(place: Path, people: int) -> None:
    store, draw = await Store(place / "operations.db", b"key").open(), random.Random(3)

    def batch(tx: Tx, start: int) -> None:
        for number in range(start, min(start + BATCH, people)):
            tx.patterns.contribute(f"E-{number}", *drawn(draw), requester=f"manager {number % 300}")

    for start in range(0, people, BATCH):
        await store.transaction(lambda tx, start=start: batch(tx, start))
    await store.close()


async def updating(place: Path) -> None:
    store, index, draw = await Store(place / "operations.db", b"key").open(), PatternIndex(), random.Random(4)
    await PatternVectorStore(StoredPatterns(store), index).refresh()
    times = dict[str, list[float]](rows=[], index=[], commit=[])
    for number in range(QUERIES):
        profile, items = drawn(draw)

        def change(tx: Tx, who: str = f"N-{number}", profile: dict[str, str] = profile, items: list[str] = items) -> None:
            began = time.perf_counter()
            tx.patterns.contribute(who, profile, items, requester="manager 1")
            times["rows"].append(1000 * (time.perf_counter() - began))

        began = time.perf_counter()
        await store.transaction(change)
        times["commit"].append(1000 * (time.perf_counter() - began))

        def follow(tx: Tx) -> None:
            began = time.perf_counter()
            index.refresh(tx.patterns.changes(index.version))
            times["index"].append(1000 * (time.perf_counter() - began))

        await store.read(follow)
    for what, key in (("rows", "rows"), ("rows with the durable commit", "commit"), ("index", "index")):
        median, p99 = statistics.median(times[key]), statistics.quantiles(times[key], n=100)[98]
        told(f"one update, {what}", f"median {median:.2f} ms, p99 {p99:.2f} ms", "" if key == "commit" else "5 ms")
    await store.close()


async def remembering(place: Path) -> None:
    began, store, index = time.perf_counter(), await Store(place / "operations.db", b"key").open(), PatternIndex()
    await PatternVectorStore(StoredPatterns(store), index).refresh()
    read = time.perf_counter() - began
    index.weights = learn(index.sample(MOST_PATTERNS), index.version)
    draw = random.Random(5)
    asked = [drawn(draw)[0] for _ in range(QUERIES)]
    told("past employees: recall", timed(lambda at: (likely(index, asked[at]), nearest(index, asked[at])), QUERIES), "50 ms")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    told("past employees: patterns, time to read them", f"{len(index):,}, {read:.1f} s")
    told("past employees: weights", f"{ {name: round(worth, 2) for name, worth in index.weights.worth.items()} }")
    told("past employees: the process's peak", f"{peak:.0f} MB", "500 MB")
    await store.close()


def main() -> None:
    """Print every figure."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--people", type=int, default=1_000_000)
    asked.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    given = asked.parse_args()
    if given.read:
        asyncio.run(remembering(given.read))
        return
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        began = time.perf_counter()
        asyncio.run(filled(place, given.people))
        told(f"{given.people:,} past employees: filled", f"{time.perf_counter() - began:.0f} s")
        # a process of its own, before this one grows: what exec's parent took counts as the child's peak
        subprocess.run([sys.executable, __file__, "--read", str(place)], check=True)
        asyncio.run(updating(place))
    searching(13_000, "5 ms")
    searching(200_000, "50 ms")


if __name__ == "__main__":
    main()
