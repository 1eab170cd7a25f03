"""What one onboarding costs, in counts that do not depend on the machine: so that nothing becomes dear unnoticed.

The bounds are a tenth above what was counted; times and CPU are the benchmarks' business.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent_ops import AgentOps, Profile, Settings
from agent_ops.domain.effects import Action
from agent_ops.policies import EXAMPLE
from agent_ops.storage import Store
from tests.fakes import FakeServices

LIMITS = """
[limits]
accounts_per_hour = 9999
accounts_per_hour_per_caller = 9999
burst_requests = 9999
directory_size = 99999
"""
MAX_COMMITS, MAX_READS, MAX_BYTES = 38, 60, 24 * 1024
SENDS = {"entra.create_account": 1, "entra.set_attributes": 1, "jenkins.run_pipeline": 4, "mail.send": 2}


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """Transactions of the operations database, by kind."""
    counts: Counter[str] = Counter()

    def counting(kind: str) -> Any:
        original = getattr(Store, kind)

        async def wrapped(store: Store, work: Any) -> Any:
            counts[kind] += 1
            return await original(store, work)

        return wrapped

    for kind in ("transaction", "read"):
        monkeypatch.setattr(Store, kind, counting(kind))
    yield counts


@pytest.fixture
def unlimited(settings: Settings, tmp_path: Path) -> Settings:
    policy_file = tmp_path / "policy.toml"
    policy_file.write_text(EXAMPLE.read_text(encoding="utf-8") + LIMITS, encoding="utf-8")
    return replace(settings, policy_file=policy_file)


def hire(number: int) -> Profile:
    return Profile(f"Ana Silva {chr(97 + number // 26)}{chr(97 + number % 26)}", "Engineering", external_id=f"E-{number}")


async def test_commits_reads_and_calls_of_an_onboarding(unlimited: Settings, fakes: FakeServices, counted: Counter[str]) -> None:
    async with AgentOps(unlimited, adapters=fakes.adapters()) as ops:
        await ops.onboard(hire(0))
        counted.clear()
        before = fakes.sends()
        await ops.onboard(hire(1))
        after = fakes.sends()
    assert {action: after[action] - before[action] for action in after} == SENDS
    assert counted["transaction"] <= MAX_COMMITS
    assert counted["read"] <= MAX_READS


async def test_bytes_that_a_finished_run_leaves(unlimited: Settings, fakes: FakeServices) -> None:
    async with AgentOps(unlimited, adapters=fakes.adapters()) as ops:
        for number in range(20):
            await ops.onboard(hire(number))
        first = _size(unlimited)
        for number in range(20, 80):
            await ops.onboard(hire(number))
    assert (_size(unlimited) - first) / 60 <= MAX_BYTES
    database = sqlite3.connect(unlimited.data_dir / "checkpoints.db")
    assert [database.execute(f"SELECT count(*) FROM {table}").fetchone() for table in ("checkpoints", "writes")] == [(0,), (0,)]
    database.close()


async def test_a_mail_that_was_taken_leaves_its_text_and_no_html(ops: AgentOps, fakes: FakeServices, ana: Profile) -> None:
    report = await ops.onboard(ana)
    kept = await ops._system.store.read(lambda tx: tx.effects.of_employee(report.employee.id))
    mails = [intent.pinned for intent in kept if intent.proposal.action is Action.SEND_MAIL]
    assert len(mails) == 2
    assert all(set(mail) == {"recipient", "subject", "body", "message_id"} for mail in mails)
    assert all("html" in sent.pinned for sent in fakes[Action.SEND_MAIL].done.values())


def _size(settings: Settings) -> int:
    """Bytes of the operations database once its log is folded in."""
    path = settings.data_dir / "operations.db"
    database = sqlite3.connect(path)
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return path.stat().st_size
