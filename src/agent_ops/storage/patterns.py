"""SQL about patterns: distinct profiles, how many people ended up with each, and how many of them hold each item.

Everybody counts once, as a contribution of their own: so that learning twice changes nothing, and forgetting takes away exactly
what a person brought. What nobody contributes to any more is gone; only its number stays, for caches to follow.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlite_utils import Database

from agent_ops.domain.pattern import Pattern, PatternChanges, Source
from agent_ops.storage.rows import dump, one, rows, stamp

_SHUT = "SELECT 1 FROM employees WHERE id = ? AND status = 'erased'"


class Patterns:
    """Long-term memory's rows; every method runs inside the caller's transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def version(self) -> int:
        """Rises with every change of a pattern."""
        return self._versions()[0]

    def contribute(
        self,
        contributor: str,
        profile: Mapping[str, str],
        items: Iterable[str],
        at: datetime | None = None,
        requester: str = "",
    ) -> bool:
        """Let one person count, in place of what they counted for before. False when that changes nothing, or they were erased.

        Args:
            contributor: the employee's id, or that of a row of an imported history.
            profile: attributes that name nobody.
            items: what the person holds.
            at: when that was so; now, unless given.
            requester: a keyed hash of who asked for them; empty for an imported history.
        """
        if one(self._db, _SHUT, contributor):
            return False
        held, text = dump(sorted(set(items))), dump(dict(sorted(profile.items())))
        before = one(
            self._db,
            "SELECT profile, items, requester FROM contributions JOIN patterns ON id = pattern_id WHERE contributor = ?",
            contributor,
        )
        if before and (before["profile"], before["items"], before["requester"]) == (text, held, requester):
            return False
        self._take_away(contributor)
        version, day = self._next_version(), stamp(at)[:10]
        self._db.execute(
            "INSERT INTO patterns (profile, people, last_seen, changed) VALUES (?1, 1, ?2, ?3) ON CONFLICT (profile) DO UPDATE"
            " SET people = people + 1, last_seen = max(last_seen, ?2), changed = ?3",
            (text, day, version),
        )
        row = one(self._db, "SELECT id FROM patterns WHERE profile = ?", text)
        assert row is not None  # noqa: S101 - it was just written
        self._db.conn.executemany(
            "INSERT INTO pattern_items VALUES (?, ?, 1) ON CONFLICT DO UPDATE SET holders = holders + 1",
            [(row["id"], item) for item in json.loads(held)],
        )
        self._db.execute("INSERT INTO contributions VALUES (?, ?, ?, ?, ?)", (contributor, row["id"], held, day, requester))
        return True

    def forget(self, contributor: str) -> bool:
        """Take away what a person counted for, for good; False when that was nothing."""
        if not self._take_away(contributor):
            return False
        self._db.execute("UPDATE pattern_version SET last_left = version")
        return True

    def _take_away(self, contributor: str) -> bool:
        row = one(self._db, "SELECT pattern_id, items FROM contributions WHERE contributor = ?", contributor)
        if row is None:
            return False
        pattern, version = row["pattern_id"], self._next_version()
        self._db.execute("DELETE FROM contributions WHERE contributor = ?", (contributor,))
        self._db.conn.executemany(
            "UPDATE pattern_items SET holders = holders - 1 WHERE pattern_id = ? AND item = ?",
            [(pattern, item) for item in json.loads(row["items"])],
        )
        self._db.execute("DELETE FROM pattern_items WHERE pattern_id = ? AND holders < 1", (pattern,))
        last = one(self._db, "SELECT max(day) AS day FROM contributions WHERE pattern_id = ?", pattern)
        if last and last["day"]:
            sql = "UPDATE patterns SET people = people - 1, last_seen = ?, changed = ? WHERE id = ?"
            self._db.execute(sql, (last["day"], version, pattern))
        else:
            self._db.execute("DELETE FROM patterns WHERE id = ?", (pattern,))
            self._db.execute("INSERT INTO patterns_gone VALUES (?, ?)", (pattern, version))
        return True

    def contribution(self, contributor: str) -> frozenset[str] | None:
        """The items with which somebody counts; None when they do not."""
        row = one(self._db, "SELECT items FROM contributions WHERE contributor = ?", contributor)
        return frozenset(json.loads(row["items"])) if row else None

    def changes(self, since: int, most: int = -1) -> PatternChanges:
        """What changed after a version; everything after 0. At most so many patterns, those that changed first, unless -1."""
        version, left = self._versions()
        if version == since:
            return PatternChanges(version, left=left)
        sql = "SELECT id, profile, people, last_seen, changed FROM patterns WHERE changed > ? ORDER BY changed, id LIMIT ?"
        found = rows(self._db, sql, since, most)
        more = len(found) == most
        upto = found[-1]["changed"] if more else version
        counted: dict[int, dict[str, int]] = {}
        sql = (
            "SELECT pattern_id, item, holders FROM pattern_items"
            " WHERE pattern_id IN (SELECT id FROM patterns WHERE changed > ? AND changed <= ?)"
        )
        for pattern, item, holders in self._db.execute(sql, (since, upto)):
            counted.setdefault(pattern, {})[item] = holders
        brought = self._brought(since, upto)
        changed = tuple(
            Pattern(
                r["id"], json.loads(r["profile"]), r["people"], counted.get(r["id"], {}), r["last_seen"], brought.get(r["id"], ())
            )
            for r in found
        )
        gone = rows(self._db, "SELECT id FROM patterns_gone WHERE changed > ? AND changed <= ?", since, upto)
        return PatternChanges(upto, changed, tuple(row["id"] for row in gone), more, left)

    def _brought(self, since: int, upto: int) -> dict[int, tuple[Source, ...]]:
        """What each requester brought to the patterns that changed; imported histories left out."""
        sql = (
            "SELECT pattern_id, requester, items FROM contributions"
            " WHERE pattern_id IN (SELECT id FROM patterns WHERE changed > ? AND changed <= ?) AND requester <> ''"
        )
        people, holders = Counter[tuple[int, str]](), defaultdict[tuple[int, str], dict[str, int]](dict)
        found = self._db.execute(sql, (since, upto)).fetchall()
        for (pattern, requester, _), held in zip(found, json.loads(f"[{','.join(row[2] for row in found)}]"), strict=True):
            key = pattern, requester
            people[key] += 1
            counts = holders[key]
            for item in held:
                counts[item] = counts.get(item, 0) + 1
        sources = defaultdict[int, list[Source]](list)
        for (pattern, requester), many in sorted(people.items()):
            sources[pattern].append(Source(requester, many, holders[pattern, requester]))
        return {pattern: tuple(one) for pattern, one in sources.items()}

    def _versions(self) -> tuple[int, int]:
        """Of the patterns, and that at which somebody was last taken away."""
        version, left = self._db.execute("SELECT version, last_left FROM pattern_version").fetchone()
        return int(version), int(left)

    def _next_version(self) -> int:
        self._db.execute("UPDATE pattern_version SET version = version + 1")
        return self.version()
