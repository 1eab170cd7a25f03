"""A flood of requests, under a limit low enough to be reached in a test."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

from agent_ops import AgentOps, RunReport, RunStatus
from tests.threats.cases import Case
from tests.threats.place import Evidence, Place
from tests.threats.ways import answered, asked, keep_grants

CAP = 4
"""New accounts an hour. (At 500 requests the breaker would trip, and nothing would begin: here the limit has to hold alone.)"""
ENOUGH = 100
"""Runs that were driven, and told to wait."""
LIMITS = f"\n[limits]\naccounts_per_hour = {CAP}\nburst_requests = 1000\n"
SECONDS = 60


async def flood(place: Place, case: Case, evidence: Evidence) -> None:
    """Every request at once; then the status of all, while the runs go on; then until the limit was met by many."""
    evidence.data_dir.mkdir()
    file = evidence.data_dir.parent / "limited.toml"
    file.write_text(place.policy_file.read_text(encoding="utf-8") + LIMITS, encoding="utf-8")
    settings = replace(place.settings(evidence.data_dir), policy_file=file, log_level="WARNING")
    async with AgentOps(settings, caller=place.caller(case.request["as"])) as ops:
        bodies = [{**case.body, "name": case.body["name"].replace("{i}", str(n))} for n in range(case.body["$repeat"])]
        runs = await asyncio.gather(*(answered(evidence, asked(body, ops.submit)) for body in bodies))
        began = time.monotonic()
        everybody = await ops.employees()
        evidence.notes["answered in"] = time.monotonic() - began
        evidence.notes["lost"] = {run.id for run in runs if run} - {report.run.id for report in everybody}
        await until_limited(ops)
        evidence.reports = await ops.employees()
    evidence.notes["cap"] = CAP
    keep_grants(evidence)


async def until_limited(ops: AgentOps) -> None:
    """Until the limit was met by many, at most a minute."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline and not _limited(await ops.employees()):
        await asyncio.sleep(0.3)


def _limited(reports: list[RunReport]) -> bool:
    """Whether the limit was reached, and many more runs than it lets through have asked."""
    created = sum(report.employee.address is not None for report in reports)
    return created >= CAP and sum(report.run.status is RunStatus.WAITING for report in reports) >= ENOUGH
