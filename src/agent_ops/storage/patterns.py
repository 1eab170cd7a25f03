"""SQL about patterns: distinct profiles, how many people ended up with each, and how many of them hold each item.

Everybody counts once, as a contribution of their own: so that learning twice changes nothing, and forgetting takes away exactly
what a person brought. Contributions are added up for each requester of a pattern, so that to follow a change nobody's own row is
read. What nobody contributes to any more is gone; only its number stays, for caches to follow.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

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
        self._count(row["id"], requester, held, 1)
        self._db.execute("INSERT INTO contributions VALUES (?, ?, ?, ?, ?)", (contributor, row["id"], held, day, requester))
        return True

    def forget(self, contributor: str) -> bool:
        """Take away what a person counted for, for good; False when that was nothing."""
        if not self._take_away(contributor):
            return False
        self._db.execute("UPDATE pattern_version SET last_left = version")
        return True

    def _take_away(self, contributor: str) -> bool:
        row = one(self._db, "SELECT pattern_id, items, requester FROM contributions WHERE contributor = ?", contributor)
        if row is None:
            return False
        pattern, version = row["pattern_id"], self._next_version()
        self._db.execute("DELETE FROM contributions WHERE contributor = ?", (contributor,))
        self._count(pattern, row["requester"], row["items"], -1)
        last = one(self._db, "SELECT max(day) AS day FROM contributions WHERE pattern_id = ?", pattern)
        if last and last["day"]:
            sql = "UPDATE patterns SET people = people - 1, last_seen = ?, changed = ? WHERE id = ?"
            self._db.execute(sql, (last["day"], version, pattern))
        else:
            self._db.execute("DELETE FROM patterns WHERE id = ?", (pattern,))
            self._db.execute("INSERT INTO patterns_gone VALUES (?, ?)", (pattern, version))
        return True

    def _count(self, pattern: int, requester: str, items: str, by: int) -> None:
        """Let one person more (1), or less (-1), count among those whom a requester brought."""
        here = (pattern, requester)
        row = one(self._db, "SELECT people, items FROM pattern_sources WHERE pattern_id = ? AND requester = ?", *here)
        people, holders = (row["people"], Counter[str](json.loads(row["items"]))) if row else (0, Counter[str]())
        holders.update(dict.fromkeys(json.loads(items), by))
        if people + by:
            left = {item: many for item, many in holders.items() if many}
            self._db.execute("INSERT OR REPLACE INTO pattern_sources VALUES (?, ?, ?, ?)", (*here, people + by, dump(left)))
        else:
            self._db.execute("DELETE FROM pattern_sources WHERE pattern_id = ? AND requester = ?", here)

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
        sources = self._sources(since, upto)
        changed = tuple(_pattern(row, sources[row["id"]]) for row in found)
        gone = rows(self._db, "SELECT id FROM patterns_gone WHERE changed > ? AND changed <= ?", since, upto)
        return PatternChanges(upto, changed, tuple(row["id"] for row in gone), more, left)

    def _sources(self, since: int, upto: int) -> Mapping[int, Sequence[Source]]:
        """Who brought what to the patterns that changed."""
        sql = (
            "SELECT pattern_id, requester, people, items FROM pattern_sources"
            " WHERE pattern_id IN (SELECT id FROM patterns WHERE changed > ? AND changed <= ?) ORDER BY pattern_id, requester"
        )
        found = self._db.execute(sql, (since, upto)).fetchall()
        sources = defaultdict[int, list[Source]](list)
        for (pattern, requester, people, _), held in zip(
            found, json.loads(f"[{','.join(row[3] for row in found)}]"), strict=True
        ):
            sources[pattern].append(Source(requester, people, held))
        return sources

    def _versions(self) -> tuple[int, int]:
        """Of the patterns, and that at which somebody was last taken away."""
        version, left = self._db.execute("SELECT version, last_left FROM pattern_version").fetchone()
        return int(version), int(left)

    def _next_version(self) -> int:
        self._db.execute("UPDATE pattern_version SET version = version + 1")
        return self.version()


def _pattern(row: Mapping[str, Any], sources: Sequence[Source]) -> Pattern:
    """A pattern: the sum of its sources; what was imported is no requester's."""
    items = defaultdict[str, int](int)
    for source in sources:
        for item, many in source.items.items():  # a Counter's update takes twice as long
            items[item] += many
    named = tuple(source for source in sources if source.requester)
    return Pattern(row["id"], json.loads(row["profile"]), row["people"], dict(sorted(items.items())), row["last_seen"], named)
