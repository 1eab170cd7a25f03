"""What the neighbours of a profile hold, counted in several ways: who is near, how near, and how much they hold besides."""

from __future__ import annotations

import numpy as np

from agent_ops.memory.patterns import Floats, Ints, Patterns, spans

NEAR = 200
KERNELS = ((100, 4), (10, 1), (3, 1), (30, 2), (100, 1), (NEAR, 8), (100, 16))
"""So many of the nearest vote, each with their similarity to this power. The first orders the candidates."""
SHARES = 3
"""The first columns are shares, as cohorts' rates are: the linear ranker adds them up with those."""
RANK = len(KERNELS) + 1
VOTES = RANK + 12
COMPARED = 100
"""So many of the nearest are compared with each other."""


def voted(
    patterns: Patterns, near: Ints, similarity: Floats, unrepeated: Floats, ridge: Floats, width: int
) -> tuple[Ints, Floats]:
    """The items that these patterns hold, at most ``width``, and ``VOTES`` columns of figures for each.

    ``unrepeated`` are the voices of ``Neighbours.unrepeated``, ``ridge`` those of ``ridge_voices``; 0 for who has none.
    """
    at, lengths = spans(patterns.start, near)
    items, earliest, back = np.unique(patterns.item[at], return_index=True, return_inverse=True)
    held, size, loud = patterns.held[at], len(items), _voices(similarity)
    voices = np.repeat(loud, lengths, axis=1) * held
    whole = np.maximum(loud @ patterns.weight[near], 1e-9)
    shares = np.column_stack([np.bincount(back, voice, size) for voice in voices]) / whole
    kept = np.argsort(-shares[:, 0], kind="stable")[:width]
    modest = np.bincount(back, voices[0] / np.sqrt(np.repeat(lengths, lengths)), size) / whole[0]
    once = np.bincount(back, np.repeat(unrepeated, lengths) * held, size)
    joint = np.bincount(back, np.repeat(ridge / np.maximum(patterns.weight[near], 1e-9), lengths) * held, size)
    people = np.bincount(back, held * (voices[0] > 0), size)
    first = np.repeat(np.arange(len(near)), lengths)[earliest]
    of_items = np.column_stack([once, modest, people, first, similarity[first]])[kept]
    share = shares[kept, 0]
    top = share / max(float(share.max(initial=0.0)), 1e-9)
    of_row = [similarity[0], similarity[min(9, len(near) - 1)], lengths[:10].mean(), lengths[:3].mean(), (share**2).sum()]
    figures = [joint[kept], shares[kept], np.arange(len(kept)), top, of_items, np.tile(of_row, (len(kept), 1))]
    return items[kept], np.column_stack(figures)


def _voices(similarity: Floats) -> Floats:
    """How loud each neighbour is, a row for each kernel."""
    return np.stack([np.where(np.arange(len(similarity)) < most, similarity**power, 0.0) for most, power in KERNELS])
