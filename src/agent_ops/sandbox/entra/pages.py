"""One page of a list: who is visible, who matches, in which order, and where the next page begins."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from agent_ops.sandbox.entra.directory import Shelf
from agent_ops.sandbox.entra.entry import Entry
from agent_ops.sandbox.entra.odata_query import Options


@dataclass(frozen=True)
class Page:
    """``next_token`` is empty on the last page; ``total`` is counted only when it was asked for."""

    entries: list[Entry]
    next_token: str
    total: int | None


def page_of_shelf(shelf: Shelf, options: Options, visible: Callable[[Entry], bool]) -> Page:
    """A page of everything on a shelf, through an index or along the ids when the query allows it."""
    pairs = options.filter.equalities() if options.filter else None
    ids = shelf.index.any_of(pairs) if pairs else None
    if ids is not None:
        return page_of(sorted((shelf.entries[key] for key in ids), key=_id), options, visible)
    if options.order_by or options.count:
        return page_of((shelf.entries[key] for key in shelf.ids_after("")), options, visible)
    last = options.after[1] if options.after else ""
    return _cut(_wanted((shelf.entries[key] for key in shelf.ids_after(last)), options, visible), options, None)


def page_of(entries: Iterable[Entry], options: Options, visible: Callable[[Entry], bool]) -> Page:
    """A page of some entries, given in any order."""
    matched = sorted(_wanted(entries, options, visible), key=options.sort_key)
    total = len(matched) if options.count else None
    if options.after:
        matched = _after(matched, options, options.after)
    elif options.descending:
        matched.reverse()
    return _cut(matched, options, total)


def _after(ascending: list[Entry], options: Options, after: tuple[str, str]) -> list[Entry]:
    if not options.descending:
        return ascending[bisect.bisect_right(ascending, after, key=options.sort_key) :]
    return ascending[: bisect.bisect_left(ascending, after, key=options.sort_key)][::-1]


def _wanted(entries: Iterable[Entry], options: Options, visible: Callable[[Entry], bool]) -> Iterator[Entry]:
    return (entry for entry in entries if visible(entry) and options.wants(entry))


def _cut(matched: Iterable[Entry], options: Options, total: int | None) -> Page:
    entries = list(islice(matched, options.top + 1))
    more = len(entries) > options.top
    page = entries[: options.top]
    return Page(page, options.token(page[-1]) if more else "", total)


def _id(entry: Entry) -> str:
    return entry.id
