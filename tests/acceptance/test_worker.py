"""Workers from outside: what one leaves, by SIGTERM or SIGKILL, the next goes on with."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_ops import Sandbox

pytestmark = pytest.mark.slow
HANDOVER_SECONDS = 15.0


@pytest.fixture
def place(tmp_path: Path) -> Iterator[tuple[Path, Sandbox]]:
    box = Sandbox(tmp_path / "data").start()
    yield tmp_path, box
    box.stop()


def command(place: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "agent_ops", *arguments, "--data-dir", str(place / "data")]


def started(place: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(command(place, *arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=place)


def status(place: Path) -> list[dict[str, object]]:
    read = subprocess.run(command(place, "status", "--json"), capture_output=True, text=True, timeout=60, check=True)
    found: list[dict[str, object]] = json.loads(read.stdout)
    return found


def until(place: Path, wanted: str, seconds: float = 60) -> list[dict[str, object]]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = status(place)
        if found and all(report["status"] == wanted for report in found):
            return found
    raise AssertionError(f"not {wanted}: {found}")


async def test_what_is_killed_or_told_to_end_is_handed_over_within_a_bound(place: tuple[Path, Sandbox]) -> None:
    where, box = place
    await box.pipeline_seconds("provisioning/confluence", 8.0)
    hire = started(where, "onboard", "Wanda Worker", "--team", "Contractors", "--external-id", "E-1", "--sandbox")
    while not any(call.effect == "jenkins.build" for call in box.effects("jenkins")):
        await asyncio.sleep(0.1)
    hire.kill()
    hire.communicate(timeout=60)
    first = started(where, "worker", "--sandbox")
    assert first.stdout is not None
    taken_up = await asyncio.to_thread(first.stdout.readline)
    assert "the account exists" in taken_up
    began = time.monotonic()
    first.send_signal(signal.SIGTERM)
    _, said = await asyncio.to_thread(first.communicate, timeout=60)
    assert first.returncode == 0, said
    assert time.monotonic() - began < HANDOVER_SECONDS
    second = started(where, "worker", "--sandbox")
    (report,) = await asyncio.to_thread(until, where, "done")
    second.send_signal(signal.SIGTERM)
    await asyncio.to_thread(second.communicate, timeout=60)
    assert [call.effect for call in box.effects("jenkins")].count("jenkins.build") == 1
    assert [call.effect for call in box.effects("entra")].count("entra.create") == 1
    assert len(report["mails"]) == 2  # type: ignore[arg-type]
