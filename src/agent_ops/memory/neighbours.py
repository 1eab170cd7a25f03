"""Exact search for the patterns nearest to a profile: lists of patterns by value, weighted by how telling a value is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agent_ops.memory.conjugate import solved
from agent_ops.memory.patterns import Floats, Ints, Patterns
from agent_ops.memory.profiles import Codes

_DAMPING, _ROUNDS = 3.0, 8


@dataclass(frozen=True)
class Postings:
    """For each code of a field: the patterns that have it, one list after the other, and what agreeing in it is worth."""

    start: Ints
    rows: Ints
    worth: Floats

    @classmethod
    def of(cls, codes: Codes, weight: float) -> Postings:
        """Weight a value by its rarity (inverse document frequency): a manager says more than a country."""
        flat = codes.ravel()
        owners = np.repeat(np.arange(len(codes)), codes.shape[1])[flat >= 0]
        flat = flat[flat >= 0]
        order = np.argsort(flat, kind="stable")
        sizes = np.bincount(flat, minlength=1)
        worth = weight * np.log1p(len(codes) / np.maximum(sizes, 1))
        return cls(np.concatenate([[0], np.cumsum(sizes)]), owners[order], worth)

    def add(self, similarity: Floats, codes: Ints) -> float:
        """Add to each pattern's similarity what it shares with these codes; returns what they are worth in all."""
        total = 0.0
        for code in codes:
            if 0 <= code < len(self.worth):
                similarity[self.rows[self.start[code] : self.start[code + 1]]] += self.worth[code]
                total += float(self.worth[code])
        return total


@dataclass(frozen=True)
class Neighbours:
    """The index of all patterns."""

    fields: list[Postings]
    norm: Floats

    @classmethod
    def of(cls, patterns: Patterns, weights: Floats | None = None) -> Neighbours:
        """Build it; ``weights`` are the fields' own, 1 each when nothing was learned."""
        weights = np.ones(len(patterns.codes)) if weights is None else weights
        fields = [Postings.of(codes, float(w)) for codes, w in zip(patterns.codes, weights, strict=True)]
        norm = np.zeros(len(patterns))
        for one, codes in zip(fields, patterns.codes, strict=True):
            norm += np.where(codes >= 0, one.worth[np.maximum(codes, 0)], 0.0).sum(axis=1)
        return cls(fields, np.sqrt(np.maximum(norm, 1e-9)))

    def search(self, codes: list[Codes], row: int, k: int) -> tuple[Ints, Floats]:
        """The k patterns nearest to a row of codes, best first, with their cosine similarity; none that shares nothing."""
        similarity = np.zeros(len(self.norm))
        total = sum(one.add(similarity, mine[row]) for one, mine in zip(self.fields, codes, strict=True))
        similarity /= self.norm * np.sqrt(max(total, 1e-9))
        k = min(k, len(similarity))
        near = np.argpartition(-similarity, k - 1)[:k] if k < len(similarity) else np.arange(k)
        near = near[similarity[near] > 0]
        near = near[np.lexsort((near, -similarity[near]))]
        return near, similarity[near]

    def unrepeated(self, codes: list[Codes], near: Ints, similarity: Floats) -> Floats:
        """What each of these patterns says beyond the others: those who are alike are counted once, not each in full.

        Kernel ridge regression among the patterns (kriging), by conjugate gradients. Some voices are negative.
        ``codes`` are those of all patterns, ``similarity`` is that to the profile in question.
        https://en.wikipedia.org/wiki/Kriging#Simple_kriging
        """
        entries = [self._entries(at, one[near]) for at, one in enumerate(codes)]
        row, named, worth = (np.concatenate(column) for column in zip(*entries, strict=True))
        worth = np.sqrt(worth) / self.norm[near][row]
        value = np.unique(named, return_inverse=True)[1]

        def times(way: Floats) -> Floats:
            return np.bincount(row, worth * np.bincount(value, worth * way[row])[value], len(near)) + _DAMPING * way

        return solved(times, similarity, _ROUNDS)

    def _entries(self, field: int, codes: Codes) -> tuple[Ints, Ints, Floats]:
        """Which of some rows has which value of a field, and what it is worth."""
        row, column = np.nonzero(codes >= 0)
        there = codes[row, column]
        return row, there * len(self.fields) + field, self.fields[field].worth[there]
