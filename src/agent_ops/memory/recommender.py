"""The recommender: learned from a history, it ranks the items of a new profile, says how sure it is, and abstains."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from agent_ops.memory.calibration import Calibration
from agent_ops.memory.cohorts import Family, families
from agent_ops.memory.evidence import Candidates, Evidence
from agent_ops.memory.patterns import MOST_PEOPLE, Floats, History, Ints, Patterns, Person
from agent_ops.memory.profiles import Profile, profile_key
from agent_ops.memory.rankers import BoostedRanker, Constant, LinearRanker, Ranker, Together, Truths, can_boost
from agent_ops.memory.sampling import sampled, telling
from agent_ops.memory.voting import SHARES
from agent_ops.memory.weights import learn_weights

FOLDS = 5
COUNTED = 2 * FOLDS
"""Evidence about a person is counted on all folds of so many but theirs: nearer to the whole history, which a query meets."""
STEPS = COUNTED + FOLDS + 1
SAMPLES = 2
"""The mean of so many boosted rankers scores in the end: chance has a smaller part in it than in one, and five take too long."""
LISTED = 50
"""So many items are listed for a profile, and all that may be granted by themselves."""
ENOUGH = 0.5
"""What has a lower bound below this is not recommended: it is likelier not wanted."""
MOST_LEARNED = 20_000
"""So many people at most are asked what was right when weights are learned; all are searched."""

Tell = Callable[[int, int], None]
"""Told how many steps are done, and of how many."""


@dataclass(frozen=True)
class Recommendation:
    """One item for one profile."""

    item: str
    score: float
    low: float
    auto: bool

    @property
    def recommended(self) -> bool:
        """Whether it is likelier wanted than not, with confidence."""
        return self.low >= ENOUGH


@dataclass(frozen=True)
class Recommender:
    """All that was learned."""

    history: History
    evidence: Evidence
    ranker: Ranker
    calibration: Calibration

    @classmethod
    def learn(cls, people: Iterable[Person], seed: int = 0, boosted: bool | None = None, tell: Tell | None = None) -> Recommender:
        """Learn from a history.

        Args:
            people: whose profile and access are known.
            seed: of folds, samples and trees.
            boosted: gradient boosting, or the linear ranker; None: boosting when it is installed.
            tell: told of the progress.
        """
        known = list(people)
        history = History.of(known)
        examples = _Examples.of(history, known, seed, tell or (lambda done, total: None))
        ranker, scores = examples.cross_fit(seed, can_boost() if boosted is None else boosted)
        calibration = Calibration.of(scores, examples.truths, examples.people)
        return cls(history, _evidence(history.patterns, examples.families, seed), ranker, calibration)

    def recommend(self, profiles: Sequence[Profile]) -> list[list[Recommendation]]:
        """For each profile its items, best first, at most ``LISTED``; none from an empty history."""
        if not len(self.history.patterns):
            return [[] for _ in profiles]
        found = self.evidence.candidates(self.history.vocabulary.encode(profiles))
        scores = self.ranker.score(found.figures)
        ends = np.searchsorted(found.rows, np.arange(len(profiles) + 1)).tolist()
        return [self._listed(found, scores, slice(ends[at], ends[at + 1])) for at in range(len(profiles))]

    def _listed(self, found: Candidates, scores: Floats, part: slice) -> list[Recommendation]:
        mine, items = scores[part], found.items[part]
        lows, names = self.calibration.low(mine), self.history.item_names
        auto = (mine >= self.calibration.threshold) & (lows >= ENOUGH)  # sure items must not carry an unlikely one past the limit
        order = np.argsort(-mine, kind="stable")[: max(LISTED, int(auto.sum()))]
        shown = 0.999 * self.calibration.probability(mine) + 0.001 * mine  # a block's scores differ still, as they rank
        return [Recommendation(names[items[at]], float(shown[at]), float(lows[at]), bool(auto[at])) for at in order]


@dataclass(frozen=True)
class _Examples:
    """Candidates of people of the history, judged by people of other folds only."""

    families: list[tuple[int, ...]]
    figures: Floats
    truths: Truths
    people: Ints
    folds: Ints
    tell: Tell

    @classmethod
    def of(cls, history: History, known: Sequence[Person], seed: int, tell: Tell) -> _Examples:
        draw, several = np.random.default_rng(seed), families(history.patterns.codes)
        folds, asked = draw.integers(0, COUNTED, len(known)), _asked(known, draw)
        parts: list[Floats] = []
        judged: list[tuple[Truths, Ints, Ints]] = []
        for fold in np.unique(folds[asked]).tolist() if len(known) >= 2 * FOLDS else ():
            evidence = _evidence(history.count([known[at] for at in np.flatnonzero(folds != fold).tolist()]), several, seed)
            whose = asked[folds[asked] == fold]
            theirs = [known[at] for at in whose]
            found = evidence.candidates(history.vocabulary.encode([person.profile for person in theirs]))
            has = _held(history, theirs, found)
            parts.append(found.figures)
            judged.append((has, whose[found.rows], np.full(len(has), fold % FOLDS)))
            tell(fold + 1, STEPS)
        if not parts:
            return cls(several, np.zeros((0, 1)), np.zeros(0, bool), np.zeros(0, np.int64), np.zeros(0, np.int64), tell)
        truths, whose, where = (np.concatenate(column) for column in zip(*judged, strict=True))
        return cls(several, _stacked(parts), truths, whose, where, tell)

    def cross_fit(self, seed: int, boosted: bool) -> tuple[Ranker, Floats]:
        """The ranker learned from all, and the scores that its like, learned without a fold, gave to that fold."""
        if not len(self.truths):
            return Constant(0.0), np.zeros(0)  # too few people: the order is the neighbours', and nobody is sure of anything
        scores = np.zeros((len(self.truths), 1 + boosted))
        for fold in range(FOLDS):
            mine = self.folds == fold
            rankers = self._rankers(~mine, seed + fold, boosted)
            scores[mine] = np.column_stack([one.score(self.figures[mine]) for one in rankers])
            self.tell(COUNTED + fold + 1, STEPS)
        several = np.column_stack([scores, scores.mean(axis=1)])
        best = int(np.argmax([_order(column, self.truths) for column in several.T]))
        rankers = self._rankers(np.ones(len(self.truths), dtype=bool), seed + FOLDS, boosted)
        self.tell(STEPS, STEPS)
        return Together(rankers if best == len(rankers) else rankers[best : best + 1]), several[:, best]

    def _rankers(self, among: Truths, seed: int, boosted: bool) -> list[Ranker]:
        """The linear ranker, and the boosted one or the mean of several, learned from some of the examples."""
        rows = np.flatnonzero(among)
        chance = rows[sampled(np.zeros(len(rows), dtype=bool), seed).rows]
        linear = LinearRanker.learn(self.figures[chance], self.truths[chance], len(self.families) + SHARES)
        return [linear, self._boosted(rows, linear.score(self.figures)[rows], seed)] if boosted else [linear]

    def _boosted(self, rows: Ints, scores: Floats, seed: int) -> Ranker:
        told, several = telling(self.truths[rows], self.people[rows], scores), list[Ranker]()
        for at in range(seed, seed + SAMPLES):
            sample = sampled(told, at)
            mine = rows[sample.rows]
            several.append(BoostedRanker.learn(self.figures[mine], self.truths[mine], at, sample.weights))
        return Together(several)


def _stacked(parts: list[Floats]) -> Floats:
    """One array of all, each taken from the list once it is copied: two of everything would not fit where one does."""
    end = sum(len(part) for part in parts)
    whole = np.empty((end, parts[0].shape[1]), dtype=parts[0].dtype)
    while parts:
        part = parts.pop()
        whole[end - len(part) : end] = part
        end -= len(part)
    return whole


def _asked(known: Sequence[Person], draw: np.random.Generator) -> Ints:
    """Whose access is asked for when weights are learned: of one profile only as many as it weighs among others."""
    seen, chosen = Counter[object](), list[int]()
    for at in draw.permutation(len(known)).tolist():
        seen[key := profile_key(known[at].profile)] += 1
        if seen[key] <= MOST_PEOPLE and len(chosen) < MOST_LEARNED:
            chosen.append(at)
    return np.array(chosen, dtype=np.int64)


def _held(history: History, people: Sequence[Person], found: Candidates) -> Truths:
    """Which candidates each person holds, not whether anybody of their profile does: a probability is that of a person."""
    held = [frozenset(person.access) for person in people]
    names = history.item_names
    return np.array([names[item] in held[row] for row, item in zip(found.rows, found.items, strict=True)], dtype=bool)


def _evidence(patterns: Patterns, several: list[Family], seed: int) -> Evidence:
    return Evidence.of(patterns, several, learn_weights(patterns, seed))


def _order(scores: Floats, truths: Truths) -> float:
    """The average precision over all candidates: which ranker is better at the top."""
    hits = truths[np.argsort(-scores, kind="stable")]
    return float((np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits].mean()) if hits.any() else 0.0
