"""How much agreeing in team, level or location says about holding the same items: learned from the patterns themselves.

The likeness of two patterns' items is explained by what they agree in, over all pairs of a sample. A profile weighs as
`MOST_PEOPLE` at most, and no one requester's people can take a weight further from 1 than the others' support.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agent_ops.domain.pattern import ATTRIBUTES, Pattern
from agent_ops.memory.patterns import MOST_PEOPLE

Floats = NDArray[np.float64]

FEWEST_PATTERNS = 20
"""Nothing is learned from fewer patterns."""
MOST_PATTERNS = 600
"""More patterns than this are sampled: every pair of them is looked at."""
_MOST_ITEMS = 512
_FOLDS = 10
_LEAST, _NOTHING = 0.02, 1e-9
_NEUTRAL = 5.0
"""What was learned is drawn to 1 as if so many patterns, wholly explained by no attribute more than by another, were added."""


@dataclass(frozen=True)
class AttributeWeights:
    """What agreeing in each attribute is worth, 1 when nothing was learned.

    Args:
        worth: by attribute.
        patterns: from how many patterns they were learned; 0 when from none.
        version: of the patterns that they were learned from.
        fewest: the patterns that were left without a requester's people, whoever that left fewest.
    """

    worth: Mapping[str, float]
    patterns: int = 0
    version: int = 0
    fewest: int = 0

    def __str__(self) -> str:
        """From what they were learned, in words."""
        if not self.patterns:
            return f"nothing was learned yet: that takes {FEWEST_PATTERNS} patterns"
        if self.fewest < FEWEST_PATTERNS:
            few = f"{self.fewest} of {self.patterns} patterns are left without one requester's people"
            return f"nothing was learned: {few}, and that takes {FEWEST_PATTERNS}, or a requester whom the policy trusts"
        return f"learned from {self.patterns} patterns, at version {self.version} of them"


EQUAL = AttributeWeights(dict.fromkeys(ATTRIBUTES, 1.0))


@dataclass(frozen=True)
class _Row:
    profile: Mapping[str, str]
    people: int
    items: Mapping[str, int]


def learn(patterns: Sequence[Pattern], version: int, trusted: Collection[str] = ("",)) -> AttributeWeights:
    """The weights that these patterns support, whichever requester is left out.

    Each attribute's weight is the one nearest to 1 of what all people say and of what they say without a tenth of the requesters,
    each tenth in turn (each requester alone, where there are ten or fewer). So for every requester it lies between 1 and a weight
    that none of their people had a part in.

    Args:
        patterns: a sample, of at most ``MOST_PATTERNS``; in any order.
        version: of the patterns.
        trusted: the requesters, by their keyed hashes, who are never left out.
    """
    ordered = sorted(patterns, key=lambda one: sorted(one.profile.items()))
    left_out: list[frozenset[str]] = [frozenset(), *_folds(ordered, trusted)]
    rows = [_rows(ordered, fold) for fold in left_out]
    found = np.array([_fitted(one) for one in rows])
    low, high = found.min(axis=0), found.max(axis=0)
    worth = np.where(low > 1, low, np.where(high < 1, high, 1.0))
    return AttributeWeights(dict(zip(ATTRIBUTES, map(float, worth), strict=True)), len(ordered), version, min(map(len, rows)))


def _folds(patterns: Sequence[Pattern], trusted: Collection[str]) -> list[frozenset[str]]:
    people = Counter[str]()
    for pattern in patterns:
        for source in pattern.sources:
            if source.requester not in trusted:
                people[source.requester] += source.people
    ranked = sorted(people, key=lambda requester: (-people[requester], requester))
    return [frozenset(ranked[at::_FOLDS]) for at in range(min(_FOLDS, len(ranked)))]


def _rows(patterns: Sequence[Pattern], without: frozenset[str]) -> list[_Row]:
    """The patterns as they would be had these requesters' people never come."""
    rows = []
    for pattern in patterns:
        items, people = Counter(pattern.items), pattern.people
        for source in pattern.sources:
            if source.requester in without:
                items.subtract(source.items)
                people -= source.people
        if people > 0:
            rows.append(_Row(pattern.profile, people, {item: many for item, many in items.items() if many > 0}))
    return rows


def _fitted(rows: Sequence[_Row]) -> Floats:
    """One weight for each attribute, 1 on average over those that tell people apart: non-negative least squares over pairs."""
    if len(rows) < FEWEST_PATTERNS:
        return np.ones(len(ATTRIBUTES))
    people = np.minimum(np.array([float(row.people) for row in rows]), MOST_PEOPLE)
    agree = np.stack([_agreement([row.profile.get(attribute) for row in rows], people) for attribute in ATTRIBUTES])
    pairs = np.outer(people, people)
    np.fill_diagonal(pairs, 0.0)
    gram, aim, spread = _moments(agree.reshape(len(ATTRIBUTES), -1), _likeness(rows).ravel(), pairs.ravel() / pairs.sum())
    telling = np.diag(gram) > _NOTHING
    learned = _solved(gram + np.diag(np.where(telling, 1e-3 * np.trace(gram), 1.0)), np.where(telling, aim, 0.0))
    if spread <= _NOTHING or not learned.any():
        return np.ones(len(ATTRIBUTES))
    explained = len(rows) * min(1.0, float(learned @ aim) / spread)
    learned = np.where(telling, np.maximum(learned / learned[telling].mean(), _LEAST), 1.0)
    return np.asarray((explained * learned + _NEUTRAL) / (explained + _NEUTRAL), dtype=np.float64)


def _agreement(values: Sequence[str | None], people: Floats) -> NDArray[Any]:
    """For each pair: how telling the value is that both have, by its rarity; 0 where they differ."""
    number: dict[str, int] = {}
    codes = np.array([number.setdefault(value, len(number)) if value else -1 for value in values])
    having = np.bincount(codes[codes >= 0], people[codes >= 0], minlength=max(len(number), 1))
    worth = np.where(codes >= 0, rarity(float(people.sum()), having)[codes], 0.0)
    return np.asarray((codes[:, None] == codes[None, :]) * worth[:, None])


def rarity(everybody: float, having: Any) -> Any:
    """What sharing a value is worth that so many of all people have."""
    return np.log((everybody + 2) / (having + 1))


def _likeness(rows: Sequence[_Row]) -> NDArray[Any]:
    """The cosine of each pair's items, by the shares of people who hold them."""
    often = Counter(item for row in rows for item in row.items)
    column = {item: at for at, (item, _) in enumerate(sorted(often.items(), key=lambda p: (-p[1], p[0]))[:_MOST_ITEMS])}
    held = np.zeros((len(rows), max(len(column), 1)), dtype=np.float32)
    for at, row in enumerate(rows):
        for item, many in row.items.items():
            if item in column:
                held[at, column[item]] = many / row.people
    held /= np.maximum(np.linalg.norm(held, axis=1, keepdims=True), 1e-9)
    return np.asarray(held @ held.T, dtype=np.float64)


def _moments(agree: NDArray[Any], likeness: NDArray[Any], weight: NDArray[Any]) -> tuple[Floats, Floats, float]:
    """Covariances over weighted pairs, and the likeness's variance: what all have in common with all is no attribute's merit."""
    weighed = agree * weight
    mean, centre = weighed.sum(axis=1), float(likeness @ weight)
    spread = float(likeness * likeness @ weight) - centre * centre
    return weighed @ agree.T - np.outer(mean, mean), weighed @ likeness - mean * centre, spread


def _solved(gram: Floats, aim: Floats) -> Floats:
    """Non-negative least squares by coordinate descent."""
    weights = np.zeros(len(aim))
    for _ in range(300):
        for at in range(len(aim)):
            weights[at] = max(0.0, weights[at] + (aim[at] - gram[at] @ weights) / gram[at, at])
    return weights
