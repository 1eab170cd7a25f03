"""Separation of duties: access items of which one person may have only one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agent_ops.domain.errors import PolicyError


@dataclass(frozen=True)
class Separation:
    """Items that exclude each other, two or more, and why."""

    items: frozenset[str]
    reason: str = ""


@dataclass(frozen=True)
class Collision:
    """Two items that one person would hold against a rule."""

    one: str
    other: str
    reason: str = ""

    @property
    def words(self) -> str:
        return f"{self.one} and {self.other} may not be held by one person" + (f": {self.reason}" if self.reason else "")


def collision(rules: Iterable[Separation], wanted: Collection[str], held: Collection[str] = ()) -> Collision | None:
    """The first two items, one of them wanted and both in one rule, that somebody would hold; None when there are none.

    What is held already against a rule, and not wanted, is nobody's fault now.
    """
    for rule in rules:
        asked, both = sorted(rule.items & set(wanted)), sorted(rule.items & {*wanted, *held})
        if asked and len(both) > 1:
            return Collision(asked[0], next(item for item in both if item != asked[0]), rule.reason)
    return None


def separations_from(tables: Any, catalogue: Collection[str]) -> tuple[Separation, ...]:
    """The policy's tables ``[[separation]]``.

    Raises:
        PolicyError: naming the table that is wrong, counted from 1.
    """
    if not isinstance(tables, Sequence) or isinstance(tables, str):
        raise PolicyError("separation must be written as tables: [[separation]]")
    return tuple(_separation(f"[[separation]] {number}", table, catalogue) for number, table in enumerate(tables, 1))


def _separation(where: str, table: Any, catalogue: Collection[str]) -> Separation:
    if not isinstance(table, Mapping) or set(table) - {"items", "reason"}:
        raise PolicyError(f"{where} must be a table of items and reason")
    items, reason = table.get("items"), table.get("reason", "")
    if not isinstance(items, list) or len(set(map(str, items))) < 2 or not isinstance(reason, str):
        raise PolicyError(f"{where} needs items, two or more of the catalogue, and may have a reason")
    if unknown := sorted(set(map(str, items)) - set(catalogue)):
        raise PolicyError(f"{where} names items that are not in the catalogue: {', '.join(unknown)}")
    return Separation(frozenset(items), " ".join(reason.split())[:200])
