"""From scores to probabilities, to their lower bounds, and to the threshold above which an item may be granted by itself.

All of it is fixed on scores that were given to people whom the ranker had not seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agent_ops.memory.patterns import Floats, Ints
from agent_ops.memory.rankers import Truths

WANTED_PRECISION = 0.9
SURE = 1.645
"""Standard deviations of a one-sided 95 % bound."""
BINS = 200
FEWEST_PEOPLE = 10
"""With fewer people behind a threshold there is none: nothing is granted by itself."""


def wilson(hits: float, tries: float, z: float = SURE) -> float:
    """The lower end of Wilson's interval for a share, 0 without tries.

    https://en.wikipedia.org/wiki/Binomial_proportion_confidence_interval#Wilson_score_interval
    """
    if tries <= 0:
        return 0.0
    share, around = hits / tries, z * z / tries
    low = share + around / 2 - z * float(np.sqrt(share * (1 - share) / tries + around / (4 * tries)))
    return float(np.clip(low / (1 + around), 0.0, share))


@dataclass(frozen=True)
class Calibration:
    """Probability and lower bound by score, and the threshold of automatic grants (infinite when there is none)."""

    centres: Floats
    shares: Floats
    lows: Floats
    threshold: float

    @classmethod
    def of(cls, scores: Floats, truths: Truths, people: Ints) -> Calibration:
        """Isotonic regression over bins of equal size; ``people`` says whose candidate each score is."""
        if not len(scores):
            return cls(np.zeros(1), np.zeros(1), np.zeros(1), float("inf"))
        order = np.argsort(scores, kind="stable")
        blocks: list[list[float]] = []
        for part in np.array_split(order, min(BINS, len(order))):
            blocks.append([float(scores[part].sum()), float(truths[part].sum()), float(len(part))])
            while len(blocks) > 1 and blocks[-2][1] * blocks[-1][2] >= blocks[-1][1] * blocks[-2][2]:
                last = blocks.pop()
                blocks[-1] = [one + other for one, other in zip(blocks[-1], last, strict=True)]
        centres, hits, tries = np.array(blocks).T
        lows = np.maximum.accumulate([wilson(h, t) for h, t in zip(hits, tries, strict=True)])
        return cls(centres / tries, hits / tries, lows, threshold(scores, truths, people))

    def probability(self, scores: Floats) -> Floats:
        """Calibrated; between two blocks in proportion, so that the order of scores stays."""
        return np.interp(scores, self.centres, self.shares)

    def low(self, scores: Floats) -> Floats:
        """The 95 % lower bound of the probability."""
        return np.minimum(np.interp(scores, self.centres, self.lows), self.probability(scores))


def threshold(scores: Floats, truths: Truths, people: Ints, wanted: float = WANTED_PRECISION) -> float:
    """The lowest score above which the precision is, with 95 % confidence, as wanted; infinite when none is.

    One person's grants stand or fall together, so the variance is that of people, not of grants (ratio estimator).
    """
    order = np.argsort(-scores, kind="stable")
    best = float("inf")
    for size in np.unique(np.geomspace(FEWEST_PEOPLE, max(len(order), FEWEST_PEOPLE), 400).astype(int)):
        if size > len(order):
            break
        cut = float(scores[order[size - 1]])
        chosen = order[: int(np.searchsorted(-scores[order], -cut, side="right"))]
        if _surely(truths[chosen], people[chosen], wanted):
            best = min(best, cut)
    return best


def _surely(truths: Truths, people: Ints, wanted: float) -> bool:
    _, back = np.unique(people, return_inverse=True)
    grants = np.bincount(back)
    if len(grants) < FEWEST_PEOPLE:
        return False
    precision = float(truths.mean())
    spread = np.bincount(back, truths) - precision * grants
    return precision - SURE * float(np.sqrt((spread**2).sum())) / len(truths) >= wanted
