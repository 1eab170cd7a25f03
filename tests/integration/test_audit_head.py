"""The head outside the database: true through crashes, several writers, restores and older databases."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from agent_ops import Caller
from agent_ops.domain.audit import AuditKeys, Head
from agent_ops.runtime.backup import back_up, restore
from agent_ops.runtime.data_dir import open_store
from agent_ops.runtime.key_rotation import rotate_keys
from agent_ops.storage.head import HEAD_FILE, HeadFile
from tests.integration.audit_bench import Attacker, append, verified, write_chain

ADMIN = Caller("Ada Admin <ada@acme.example>", frozenset({"admin", "onboard"}))
ROOT = Path(__file__).resolve().parents[2]
LEGACY = Path(__file__).with_name("before_the_head.sql")
LEGACY_KEYS = {
    "identity": "7ad6d48bcd785ae582a09685ef3101c03f240de53d29966b2bd9428641762781",
    "audit": "ce43f96f172f0a6f280097ba156cc4308c9d4b415eaeaa99e50451a1158356b2",
    "current": "k1",
    "sealing": {"k1": "a847f3d88561bb09555e0ab91cadb570c670f13f11e9a7090bfa2a4d7161ed0f"},
}
WRITER = """
import asyncio, sys
from pathlib import Path
from tests.integration.audit_bench import write_chain
asyncio.run(write_chain(Path(sys.argv[1]), int(sys.argv[2])))
"""
DIES_BEFORE_THE_HEAD = """
import os, signal, sys
from agent_ops.storage.head import HeadFile
whole, calls = HeadFile.advance, iter(range(1000))
def advance(self, keys, last, chain, **more):
    if last.id == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    return whole(self, keys, last, chain, **more)
HeadFile.advance = advance
"""


def run(code: str, *arguments: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], cwd=ROOT)


async def test_who_was_stopped_while_writing_the_head_stops_nobody_else(tmp_path: Path) -> None:
    await write_chain(tmp_path, 2)
    stopped = os.open(tmp_path / HEAD_FILE, os.O_RDWR)
    fcntl.flock(stopped, fcntl.LOCK_EX)
    await asyncio.wait_for(write_chain(tmp_path, 2), 60)
    os.close(stopped)
    await write_chain(tmp_path, 1)
    found = await verified(tmp_path)
    assert (found.whole, found.rows, found.head and found.head.id, found.notes) == (True, 5, 5, ())


async def test_several_processes_write_one_chain_and_one_head(tmp_path: Path) -> None:
    await write_chain(tmp_path, 1)
    writers = [run(WRITER, tmp_path, 60) for _ in range(3)]
    for number in range(5):  # who looks meanwhile finds a whole chain, too
        assert (await verified(tmp_path)).whole, number
    assert [await asyncio.to_thread(writer.wait) for writer in writers] == [0, 0, 0]
    found = await verified(tmp_path)
    assert (found.findings, found.notes, found.rows) == ((), (), 181)
    assert found.head is not None and found.head.id == 181


class _Slow:
    """A chain that takes its time to say that a head is one of its rows."""

    def __init__(self) -> None:
        self.asked, self.answer = threading.Event(), threading.Event()

    def has(self, _: Head) -> bool:
        self.asked.set()
        return self.answer.wait(10)


async def test_two_writers_of_the_head_take_turns(tmp_path: Path) -> None:
    keys, slow, quick = AuditKeys.of(b"key"), _Slow(), _Slow()
    HeadFile(tmp_path / HEAD_FILE).begin(keys, Head(1, "1" * 64))
    quick.answer.set()
    older = asyncio.create_task(asyncio.to_thread(HeadFile(tmp_path / HEAD_FILE).advance, keys, Head(2, "2" * 64), slow))
    await asyncio.to_thread(slow.asked.wait, 10)
    newer = asyncio.create_task(asyncio.to_thread(HeadFile(tmp_path / HEAD_FILE).advance, keys, Head(3, "3" * 64), quick))
    await asyncio.to_thread(quick.asked.wait, 0.3)  # without a lock it would be asked, and written over afterwards
    slow.answer.set()
    assert await asyncio.gather(older, newer) == [None, None]
    head = HeadFile(tmp_path / HEAD_FILE).read(keys)
    assert head is not None and (head.id, head.turn) == (3, 3)


async def test_a_process_that_dies_between_commit_and_head_leaves_a_true_head(tmp_path: Path) -> None:
    killed = run(DIES_BEFORE_THE_HEAD + WRITER, tmp_path, 10)
    assert await asyncio.to_thread(killed.wait) == -signal.SIGKILL
    found = await verified(tmp_path)
    assert (found.whole, found.rows, found.head and found.head.id) == (True, 4, 3)
    assert found.notes == ("the head is 1 rows behind the chain; the next start catches up",)
    await write_chain(tmp_path, 0)
    after = await verified(tmp_path)
    assert (after.notes, after.head and after.head.id) == ((), 4)


async def test_an_older_copy_of_the_database_is_found_and_never_covered_up(tmp_path: Path) -> None:
    await write_chain(tmp_path, 5)
    old = (tmp_path / "operations.db").read_bytes()
    await write_chain(tmp_path, 3)
    (tmp_path / "operations.db").write_bytes(old)
    assert [f.kind for f in (await verified(tmp_path)).findings] == ["truncated"]
    await write_chain(tmp_path, 6)  # longer than before: the head must stay where it is
    found = await verified(tmp_path)
    assert [(f.kind, f.row) for f in found.findings] == [("replaced", 8)]


async def test_rows_cut_off_before_new_ones_come_are_found(tmp_path: Path) -> None:
    await write_chain(tmp_path, 8)
    with Attacker(tmp_path) as db:
        db.execute("DELETE FROM audit WHERE id > 5")
    await write_chain(tmp_path, 9)
    assert [(f.kind, f.row) for f in (await verified(tmp_path)).findings] == [("replaced", 8)]


@pytest.mark.parametrize("damage", ["removed", "emptied", "forged", "nonsense", "of another installation"])
async def test_a_head_that_is_none_is_told(tmp_path: Path, damage: str) -> None:
    await write_chain(tmp_path / "a", 3)
    head = tmp_path / "a" / HEAD_FILE
    if damage == "removed":
        head.unlink()
    elif damage == "emptied":
        head.write_bytes(b"")
    elif damage == "forged":
        head.write_text(head.read_text().replace('"id":3', '"id":2').replace('"id":2', '"id":1'))
    elif damage == "nonsense":
        head.write_bytes(b'{"id":1e999,"mac":"","turn":9,"key":"a1","seal":""}'.ljust(255) + b"\n[]" + b"\xff" * 200)
    else:
        await write_chain(tmp_path / "b", 2)
        head.write_bytes((tmp_path / "b" / HEAD_FILE).read_bytes())
    await write_chain(tmp_path / "a", 1)  # and does not come back by itself
    assert [f.kind for f in (await verified(tmp_path / "a")).findings] == ["no_head"]
    await restore(tmp_path / "a", None, ADMIN)
    assert (await verified(tmp_path / "a")).findings == ()


async def test_an_interrupted_write_of_the_head_leaves_the_one_before(tmp_path: Path) -> None:
    await write_chain(tmp_path, 4)
    path = tmp_path / HEAD_FILE
    content = path.read_bytes()
    newest = 256 * (1 if b'"id":4' in content[256:] else 0)
    path.write_bytes(content[:newest] + content[newest : newest + 90].ljust(256, b"\0") + content[newest + 256 :])
    found = await verified(tmp_path)
    assert (found.whole, found.head and found.head.id) == (True, 3)


async def test_a_head_that_cannot_be_written_fails_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    await write_chain(tmp_path, 2)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", full)
        await write_chain(tmp_path, 2)
    found = await verified(tmp_path)
    assert (found.whole, found.rows, found.head and found.head.id) == (True, 4, 2)


async def test_a_restore_signs_which_head_it_replaces(tmp_path: Path) -> None:
    data, backup = tmp_path / "data", tmp_path / "backup"
    await write_chain(data, 4)
    await back_up(data, backup)
    assert (await verified(backup)).findings == ()
    await write_chain(data, 5)
    replaced = (data / HEAD_FILE).read_bytes()
    await restore(data, backup, ADMIN)
    found = await verified(data)
    assert (found.findings, found.rows, found.head and found.head.id) == ((), 5, 5)
    assert len(found.notes) == 1 and "put back to an older state" in found.notes[0] and "rows 9" in found.notes[0]
    (aside,) = data.glob("before-restore-*")
    (aside / "keys.json").write_bytes((data / "keys.json").read_bytes())
    assert ((await verified(aside)).findings, (await verified(aside)).rows) == ((), 9)
    (data / HEAD_FILE).write_bytes(replaced)  # as if the machine had failed before the new head was written
    crashed = await verified(data)
    assert crashed.whole and "a restore replaced" in crashed.notes[-1]
    await write_chain(data, 1)
    after = await verified(data)
    assert (after.findings, after.head and after.head.id) == ((), 6)


async def test_a_restore_that_nobody_signed_does_not_excuse_a_head(tmp_path: Path) -> None:
    await write_chain(tmp_path, 8)
    keys = (await _keys(tmp_path)).audit()
    head = HeadFile(tmp_path / HEAD_FILE).read(keys)
    assert head is not None
    with Attacker(tmp_path) as db:
        db.execute("DELETE FROM audit WHERE id > 5")
        db.execute(
            "INSERT INTO audit SELECT 6, at, 'restored', '', subject, '', '', ?, mac, key_id FROM audit WHERE id = 5",
            (f"backup_of={head.id} head={head.code}",),
        )
    await write_chain(tmp_path, 1)
    kinds = {f.kind for f in (await verified(tmp_path)).findings}
    assert kinds == {"altered", "truncated"}


async def test_a_database_of_before_there_was_a_head_goes_on(tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "operations.db")) as db, db:
        db.executescript(LEGACY.read_text(encoding="utf-8"))
    db.close()
    (tmp_path / "keys.json").write_text(json.dumps(LEGACY_KEYS), encoding="utf-8")
    found = await verified(tmp_path)  # not migrated: nothing was written yet
    assert (found.findings, found.rows, found.head) == ((), 15, None)
    await write_chain(tmp_path, 3)
    after = await verified(tmp_path)
    assert (after.findings, after.rows, after.head and after.head.id) == ((), 18, 18)
    await rotate_keys(tmp_path, ADMIN, audit=True)
    await write_chain(tmp_path, 1)
    assert ((await verified(tmp_path)).findings, (await verified(tmp_path)).rows) == ((), 20)
    for sql in ("UPDATE audit SET detail = 'failed' WHERE id = 13", "UPDATE audit SET key_id = '' WHERE id = 17"):
        with Attacker(tmp_path) as attacked:
            attacked.execute(sql)
    assert {f.row for f in (await verified(tmp_path)).findings} >= {13, 17}


async def test_an_old_audit_key_makes_no_row_after_a_newer_one(tmp_path: Path) -> None:
    """Who has seen a key before it was rotated can neither change the rows of before nor add some."""
    await write_chain(tmp_path, 3)
    seen = (await _keys(tmp_path)).audit()
    await rotate_keys(tmp_path, ADMIN, audit=True)
    async with open_store(tmp_path) as (store, keys):

        def add_under_the_old_key(tx: object) -> None:
            tx.audit.keys = seen  # type: ignore[attr-defined]
            append(tx, 9)  # type: ignore[arg-type]

        await store.transaction(add_under_the_old_key)
        assert keys.audit().current == "a2"
    assert [(f.kind, f.row) for f in (await verified(tmp_path)).findings] == [("forged", 5)]


async def _keys(data_dir: Path):  # type: ignore[no-untyped-def]
    async with open_store(data_dir) as (_, keys):
        return keys
