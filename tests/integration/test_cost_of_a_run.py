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

import aiosqlite
import pytest

from agent_ops import AgentOps, Profile, RunStatus, Settings
from agent_ops.domain.effects import Action
from agent_ops.policies import EXAMPLE
from agent_ops.storage import Store
from agent_ops.storage.checkpoints import Checkpoints
from tests.fakes import FakeServices

LIMITS = """
[limits]
accounts_per_hour = 9999
accounts_per_hour_per_caller = 9999
burst_requests = 9999
directory_size = 99999
"""
MAX_COMMITS, MAX_READS, MAX_CHECKPOINTS, MAX_WRITES, MAX_BYTES = 38, 53, 12, 16, 20 * 1024
FEW, MANY, MAX_GROWTH = 4, 40, 10
SENDS = {"entra.create_account": 1, "entra.set_attributes": 1, "jenkins.run_pipeline": 4, "mail.send": 2}


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """Transactions of the operations database and writes of checkpoints, by kind; what plain functions of a graph cost."""
    counts: Counter[str] = Counter()

    def counting(owner: Any, kind: str) -> Any:
        original = getattr(owner, kind)

        async def wrapped(*given: Any, **named: Any) -> Any:
            counts[kind] += 1
            return await original(*given, **named)

        return wrapped

    for owner, kinds in ((Store, ("transaction", "read")), (Checkpoints, ("aput", "aput_writes"))):
        for kind in kinds:
            monkeypatch.setattr(owner, kind, counting(owner, kind))
    sent = aiosqlite.Connection._execute

    async def errand(connection: aiosqlite.Connection, *given: Any, **named: Any) -> Any:
        counts["errands"] += 1
        return await sent(connection, *given, **named)

    monkeypatch.setattr(aiosqlite.Connection, "_execute", errand)
    yield counts


@pytest.fixture
def unlimited(settings: Settings, tmp_path: Path) -> Settings:
    policy_file = tmp_path / "policy.toml"
    policy_file.write_text(EXAMPLE.read_text(encoding="utf-8") + LIMITS, encoding="utf-8")
    return replace(settings, policy_file=policy_file)


def hire(number: int) -> Profile:
    return Profile(f"Ana Silva {chr(97 + number // 26)}{chr(97 + number % 26)}", "Engineering", external_id=f"E-{number}")


async def test_commits_reads_and_calls_of_an_onboarding(unlimited: Settings, fakes: FakeServices, counted: Counter[str]) -> None:
    """The fewest of three: on a busy machine somebody looks now and then whether it is over, or whether a mail is due."""
    costs: list[Counter[str]] = []
    async with AgentOps(unlimited, adapters=fakes.adapters()) as ops:
        await ops.onboard(hire(0))
        for number in range(1, 4):
            counted.clear()
            before = fakes.sends()
            await ops.onboard(hire(number))
            after = fakes.sends()
            assert {action: after[action] - before[action] for action in after} == SENDS
            costs.append(counted.copy())
    least = {kind: min(cost[kind] for cost in costs) for kind in costs[0]}
    assert least["transaction"] <= MAX_COMMITS
    assert least["read"] <= MAX_READS
    assert least["aput"] <= MAX_CHECKPOINTS
    assert least["aput_writes"] <= MAX_WRITES
    assert least["errands"] <= least["aput"] + least["aput_writes"] + 7  # one each; one look, one deletion


async def test_forty_items_cost_at_most_ten_times_what_four_do(
    settings: Settings, fakes: FakeServices, counted: Counter[str], tmp_path: Path
) -> None:
    """State and checkpoints do not grow with the square of the steps."""
    policy_file = tmp_path / "policy.toml"
    policy_file.write_text(_forty_pipelines() + LIMITS, encoding="utf-8")
    settings = replace(settings, policy_file=policy_file, keep_checkpoints=True)
    costs, numbers = [], iter(range(100))
    async with AgentOps(settings, adapters=fakes.adapters()) as ops:
        await ops.onboard(hire(next(numbers)), ["item0"])
        for items in (FEW, MANY):
            counted.clear()
            before = _size(settings), _size(settings, "checkpoints.db")
            for _ in range(5):
                report = await ops.onboard(hire(next(numbers)), [f"item{n}" for n in range(items)])
                assert report.run.status is RunStatus.DONE
            left = _size(settings) - before[0], _size(settings, "checkpoints.db") - before[1]
            costs.append((counted["transaction"], counted["read"], counted["aput"], counted["aput_writes"], *left))
    few, many = costs
    assert [there / here <= MAX_GROWTH for here, there in zip(few, many, strict=True)] == [True] * len(few), costs


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


def _forty_pipelines() -> str:
    keys = [f"item{number}" for number in range(MANY)]
    items = "".join(f'[items.{key}]\ntitle = "Access {key}"\npipeline = "provisioning/{key}"\n' for key in keys)
    team = f'[teams.engineering]\ntitle = "Engineering"\nallowed = {keys}\nbirthright = {keys}\n'
    place = '[locations.lisbon]\ntitle = "Lisbon"\nzone = "Europe/Lisbon"\ncountry = "PT"\n'
    return f'levels = ["L1"]\n[company]\ndomain = "acme.example"\n{place}{items}{team}'


def _size(settings: Settings, name: str = "operations.db") -> int:
    """Bytes of a database once its log is folded in."""
    path = settings.data_dir / name
    database = sqlite3.connect(path)
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return path.stat().st_size
