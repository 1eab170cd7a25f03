"""Threads with a client each, and how long to wait before the next look."""

from __future__ import annotations

import pytest

from agent_ops.transport.pacing import pause_after
from agent_ops.transport.threads import ClientPool


async def test_a_client_that_is_outdated_while_it_is_made_is_made_again() -> None:
    made: list[int] = []

    def make() -> int:
        made.append(len(made))
        if len(made) == 1:
            pool.renew()  # as when another thread is refused meanwhile
        return made[-1]

    pool = ClientPool("test", 1, make)
    assert [await pool.call(lambda client: client) for _ in range(3)] == [0, 1, 1]
    pool.close()


@pytest.mark.parametrize(("waited", "longest", "pause"), [(0, 300, 0.04), (60, 300, 4.8), (36000, 300, 300), (60, 2, 2)])
def test_the_pause_is_a_share_of_the_time_waited(waited: float, longest: float, pause: float) -> None:
    assert pause_after(waited, longest) == pytest.approx(pause)
