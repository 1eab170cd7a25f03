"""How Graph shows objects and lists: contexts, next links, default properties, and what a lagging replica does not show yet."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import unquote

from aiohttp import web
from multidict import MultiDict

from agent_ops.sandbox.entra.directory import Shelf
from agent_ops.sandbox.entra.entry import Entry
from agent_ops.sandbox.entra.errors import bad_request, not_found, refused
from agent_ops.sandbox.entra.http import answer
from agent_ops.sandbox.entra.odata_query import Options, parse_options
from agent_ops.sandbox.entra.pages import Page, page_of, page_of_shelf
from agent_ops.sandbox.entra.schema import Schema

_REFERENCE = re.compile(r"https?://[^/\s]+/(?:v1\.0|beta)/(directoryObjects|users)(?:/([^/\s]+)|\('([^/\s]+)'\))/?")


class Views:
    """Renders answers. ``lag`` tells by how many seconds reads are behind the writes."""

    def __init__(self, base_url: str, lag: Callable[[], float]) -> None:
        self.root = f"{base_url}/v1.0"
        self._base_url, self._lag = base_url, lag

    def old_enough(self) -> Callable[[float], bool]:
        """Whether something that began at a Unix time has reached the replicas that reads are served from."""
        horizon = time.time() - self._lag()
        return lambda born: born <= horizon

    def visible(self) -> Callable[[Entry], bool]:
        old_enough = self.old_enough()
        return lambda entry: old_enough(entry.born)

    def seen(self, entry: Entry | None, key: str) -> Entry:
        """The entry when a read may show it, Graph's 404 otherwise."""
        if entry is None or not self.visible()(entry):
            raise not_found(key)
        return entry

    def item(self, entry: Entry, schema: Schema, select: tuple[str, ...]) -> dict[str, Any]:
        """One object with its context."""
        context = f"{self.root}/$metadata#{schema.collection}{_columns(select)}/$entity"
        return {"@odata.context": context, **entry.render(select or schema.default, schema)}

    def directory_object(self, entry: Entry, schema: Schema, select: tuple[str, ...]) -> dict[str, Any]:
        """One object out of a relation, which could lead to several types."""
        typed = {"@odata.type": f"#{schema.edm_type}", **entry.render(select or schema.default, schema)}
        return {"@odata.context": f"{self.root}/$metadata#directoryObjects{_columns(select)}/$entity", **typed}

    def shelf(self, request: web.Request, shelf: Shelf, *, extra: tuple[str, ...] = ()) -> web.Response:
        """A page of a whole collection."""
        options = parse_options(request.query, shelf.schema, eventual=is_eventual(request))
        page = page_of_shelf(shelf, options, self.visible())
        names = options.select or (*shelf.schema.default, *extra)
        rows = [entry.render(names, shelf.schema) for entry in page.entries]
        return self._list(request, shelf.schema.collection, options, page, rows)

    def relation(
        self,
        request: web.Request,
        entries: Iterable[Entry],
        schema: Schema,
        *,
        cast: bool,
        others: tuple[list[Entry], Schema] | None = None,
    ) -> web.Response:
        """A page of related objects; with a type ``cast`` in the path they are a plain list of that type.

        ``others`` are related objects of another type, shown on the same pages.
        """
        options = parse_options(request.query, schema, eventual=is_eventual(request))
        more, other_schema = others or ([], schema)
        foreign = {entry.id for entry in more}
        page = page_of([*entries, *more], options, self.visible())
        rows = []
        for entry in page.entries:
            own = other_schema if entry.id in foreign else schema
            names = tuple(name for name in options.select or own.default if name in own.properties)
            rows.append({**({} if cast else {"@odata.type": f"#{own.edm_type}"}), **entry.render(names, own)})
        return self._list(request, schema.collection if cast else "directoryObjects", options, page, rows)

    def count(self, request: web.Request, shelf: Shelf) -> web.Response:
        """``/users/$count``: a bare number, only as an advanced query."""
        if not is_eventual(request):
            raise bad_request("$count is not currently supported.")
        query = MultiDict(request.query)
        query["$count"] = "true"
        total = page_of_shelf(shelf, parse_options(query, shelf.schema, eventual=True), self.visible()).total
        return web.Response(text=str(total))

    def fixed_list(self, name: str, rows: list[dict[str, Any]]) -> web.Response:
        return answer({"@odata.context": f"{self.root}/$metadata#{name}", "value": rows})

    def _list(self, request: web.Request, name: str, options: Options, page: Page, rows: list[dict[str, Any]]) -> web.Response:
        body: dict[str, Any] = {"@odata.context": f"{self.root}/$metadata#{name}{_columns(options.select)}"}
        if page.total is not None:
            body["@odata.count"] = page.total
        if page.next_token:
            body["@odata.nextLink"] = self._base_url + str(request.rel_url.update_query({"$skiptoken": page.next_token}))
        return answer({**body, "value": rows})


def is_eventual(request: web.Request) -> bool:
    """Whether the caller asked for an advanced query: https://learn.microsoft.com/graph/aad-advanced-queries."""
    return request.headers.get("ConsistencyLevel", "").strip().lower() == "eventual"


def is_advanced(request: web.Request) -> bool:
    """Whether both advanced query parameters are there."""
    return is_eventual(request) and request.query.get("$count", "").lower() == "true"


def reference(body: dict[str, Any]) -> str:
    """The key of the object that an ``@odata.id`` points to: https://learn.microsoft.com/graph/api/group-post-members."""
    url = body.get("@odata.id")
    if not isinstance(url, str):
        raise bad_request("Invalid URL format specified in payload. A value is required for '@odata.id'.")
    match = _REFERENCE.fullmatch(url)
    if match is None:
        raise refused("Invalid URL format specified in payload.")
    return unquote(match[2] or match[3])


def _columns(select: tuple[str, ...]) -> str:
    return f"({','.join(select)})" if select else ""
