"""CQL over a site's pages: https://developer.atlassian.com/cloud/confluence/cql-fields.

Understood: type, space, title, text, siteSearch, id, label, creator, contributor, parent, created, lastmodified; currentUser(),
now("-4w"), startOf...() and endOf...(). Not understood, though Confluence would: every other field.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from agent_ops.sandbox.atlassian.lexer import QueryError
from agent_ops.sandbox.atlassian.matching import COMPARE, Test, test_of
from agent_ops.sandbox.atlassian.moments import function_moment, moment_of
from agent_ops.sandbox.atlassian.parser import Clause, Function, Operand, Value, parse
from agent_ops.sandbox.atlassian.words import searcher
from agent_ops.sandbox.confluence.site import Site
from agent_ops.sandbox.records import Document

_LISTED = ("=", "!=", "IN", "NOT IN")
_ALIASES = {"space.key": "space", "content": "id", "creator.accountid": "creator"}
_RESERVED_WORDS = """
after and as avg before begin by commit contains count distinct else empty end explain from having if in inner insert into is
isnull left like limit max min not null or order outer right select sum then was where update"""
_TAGS = re.compile(r"<[^>]*>")


class PageSearch:
    """Searches by CQL. ``closed`` are spaces that may not be seen; ``now`` is the moment that dates are relative to."""

    def __init__(self, site: Site, closed: Iterable[str], now: float) -> None:
        self._site, self._closed, self._now = site, frozenset(closed), now

    def search(self, cql: str) -> list[Document]:
        """What is meant, in its order; without one the last changed first.

        Raises:
            QueryError: it cannot be understood.
        """
        try:
            query = parse(cql, frozenset(_RESERVED_WORDS.split()))
            if query.where is None:
                raise QueryError("nothing is sought")
        except QueryError:
            raise QueryError(f"Could not parse cql : {cql}") from None
        test = test_of(query.where, self._test)
        found = [page for page in self._site.pages.values() if page["space"] not in self._closed and test(page)]
        found.sort(key=lambda page: -page["updated"])
        for field, descending in reversed(query.order):
            if field.lower() not in _ORDERS:
                raise QueryError(f"No field exists with the name: '{field}'")
            found.sort(key=_ORDERS[field.lower()], reverse=bool(descending))
        return found

    def _test(self, clause: Clause) -> Test:
        name = _ALIASES.get(clause.field.lower(), clause.field.lower())
        if name in _TEXTS:
            return self._text_test(name, clause)
        if name in ("created", "lastmodified"):
            return self._date_test({"created": "created", "lastmodified": "updated"}[name], clause)
        if name not in _HELD:
            raise QueryError(f"No field exists with the name: '{clause.field}'")
        _check(clause, _LISTED)
        held = _HELD[name]
        meant = set().union(*(self._meant(name, operand) for operand in clause.operands))
        negative = clause.operator in ("!=", "NOT IN")
        return lambda page: bool(held(page) & meant) is not negative

    def _meant(self, name: str, operand: Operand) -> set[Any]:
        if isinstance(operand, Function):
            if operand.name.lower() != "currentuser" or name not in ("creator", "contributor"):
                raise QueryError(f"Could not find function: '{operand.name}'")
            return {self._site.me}
        text = operand.text if isinstance(operand, Value) else ""
        if name in ("creator", "contributor"):
            return self._site.accounts(text)
        return {text.upper() if name == "space" else text.lower()}

    def _text_test(self, name: str, clause: Clause) -> Test:
        _check(clause, ("~", "!~", *(_LISTED if name == "title" else ())))
        texts = [operand.text for operand in clause.operands if isinstance(operand, Value)]
        if clause.operator in _LISTED:
            wanted, negative = {text.lower() for text in texts}, clause.operator in ("!=", "NOT IN")
            return lambda page: (page["title"].lower() in wanted) is not negative
        seeks, text_of = [searcher(text) for text in texts], _TEXTS[name]
        return lambda page: any(seek(text_of(page)) for seek in seeks) is (clause.operator == "~")

    def _date_test(self, name: str, clause: Clause) -> Test:
        _check(clause, tuple(COMPARE))
        operand = clause.operands[0]
        if isinstance(operand, Function):
            at = function_moment(operand, self._now)
        else:
            at = moment_of(operand.text, self._now) if isinstance(operand, Value) else None
        if at is None:
            raise QueryError(f"Could not parse the date of the field '{clause.field}'")
        compare, moment = COMPARE[clause.operator], at
        return lambda page: bool(compare(page[name], moment))


def plain_text(page: Document) -> str:
    """The words of a page's body."""
    return " ".join(_TAGS.sub(" ", page["body"]).split())


_TEXTS: dict[str, Callable[[Document], str]] = {
    "title": lambda page: str(page["title"]),
    "text": lambda page: f"{page['title']}\n{plain_text(page)}",
    "sitesearch": lambda page: f"{page['title']}\n{plain_text(page)}",
}
_HELD: dict[str, Callable[[Document], set[Any]]] = {
    "type": lambda page: {"page"},
    "space": lambda page: {page["space"]},
    "id": lambda page: {page["id"]},
    "label": lambda page: set(page["labels"]),
    "creator": lambda page: {page["author"]},
    "contributor": lambda page: {page["author"]},
    "parent": lambda page: {page["parent"]},
}
_ORDERS: dict[str, Callable[[Document], Any]] = {
    "created": lambda page: page["created"],
    "lastmodified": lambda page: page["updated"],
    "title": lambda page: page["title"].lower(),
    "space": lambda page: page["space"],
    "id": lambda page: int(page["id"]),
}


def _check(clause: Clause, operators: Iterable[str]) -> None:
    if clause.operator not in operators:
        raise QueryError(f"Operator {clause.operator} is not supported for the field '{clause.field}'")
