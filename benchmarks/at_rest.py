"""What finished runs leave on disk, and how long it takes until something can be done."""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from storage import FEW, LIMIT_BYTES, LIMIT_GROWTH, MANY, measured
from tests.service.served import key_for, serving

from agent_ops import Sandbox

Rows = Iterator[tuple[str, float, str, float | None, bool]]


def bytes_left() -> Rows:
    """Bytes of a finished run in both databases, of 4 items and of 40."""
    few, many = asyncio.run(measured())
    yield f"operations, bytes left, {FEW} items", few.operations, "", LIMIT_BYTES, False
    yield f"operations, bytes left, {MANY} items, times that of {FEW}", many.operations / few.operations, "", LIMIT_GROWTH, False
    yield "checkpoints, rows left", few.rows + many.rows, "", 0, False
    yield "checkpoints, bytes left in use", max(few.checkpoints_used, many.checkpoints_used), "", 0, False


def start(repeats: int) -> Rows:
    """From nothing: the help page, the import, the first request that a service accepts."""
    ours = "import agent_ops; agent_ops.AgentOps"
    yield "agent-ops --help", _taken(repeats, "-m", "agent_ops", "--help"), "s", 0.4, False
    yield "import of all that AgentOps needs", _taken(repeats, "-c", ours), "s", 1.5, False
    share = "import langgraph.graph, langgraph.checkpoint.sqlite.aio"
    yield "... of which langgraph, imported alone", _taken(repeats, "-c", share), "s", None, False
    yield "first accepted request after the start of `serve`", asyncio.run(_beside_a_sandbox()), "s", 3.0, False
    with tempfile.TemporaryDirectory() as place:
        yield "... with the start of the sandbox's twins", _accepted(Path(place)), "s", None, False


def _taken(repeats: int, *arguments: str) -> float:
    """Seconds of a whole Python process, the median, after one that warms the disk's cache."""
    taken = []
    for _ in range(repeats + 1):
        began = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
        taken.append(time.perf_counter() - began)
    return statistics.median(taken[1:])


async def _beside_a_sandbox() -> float:
    """The same where the twins run already, as the real services would."""
    with tempfile.TemporaryDirectory() as place:
        async with Sandbox(Path(place)):
            return await asyncio.to_thread(_accepted, Path(place))


def _accepted(place: Path) -> float:
    """Seconds from the start of ``agent-ops serve`` to its first 202."""
    body = {"name": "Fay First", "team": "Engineering", "external_id": "F-1"}
    key = key_for(place)
    began = time.perf_counter()
    with serving(place) as service, service.client(key) as client:
        answer = client.post("/api/users/onboard_user", json=body)
        took = time.perf_counter() - began
        answer.raise_for_status()
    return took
