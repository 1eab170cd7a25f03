"""Threads with a client each, and how long to wait before the next look."""

from __future__ import annotations

import pytest

from agent_ops.domain.durations import SERVICES, Durations
from agent_ops.transport.calls import logged_call
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


def test_durations_are_counted_by_bounds_each_with_those_before_it() -> None:
    seen = Durations()
    for seconds in (0.003, 0.05, 0.07, 900.0):
        seen.took("jenkins", "2xx", seconds)
    buckets, total = seen.read()["jenkins", "2xx"]
    assert dict(buckets)["0.005"] == 1 and dict(buckets)["0.05"] == 2 and dict(buckets)["300.0"] == 3
    assert buckets[-1] == ("+Inf", 4) and total == pytest.approx(900.123)


def test_every_call_to_a_service_is_counted_by_how_it_was_answered() -> None:
    with logged_call("a service", "GET /") as call:
        call.status = 204
    with pytest.raises(TimeoutError), logged_call("a service", "GET /"):
        raise TimeoutError
    counted = SERVICES.read()
    assert [counted["a service", how][0][-1] for how in ("2xx", "error")] == [("+Inf", 1), ("+Inf", 1)]
