"""Settings whose policy states limits, and looks into a system that keeps them."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import replace

from agent_ops import AgentOps, Caller, Profile, Run, RunStatus, Settings
from agent_ops.policies import EXAMPLE

ASKS = frozenset({"onboard", "link"})
ANA, BOB = Caller("os:ana", ASKS), Caller("os:bob", ASKS)
ADMIN = Caller("os:admin", frozenset({"admin"}))


def limited(settings: Settings, more: str = "", **limits: float) -> Settings:
    """The settings with a policy of the test's own, in a file beside the data directory."""
    file = settings.data_dir.with_name("policy.toml")
    table = "".join(f"{key} = {value}\n" for key, value in limits.items())
    file.write_text(f"{EXAMPLE.read_text(encoding='utf-8')}\n[limits]\n{table}\n{more}\n", encoding="utf-8")
    return replace(settings, policy_file=file)


def hire(number: int, who: str = "Hire") -> Profile:
    return Profile(f"{who} {number}", "Contractors", external_id=f"{who}-{number}")


async def until(ops: AgentOps, runs: list[Run], wanted: set[RunStatus]) -> list[RunStatus]:
    """Wait until every run has one of the statuses."""
    while True:
        found = [(await ops.report(run.id))[0].run.status for run in runs]
        if set(found) <= wanted:
            return found
        await asyncio.sleep(0.02)


def query(settings: Settings, sql: str, *values: object) -> list[tuple[object, ...]]:
    """Look into, or mend, the database from outside."""
    connection = sqlite3.connect(settings.data_dir / "operations.db", timeout=10, isolation_level=None)
    try:
        return connection.execute(sql, values).fetchall()
    finally:
        connection.close()


def an_hour_passes(settings: Settings) -> None:
    """A test cannot move the clock, but the dates: whatever was counted is older, and whoever waits looks again."""
    query(settings, "UPDATE effects SET lands_by = '2020-01-01T00:00:00.000+00:00' WHERE state <> 'open'")
    query(settings, "UPDATE admissions SET waits_until = 0")
    query(settings, "UPDATE runs SET wake_at = 0 WHERE status = 'waiting'")
