"""Keys are rotated while processes work; what was sealed before still verifies, until its key is retired."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from agent_ops import AgentOps, Caller, Plan, Profile, RunStatus, Settings
from agent_ops.domain.errors import GrantInvalid, InvalidRequest, NotFound, NotPermitted, PlanInvalid
from agent_ops.runtime import keys
from agent_ops.runtime.key_rotation import retire_key, rotate_keys
from agent_ops.runtime.keys import ensure_keys, read_keys
from tests.fakes import FakeServices
from tests.integration.audit_bench import verified, write_chain

ADMIN = Caller("os:admin", frozenset({"admin", "onboard"}))
_FAMILIES = ("Rotated", "Sealed", "Turned", "Kept")
ROOT = Path(__file__).resolve().parents[2]
SEALS_ALL_THE_TIME = """
import asyncio, sys
from pathlib import Path
from tests.integration.test_key_rotation import seal_and_load
asyncio.run(seal_and_load(Path(sys.argv[1]), int(sys.argv[2])))
"""


def hire(number: int) -> Profile:
    """Somebody whose address no other one of four wants."""
    return Profile(f"Rolf {_FAMILIES[number % 4]}", "Engineering", level="L2", location="Lisbon", external_id=f"R-{number}")


async def seal_and_load(data_dir: Path, hires: int) -> None:
    """Admit hires, each with a grant under whichever key is current, and verify each grant at once."""
    from agent_ops.ledger.grants import GrantBook
    from agent_ops.policies import read_policy
    from agent_ops.runtime.asking import request_for
    from agent_ops.runtime.data_dir import open_store
    from agent_ops.runtime.edge import Edge
    from agent_ops.runtime.granting import Granting

    policy = read_policy()
    async with open_store(data_dir) as (store, keys):
        book = GrantBook(store, keys.sealing)
        edge = Edge(store, policy, Granting(policy, book), keys.identity)
        for number in range(hires):
            run = await edge.admit(request_for(hire(os.getpid() * 1000 + number), ["github"]), ADMIN)
            await book.load(run.id)


async def test_a_running_process_takes_the_new_key_and_old_grants_and_plans_still_hold(
    settings: Settings, fakes: FakeServices
) -> None:
    async with AgentOps(settings, adapters=fakes.adapters(), caller=ADMIN) as ops:
        first = await ops.onboard(hire(1), ["github"])
        plan = Plan.from_text((await ops.plan(hire(2), ["github"])).to_text())
        assert await rotate_keys(settings.data_dir, ADMIN) == "k2"
        second = await ops.onboard(hire(3), ["github"])
        book = ops._system.ledger.grants
        assert [(await book.load(r.run.id)).key_id for r in (first, second)] == ["k1", "k2"]
        assert (await ops.wait((await ops.apply(plan)).id)).run.status is RunStatus.DONE
        await retire_key(settings.data_dir, "k1", ADMIN)
        with pytest.raises(GrantInvalid, match="unknown key 'k1'"):
            await book.load(first.run.id)
        late = Plan.from_text(plan.to_text())
        with pytest.raises(PlanInvalid, match="unknown key"):
            book.verify_plan(late)
        pack = await ops.audit.pack(await ops.audit.select(run=first.run.id))
        assert json.loads(pack.files["grants.jsonl"])["seal_is"] == "valid, under a retired key"
        kinds = [(row.kind, row.detail) async for row in ops.audit.rows() if row.kind.startswith("key_")]
    assert kinds == [("key_rotated", "key=k2"), ("key_retired", "key=k1")]
    assert (await verified(settings.data_dir)).whole


def processes(data_dir: Path) -> list[subprocess.Popen[bytes]]:
    return [subprocess.Popen([sys.executable, "-c", SEALS_ALL_THE_TIME, str(data_dir), "400"], cwd=ROOT) for _ in range(2)]


def test_a_rotation_while_the_keys_are_first_read_is_seen_at_the_next_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ensure_keys(tmp_path)
    read = keys.read_keys

    def read_just_before(data_dir: Path) -> keys.InstallationKeys:
        found = read(data_dir)
        fields = json.loads((data_dir / keys.FILE).read_text(encoding="utf-8"))
        fields["sealing"]["k2"], fields["current"] = fields["sealing"]["k1"], "k2"
        keys.written_aside(data_dir / keys.FILE, fields).replace(data_dir / keys.FILE)
        return found

    with monkeypatch.context() as rotating:
        rotating.setattr(keys, "read_keys", read_just_before)
        ring = keys.Keyring(tmp_path)
    assert ring.sealing().current == "k2"


async def test_processes_go_on_while_keys_are_rotated_and_retired(tmp_path: Path) -> None:
    await write_chain(tmp_path, 1)
    working = processes(tmp_path)
    rotations = 0
    while any(process.poll() is None for process in working):
        await rotate_keys(tmp_path, ADMIN, audit=rotations % 2 == 1)
        rotations += 1
    assert [process.returncode for process in working] == [0, 0]
    found = await verified(tmp_path)
    assert found.findings == ()
    known, db = read_keys(tmp_path), sqlite3.connect(tmp_path / "operations.db")
    used = {key for (key,) in db.execute("SELECT json_extract(body, '$.key_id') FROM grants")}
    chained = {key for (key,) in db.execute("SELECT key_id FROM audit")}
    db.close()
    assert used <= set(known.sealing.keys) and len(used) > 1
    assert chained <= set(known.audit.keys) and len(chained) > 1
    assert rotations > 2


async def test_a_key_that_a_live_run_needs_is_not_retired(settings: Settings, fakes: FakeServices) -> None:
    async with AgentOps(settings, adapters=fakes.adapters(), caller=ADMIN) as ops:
        await ops.pause()
        run = await ops.submit(hire(1), ["github"])
        await rotate_keys(settings.data_dir, ADMIN)
        with pytest.raises(InvalidRequest, match=f"1 runs still need it, such as {run.id}"):
            await retire_key(settings.data_dir, "k1", ADMIN)
        assert "k1" in read_keys(settings.data_dir).sealing.keys
        await ops.resume()
        assert (await ops.wait(run.id)).run.status is RunStatus.DONE
        await retire_key(settings.data_dir, "k1", ADMIN)


@pytest.mark.parametrize(("key", "error"), [("k1", InvalidRequest), ("a1", InvalidRequest), ("k9", NotFound)])
async def test_what_cannot_be_retired_stays(tmp_path: Path, key: str, error: type[Exception]) -> None:
    await write_chain(tmp_path, 1)
    before = (tmp_path / "keys.json").read_bytes()
    with pytest.raises(error):
        await retire_key(tmp_path, key, ADMIN)
    assert (tmp_path / "keys.json").read_bytes() == before


async def test_only_administrators_rotate(tmp_path: Path) -> None:
    await write_chain(tmp_path, 1)
    with pytest.raises(NotPermitted, match="'admin'"):
        await rotate_keys(tmp_path, Caller("library"))
    with pytest.raises(NotFound, match="no database"):
        await rotate_keys(tmp_path / "nowhere", ADMIN)
    assert not (tmp_path / "nowhere").exists()


async def test_the_key_file_stays_private_and_the_ids_of_employees_stay(tmp_path: Path) -> None:
    await write_chain(tmp_path, 1)
    before = read_keys(tmp_path)
    await asyncio.gather(*(rotate_keys(tmp_path, ADMIN, audit=audit) for audit in (True, False, True)))
    after = read_keys(tmp_path)
    assert (tmp_path / "keys.json").stat().st_mode & 0o777 == 0o600
    assert before.identity == after.identity
    assert {**after.sealing.keys, **before.sealing.keys} == after.sealing.keys
    assert list(after.audit.keys) == ["a1", "a2", "a3"] and after.audit.current == "a3"
    assert sorted(path.name for path in tmp_path.glob("keys*")) == ["keys.json"]
