"""Conjugate gradients: small systems of equations without native threads, which wait for each other on a busy machine.

https://en.wikipedia.org/wiki/Conjugate_gradient_method
"""

from __future__ import annotations

from collections.abc import Callable

from agent_ops.memory.patterns import Floats

_DONE = 1e-12


def solved(times: Callable[[Floats], Floats], aim: Floats, rounds: int) -> Floats:
    """What gives ``aim`` when the matrix is multiplied with it, or comes near to it within so many rounds.

    Args:
        times: multiplies the matrix, symmetric and positive definite, with a vector.
        aim: the right-hand side.
        rounds: at most so many multiplications.
    """
    found, left = 0.0 * aim, aim
    way, rest = left, float(left @ left)
    for _ in range(rounds):
        if rest < _DONE:
            break
        moved = times(way)
        step = rest / float(way @ moved)
        found, left = found + step * way, left - step * moved
        before, rest = rest, float(left @ left)
        way = left + rest / before * way
    return found
