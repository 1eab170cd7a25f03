"""What long-term memory's recall costs: make recall. Each figure with its target; drawn from a seed, nothing is kept.

What a process takes that reads the memory of a million past employees, learns the weights and recalls: by itself, as the recall
node of a run does, as a vector store, and after a change in the largest team; what a change costs, from the transaction to the
index; searching over distinct profiles; by wall and by this process's own computing. ``--people`` makes it smaller.
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
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from agent_ops.domain.employee import Profile
from agent_ops.domain.pattern import Pattern, PatternChanges, Source
from agent_ops.domain.policy import EntitlementPolicy
from agent_ops.domain.runs import LifecycleEvent, Request
from agent_ops.memory.attribute_weights import MOST_PATTERNS, learn
from agent_ops.memory.cohort_rates import likely, nearest
from agent_ops.memory.pattern_index import PatternIndex
from agent_ops.memory.vector_store import PatternVectorStore
from agent_ops.runtime.remembering import PatternMemory, StoredPatterns
from agent_ops.storage import Store, Tx

TEAMS, LEVELS, PLACES, ITEMS, REQUESTERS = 800, 8, 60, 400, 300
QUERIES, BATCH = 500, 20_000


def drawn(draw: random.Random) -> tuple[dict[str, str], list[str]]:
    """A person: few teams and places are large, most are small; the team decides five of seven items."""
    team, place = int(TEAMS * draw.random() ** 2), int(PLACES * draw.random() ** 2)
    items = {f"item-{(7 * team + at) % ITEMS}" for at in range(5)} | {f"item-{draw.randrange(ITEMS)}" for _ in range(2)}
    return {"team": f"Team {team}", "level": f"L{draw.randrange(LEVELS)}", "location": f"Place {place}"}, sorted(items)


def company() -> EntitlementPolicy:
    """A policy of these teams, levels and places; each team has a new one beside it that nobody was ever in."""
    titles = [f"Team {at}{new}" for new in ("", " B") for at in range(TEAMS)]
    tables = {
        "company": {"domain": "acme.example"},
        "levels": [f"L{at}" for at in range(LEVELS)],
        "locations": {f"place-{at}": {"title": f"Place {at}", "zone": "UTC", "country": "IN"} for at in range(PLACES)},
        "items": {f"item-{at}": {"pipeline": f"items/{at}"} for at in range(ITEMS)},
        "teams": {
            title.lower().replace(" ", "-"): {"title": title, "allowed": [f"item-{(7 * at + more) % ITEMS}" for more in range(5)]}
            for at, title in enumerate(titles)
        },
    }
    return EntitlementPolicy.from_tables(tables)


def sources(draw: random.Random, people: int, items: dict[str, int]) -> tuple[Source, ...]:
    """These people, each brought by somebody."""
    by = [f"manager {draw.randrange(REQUESTERS)}" for _ in range(people)]
    held = {requester: Counter[str]() for requester in by}
    for item, holders in items.items():
        for who in draw.sample(range(people), holders):
            held[by[who]][item] += 1
    return tuple(Source(requester, many, held[requester]) for requester, many in sorted(Counter(by).items()))


def patterns(many: int, requested: bool = False) -> Iterator[Pattern]:
    draw, by, seen = random.Random(1), random.Random(6), set[tuple[str, ...]]()
    while len(seen) < many:
        profile, items = drawn(draw)
        if (key := tuple(profile.values())) not in seen:
            seen.add(key)
            people = draw.randint(1, 40)
            held = {item: draw.randint(1, people) for item in items}
            yield Pattern(len(seen), profile, people, held, "2026-01-01", sources(by, people, held) if requested else ())


class Times:
    """Of one thing, done again and again: the median and the 99th percentile, by wall and by computing."""

    def __init__(self) -> None:
        self.wall, self.computing = list[float](), list[float]()

    @contextmanager
    def one(self) -> Iterator[None]:
        began, cpu = time.perf_counter(), time.process_time()
        yield
        self.wall.append(1000 * (time.perf_counter() - began))
        self.computing.append(1000 * (time.process_time() - cpu))

    def __str__(self) -> str:
        (m, p), (cm, cp) = ((statistics.median(one), statistics.quantiles(one, n=100)[98]) for one in (self.wall, self.computing))
        return f"median {m:.2f} ms, p99 {p:.2f} ms; of own computing {cm:.2f} and {cp:.2f} ms"


def timed(work: Callable[[int], object], times: int) -> str:
    found = Times()
    for at in range(times):
        with found.one():
            work(at)
    return str(found)


def told(what: str, found: str, target: str = "") -> None:
    print(f"{what:<64}{found}{f'   (target: {target})' if target else ''}", flush=True)


def searching(many: int, target: str, requested: bool = False) -> None:
    index, draw = PatternIndex(), random.Random(2)
    index.refresh(PatternChanges(1, tuple(patterns(many, requested))))
    what = f"{many:,} patterns{f' of {REQUESTERS} requesters' if requested else ''}"
    asked = [drawn(draw)[0] for _ in range(QUERIES)]
    unseen = [{**one, "team": f"{one['team']} B"} for one in asked]
    told(f"{what}: nearest 20", timed(lambda at: index.nearest(asked[at], 20), QUERIES), target)
    told(f"{what}: recall", timed(lambda at: recalled(index, asked[at]), QUERIES), target)
    told(f"{what}: recall, team never seen", timed(lambda at: recalled(index, unseen[at]), QUERIES), target)
    began = time.perf_counter()
    learn(index.sample(MOST_PATTERNS), 1)
    told(f"{what}: weights learned", f"{time.perf_counter() - began:.2f} s, in the background")


def recalled(index: PatternIndex, profile: dict[str, str]) -> object:
    return likely(index, profile), nearest(index, profile)


async def filled(place: Path, people: int) -> None:
    store, draw = await Store(place / "operations.db", b"key").open(), random.Random(3)

    def batch(tx: Tx, start: int) -> None:
        for number in range(start, min(start + BATCH, people)):
            tx.patterns.contribute(f"E-{number}", *drawn(draw), requester=f"manager {number % REQUESTERS}")

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
    memory = PatternMemory(store, company(), index)
    vectors = PatternVectorStore(StoredPatterns(store), index)
    await vectors.refresh()
    read = time.perf_counter() - began
    index.weights, index.moved = learn(index.sample(MOST_PATTERNS), index.version), 0
    draw = random.Random(5)
    asked = [drawn(draw)[0] for _ in range(QUERIES)]
    unseen = [{**one, "team": f"{one['team']} B"} for one in asked]
    told("past employees: recall", timed(lambda at: recalled(index, asked[at]), QUERIES), "50 ms")
    told("past employees: recall, team never seen", timed(lambda at: recalled(index, unseen[at]), QUERIES), "50 ms")
    told("past employees: a run's recall", await of_runs(memory, "run", asked), "50 ms")
    told("past employees: a run's recall, team never seen", await of_runs(memory, "new", unseen), "50 ms")
    told("past employees: nearest 20 as documents", await searched(vectors, asked), "50 ms")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    told("past employees: patterns, time to read them", f"{len(index):,}, {read:.1f} s")
    told("past employees: weights", f"{ {name: round(worth, 2) for name, worth in index.weights.worth.items()} }")
    told("past employees: the process's peak", f"{peak:.0f} MB", "500 MB")
    for what, found in (await after_changes(store, vectors)).items():
        told(f"past employees: {what}", str(found), "5 ms" if "index" in what else "50 ms")
    await store.close()


async def of_runs(memory: PatternMemory, kind: str, asked: list[dict[str, str]]) -> str:
    """What the graph's recall node calls, for hires whose runs were just queued."""

    def queue(tx: Tx) -> None:
        for at, profile in enumerate(asked):
            tx.people.insert(f"{kind} employee {at}", Request(Profile(f"Bench {kind} {at}", **profile)))
            tx.runs.insert(f"{kind} {at}", f"{kind} employee {at}", LifecycleEvent.JOINER, None)

    await memory.store.transaction(queue)
    found, lines = Times(), 0
    for at in range(len(asked)):
        with found.one():
            lines += len((await memory.recall(f"{kind} {at}")).patterns)
    assert lines, "memory has something to say"
    await memory.weighing.end()
    return str(found)


async def searched(vectors: PatternVectorStore, asked: list[dict[str, str]]) -> str:
    found = Times()
    for profile in asked:
        text = ", ".join(f"{name}={value}" for name, value in profile.items())
        with found.one():
            await vectors.asimilarity_search_with_score(text, k=20)
    return str(found)


async def after_changes(store: Store, vectors: PatternVectorStore) -> dict[str, Times]:
    """Somebody of the largest team comes; the index follows, and one like them is recalled: all their cohorts have changed."""
    index, draw = vectors.index, random.Random(7)
    found = {"one update in the largest team, index": Times(), "... and the recall after it": Times()}
    following, recalling = found.values()
    for number in range(QUERIES):
        profile, items = drawn(draw)
        profile, by = {**profile, "team": "Team 0"}, f"manager {number % REQUESTERS}"

        def change(
            tx: Tx, who: str = f"L-{number}", profile: dict[str, str] = profile, items: list[str] = items, by: str = by
        ) -> None:
            tx.patterns.contribute(who, profile, items, requester=by)

        await store.transaction(change)
        with following.one():
            await vectors.refresh()
        with recalling.one():
            recalled(index, profile)
    return found


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
    searching(13_000, "5 ms", requested=True)
    searching(200_000, "50 ms")


if __name__ == "__main__":
    main()
