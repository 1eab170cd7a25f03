"""The query options of a list: what to show, which entries, in which order, how many, and from where on.

Sources: https://learn.microsoft.com/graph/query-parameters, https://learn.microsoft.com/graph/paging and
https://learn.microsoft.com/graph/search-query-parameter#using-search-on-directory-object-collections.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from multidict import MultiMapping

from agent_ops.sandbox.entra.entry import Entry
from agent_ops.sandbox.entra.errors import GraphError, bad_request, unsupported
from agent_ops.sandbox.entra.odata_filter import Filter, parse_filter
from agent_ops.sandbox.entra.schema import Schema

_OPTIONS = frozenset({"$select", "$filter", "$search", "$orderby", "$top", "$count", "$skiptoken", "$format"})
_UNSERVED = frozenset({"$expand", "$skip", "$apply", "$compute", "$deltatoken"})
_PAGE, _LARGEST_PAGE = 100, 999
_SEARCH_TERM = re.compile(r'\s*(?:(AND|OR)\s+)?"([A-Za-z]+):((?:[^"\\]|\\.)*)"')
_SEARCH_HEADER = (
    "Request with $search query parameter only works through MSGraph with a special request header: 'ConsistencyLevel: eventual'"
)

Test = Callable[[Entry], bool]


@dataclass(frozen=True)
class Options:
    """What a caller asked of a list. ``advanced`` says that it sent ``ConsistencyLevel: eventual``."""

    select: tuple[str, ...]
    filter: Filter | None
    search: Test | None
    order_by: str
    descending: bool
    top: int
    count: bool
    after: tuple[str, str] | None

    def wants(self, entry: Entry) -> bool:
        return (self.filter is None or self.filter.test(entry)) and (self.search is None or self.search(entry))

    def sort_key(self, entry: Entry) -> tuple[str, str]:
        """Entries without the property come first, as null does; the id makes the order total."""
        value = entry.value(self.order_by) if self.order_by else ""
        return (value.casefold() if isinstance(value, str) else "", entry.id)

    def token(self, last: Entry) -> str:
        """The opaque ``$skiptoken`` of the page that follows ``last``."""
        return base64.urlsafe_b64encode(json.dumps(self.sort_key(last)).encode()).decode()


def parse_options(query: MultiMapping[str], schema: Schema, *, eventual: bool) -> Options:
    """Read the options of a list; raises the refusals that Graph answers."""
    given = _given(query)
    count = _count(given.get("$count"))
    order_by, descending = _order(given.get("$orderby"), schema, eventual and count)
    text, search = given.get("$filter"), given.get("$search")
    if text is not None and order_by and not (eventual and count):
        raise unsupported("Sorting not supported for current query.")
    return Options(
        select=parse_select(given.get("$select"), schema),
        filter=None if text is None else parse_filter(text, schema, advanced=eventual and count),
        search=None if search is None else _search(search, schema, eventual),
        order_by=order_by,
        descending=descending,
        top=_top(given.get("$top")),
        count=count and eventual,
        after=_skip_token(given.get("$skiptoken")),
    )


def parse_item_options(query: MultiMapping[str], schema: Schema) -> tuple[str, ...]:
    """The ``$select`` of a single object."""
    return parse_select(_given(query).get("$select"), schema)


def parse_select(text: str | None, schema: Schema) -> tuple[str, ...]:
    """The names to show, in the caller's order; empty when the caller did not choose."""
    if not text:
        return ()
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    if "*" in names:
        return tuple(schema.properties)
    for name in names:
        if name not in schema.properties:
            raise bad_request(
                f"Parsing OData Select and Expand failed: Could not find a property named '{name}' on type '{schema.edm_type}'."
            )
    return names


def _given(query: MultiMapping[str]) -> Mapping[str, str]:
    """The system options, each once. Graph takes them without their ``$``, too."""
    given: dict[str, str] = {}
    for name, value in query.items():
        option = name.lower() if name.startswith("$") else f"${name.lower()}"
        if option in _UNSERVED and name.startswith("$"):
            raise unsupported(f"'{option}' is not supported by the service.")
        if option not in _OPTIONS:
            if name.startswith("$"):
                raise bad_request(f"The query parameter '{name}' is not supported.")
            continue
        if option in given:
            raise bad_request(f"Query option '{option}' was specified more than once, but it must be specified at most once.")
        given[option] = value
    return given


def _count(text: str | None) -> bool:
    if text is None or text.lower() in ("true", "false"):
        return text is not None and text.lower() == "true"
    raise bad_request(f"Invalid value '{text}' for $count query option found. Valid values are 'true' and 'false'.")


def _top(text: str | None) -> int:
    if text is None:
        return _PAGE
    if not re.fullmatch(r"[0-9]{1,18}", text.strip()):
        needs = "The $top query option requires a non-negative integer value."
        raise bad_request(f"Invalid value '{text}' for $top query option found. {needs}")
    top = int(text)
    if not 1 <= top <= _LARGEST_PAGE:
        raise unsupported(f"Invalid page size specified: '{top}'. Must be between 1 and {_LARGEST_PAGE} inclusive.")
    return top


def _order(text: str | None, schema: Schema, advanced: bool) -> tuple[str, bool]:
    if not text:
        return "", False
    match = re.fullmatch(r"\s*(\w+)(?:\s+(asc|desc))?\s*", text)
    if match is None:
        raise bad_request(f"Invalid $orderby clause: Syntax error in '{text}'.")
    if match[1] not in schema.properties:
        raise bad_request(f"Could not find a property named '{match[1]}' on type '{schema.edm_type}'.")
    if match[1] not in (schema.sortable | schema.sortable_advanced if advanced else schema.sortable):
        raise unsupported(f"Unsupported sort property '{match[1]}' for '{schema.name}'.")
    return match[1], match[2] == "desc"


def _skip_token(text: str | None) -> tuple[str, str] | None:
    if text is None:
        return None
    try:
        value = json.loads(base64.b64decode(text, altchars=b"-_", validate=True))
        first, last = value
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise _bad_token() from None
    if not isinstance(first, str) or not isinstance(last, str):
        raise _bad_token()
    return first, last


def _bad_token() -> GraphError:
    message = "The specified page token value has expired and can no longer be included in your request."
    return GraphError(400, "Directory_ExpiredPageToken", message)


def _search(text: str, schema: Schema, eventual: bool) -> Test:
    """``"displayName:an" OR "mail:an"``: names match by the beginnings of their words, the rest by its own beginning."""
    if not eventual:
        raise unsupported(_SEARCH_HEADER)
    alternatives: list[list[tuple[str, str]]] = [[]]
    at = 0
    while at < len(text.rstrip()):
        match = _SEARCH_TERM.match(text, at)
        if match is None or (match[1] is None) is not (at == 0):
            raise bad_request(f"Syntax error: character '{text[at]}' is not valid at position {at} in '{text}'.")
        if match[2] not in schema.searchable:
            raise unsupported(f"Unsupported property '{match[2]}' in $search of resource '{schema.name}'.")
        if match[1] == "OR":
            alternatives.append([])
        alternatives[-1].append((match[2], re.sub(r"\\(.)", r"\1", match[3]).casefold()))
        at = match.end()
    return lambda entry: any(all(_found(entry, name, term) for name, term in terms) for terms in alternatives)


def _found(entry: Entry, name: str, term: str) -> bool:
    value = (entry.value(name) or "").casefold()
    if name != "displayName":
        return bool(value.startswith(term))
    words = re.findall(r"\w+", value)
    return all(any(word.startswith(piece) for word in words) for piece in re.findall(r"\w+", term))
