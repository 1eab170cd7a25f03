"""Whoever holds the database file, but no key, can change nothing of the audit unnoticed."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.integration.audit_bench import EMPLOYEE, RUN, Attacker, verified_now, write_chain

LENGTH = 12
COLUMNS = ("id", "at", "kind", "run_id", "subject", "action", "item", "detail", "key_id", "mac")
CHANGED = st.one_of(
    st.text(max_size=40), st.binary(max_size=8), st.integers(-5, 5), st.sampled_from(["", "a1", "a2", EMPLOYEE, RUN, "restored"])
)
ids = st.integers(1, LENGTH)
Rows = list[tuple[Any, ...]]
Tampering = Callable[[sqlite3.Connection], None]


@pytest.fixture(scope="module")
def chain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("chain") / "data"
    asyncio.run(write_chain(path, LENGTH))
    return path


@pytest.fixture
def copied(chain: Path, tmp_path: Path) -> Iterator[Callable[[], Path]]:
    """A fresh copy of the chain's directory for each example."""
    count = iter(range(10_000))
    yield lambda: Path(shutil.copytree(chain, tmp_path / str(next(count))))


def contents(db: sqlite3.Connection) -> Rows:
    return db.execute(f"SELECT {', '.join(COLUMNS)} FROM audit ORDER BY id").fetchall()


def of(db: sqlite3.Connection, row_id: int) -> tuple[Any, ...]:
    return tuple(db.execute(f"SELECT {', '.join(COLUMNS)} FROM audit WHERE id = ?", (row_id,)).fetchone())


def put(db: sqlite3.Connection, values: tuple[Any, ...]) -> None:
    db.execute(f"INSERT OR REPLACE INTO audit ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})", values)


@st.composite
def edit(draw: st.DrawFn) -> Tampering:
    row_id, column = draw(ids), draw(st.sampled_from(COLUMNS))
    value = draw(st.integers(-5, LENGTH + 5) if column == "id" else CHANGED)  # SQLite lets an id be nothing but a number

    def work(db: sqlite3.Connection) -> None:
        db.execute(f"UPDATE OR REPLACE audit SET {column} = ? WHERE id = ?", (value, row_id))

    return work


@st.composite
def a_digit(draw: st.DrawFn) -> Tampering:
    """The smallest change there is: one character of one column."""
    row_id, column, place = draw(ids), draw(st.sampled_from(COLUMNS[1:])), draw(st.integers(0, 63))

    def work(db: sqlite3.Connection) -> None:
        text = str(of(db, row_id)[COLUMNS.index(column)])
        at = place % max(1, len(text))
        db.execute(f"UPDATE audit SET {column} = ? WHERE id = ?", (f"{text[:at]}0{text[at + 1 :]}", row_id))

    return work


@st.composite
def removal(draw: st.DrawFn) -> Tampering:
    gone, renumbered = draw(st.sets(ids, min_size=1)), draw(st.booleans())

    def work(db: sqlite3.Connection) -> None:
        left = [row for row in contents(db) if row[0] not in gone]
        db.execute("DELETE FROM audit")
        for number, row in enumerate(left, 1):
            put(db, (number, *row[1:]) if renumbered else row)

    return work


@st.composite
def cut(draw: st.DrawFn) -> Tampering:
    last = draw(st.integers(0, LENGTH - 1))
    return lambda db: db.execute("DELETE FROM audit WHERE id > ?", (last,)) and None


@st.composite
def swap(draw: st.DrawFn) -> Tampering:
    first, second, with_macs = draw(ids), draw(ids), draw(st.booleans())

    def work(db: sqlite3.Connection) -> None:
        one, other = of(db, first), of(db, second)
        put(db, (first, *other[1:-1], other[-1] if with_macs else one[-1]))
        put(db, (second, *one[1:-1], one[-1] if with_macs else other[-1]))

    return work


@st.composite
def forged(draw: st.DrawFn) -> Tampering:
    row_id = draw(st.integers(-3, LENGTH + 3))
    like, mac = draw(ids), draw(st.one_of(st.none(), st.text("0123456789abcdef", min_size=64, max_size=64)))

    def work(db: sqlite3.Connection) -> None:
        row = of(db, like)
        moved = [(r[0] + 1, *r[1:]) for r in contents(db) if r[0] >= row_id]
        db.execute("DELETE FROM audit WHERE id >= ?", (row_id,))
        put(db, (row_id, *row[1:-1], mac or row[-1]))
        for each in moved:
            put(db, each)

    return work


@hypothesis_settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(edit(), a_digit(), removal(), cut(), swap(), forged()), min_size=1, max_size=1))
def test_no_tampering_goes_unnoticed(copied: Callable[[], Path], tamperings: list[Tampering]) -> None:
    data_dir = copied()
    with Attacker(data_dir) as db:
        before = contents(db)
        for tampering in tamperings:
            tampering(db)
        after = contents(db)
    found = verified_now(data_dir)
    assert found.whole == (before == after and list(map(repr, before)) == list(map(repr, after))), (found, before, after)
    shutil.rmtree(data_dir)


def test_what_nobody_touched_is_whole(copied: Callable[[], Path]) -> None:
    found = verified_now(copied())
    assert (found.whole, found.rows, found.findings, found.notes) == (True, LENGTH, (), ())
    assert found.head is not None and found.head.id == LENGTH


@pytest.mark.parametrize(
    ("sql", "kind", "row", "words"),
    [
        ("UPDATE audit SET item = 'aws' WHERE id = 5", "altered", 5, "row 5 was altered"),
        ("UPDATE audit SET item = CAST(item AS BLOB) WHERE id = 5", "altered", 5, "row 5 was altered"),
        ("DELETE FROM audit WHERE id = 5", "removed", 5, "row 5 is removed"),
        ("DELETE FROM audit WHERE id IN (5, 6)", "removed", 5, "rows 5 to 6 are removed"),
        ("DELETE FROM audit WHERE id > 9", "truncated", 10, "rows 10 to 12 are missing at the end"),
        ("UPDATE audit SET id = CASE id WHEN 5 THEN -8 ELSE -5 END WHERE id IN (5, 8)", "reordered", 5, "written as row 8"),
        ("INSERT INTO audit SELECT 13, at, kind, run_id, subject, action, item, detail, mac, key_id FROM audit WHERE id = 12",
         "altered", 13, "row 13"),
    ],
)  # fmt: skip
def test_a_finding_says_what_and_where(copied: Callable[[], Path], sql: str, kind: str, row: int, words: str) -> None:
    data_dir = copied()
    with Attacker(data_dir) as db:
        db.execute(sql)
        db.execute("UPDATE audit SET id = -id WHERE id < 0")
    first = verified_now(data_dir).findings[0]
    assert (first.kind, first.row) == (kind, row)
    assert words in first.words


def test_a_missing_trigger_and_a_counter_that_is_ahead_are_told(copied: Callable[[], Path]) -> None:
    data_dir = copied()
    with contextlib.closing(sqlite3.connect(data_dir / "operations.db")) as db, db:
        db.execute("DROP TRIGGER audit_never_goes")
        db.execute("DELETE FROM audit WHERE id > 10")
    db.close()
    told = "\n".join(finding.words for finding in verified_now(data_dir).findings)
    assert "audit_never_goes is gone" in told
    assert "counted to row 12, its last one is 10" in told
