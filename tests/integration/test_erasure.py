"""Erasing a person: every byte is searched; what stays makes no second account and gives nobody the address."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from agent_ops import AgentOps, Caller, Profile, RunReport, RunStatus, Sandbox, Settings
from agent_ops.domain.employee import EmployeeStatus
from tests.bytes import hits
from tests.fakes import FakeServices

ERASER = Caller("eraser", frozenset({"onboard", "status", "link", "erase"}))
ADDRESS = "zoe.quillfeather@acme.example"
ZOE = Profile(
    "Zoë Quillfeather",
    "Engineering",
    level="L2",
    location="Lisbon",
    manager="Oswin Marlbrook",
    contact_number="+351 912 777 555 43",
    email_wish="zoe-the-quill@home.example",
    external_id="HR-canary-77123",
)
CANARIES = (
    *("Quillfeather", "Zoë Quill", "Oswin", "Marlbrook", "912 777 555", "zoe-the-quill", "HR-canary-77123", "quill's key"),
    *(ADDRESS, ADDRESS.partition("@")[0]),
)


def searched(data_dir: Path) -> list[str]:
    return hits(data_dir, CANARIES)


def chain_is_whole(data_dir: Path) -> bool:
    """What an auditor is told of the audit, by a process of its own."""
    verify = [sys.executable, "-m", "agent_ops", "audit", "verify", "--data-dir", str(data_dir)]
    return subprocess.run(verify, capture_output=True, timeout=60, check=False).returncode == 0


@asynccontextmanager
async def opened(settings: Settings, fakes: FakeServices | None = None) -> AsyncIterator[AgentOps]:
    async with AgentOps(settings, caller=ERASER, adapters=fakes.adapters() if fakes else None) as ops:
        yield ops


async def a_long_story(ops: AgentOps, box: Sandbox) -> RunReport:
    """A plan, its run, which fails, a retry that fails while the mail server is down, and a further run that is cancelled."""
    failing = {"USER_EMAIL": ADDRESS}
    console = ("+ useradd Quillfeather", f"{ADDRESS} is refused")
    await box.pipeline_outcome("provisioning/github", match=failing, result="FAILURE", console=console)
    plan = await ops.plan(ZOE, idempotency_key="quill's key")
    assert ADDRESS in plan.to_text()
    failed = await ops.wait((await ops.apply(plan)).id, timeout=60)
    assert failed.run.status is RunStatus.FAILED
    again = await ops.wait((await ops.retry(failed.run.id)).id, timeout=60)
    return again


@pytest.mark.slow
async def test_no_byte_of_an_erased_person_is_left(box: Sandbox, sandbox_settings: Settings) -> None:
    settings = replace(sandbox_settings, keep_checkpoints=True, log_level="DEBUG")
    other = Profile("Ines Otherwise", "Engineering", level="L2", location="Lisbon", external_id="HR-other")
    async with opened(settings) as ops, opened(settings) as neighbour:
        kept = await neighbour.onboard(other)
        report = await a_long_story(ops, box)
        assert {canary for canary in CANARIES if not hits(settings.data_dir, [canary])} == set(), "the search finds what is there"
        asked = [asyncio.create_task(neighbour.onboard(replace(other, external_id=f"HR-{n}"))) for n in range(3)]
        erasure = await ops.erase(report.employee.id)
        assert searched(settings.data_dir) == []
        assert not erasure.already
        assert [done.run.status for done in await asyncio.gather(*asked)] == [RunStatus.DONE] * 3
        (left,) = await ops.report(report.employee.id)
        assert (left.employee.status, left.employee.address, left.employee.entra_id) == (EmployeeStatus.ERASED, None, None)
        assert {item.item for item in left.items} == {item.item for item in report.items}
        (untouched,) = await ops.report(kept.employee.id)
        assert (untouched.employee, untouched.items) == (kept.employee, kept.items)
    assert searched(settings.data_dir) == []
    assert chain_is_whole(settings.data_dir)
    names = {path.name for path in settings.data_dir.iterdir()}
    assert {"operations.db", "checkpoints.db", "agent-ops.log", "erased.json"} <= names
