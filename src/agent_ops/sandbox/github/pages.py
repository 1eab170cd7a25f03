"""Pages of a list, with the Link header: https://docs.github.com/rest/using-the-rest-api/using-pagination-in-the-rest-api."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from aiohttp import web
from yarl import URL

T = TypeVar("T")
_DEFAULT, _MOST = 30, 100


class Page(Generic[T]):
    """The part of a list that a request asks for, and the header that names the others.

    Args:
        at: the address that the links begin with: the request's own path at the API's root.
    """

    def __init__(self, request: web.Request, items: Sequence[T], at: str) -> None:
        size, number = min(_number(request, "per_page", _DEFAULT), _MOST), _number(request, "page", 1)
        last = max(1, -(-len(items) // size))
        self.number, self.size = number, size
        self.items = items[(number - 1) * size : number * size]
        query, url = dict(request.query), URL(at)
        ways = {"prev": number - 1, "next": number + 1, "last": last, "first": 1}
        shown = {"next", "last"} if number < last else set()
        shown |= {"prev", "first"} if number > 1 else set()
        links = [f'<{url.with_query({**query, "page": str(page)})}>; rel="{rel}"' for rel, page in ways.items() if rel in shown]
        self.headers = {"Link": ", ".join(links)} if links else {}


def _number(request: web.Request, name: str, default: int) -> int:
    """A number from the query; what is none counts as not given, as at GitHub."""
    text = request.query.get(name, "")
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 10 else default
