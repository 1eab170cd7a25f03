"""What the Confluence agent asks: spaces, a page as text, a search by CQL. By atlassian-python-api, Cloud only.

Spaces and pages by REST v2, search by v1, which v2 has none of: https://developer.atlassian.com/cloud/confluence/rest/v2 and
.../v1/api-group-search. Nothing here reads more than the one page that is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from agent_ops.domain.errors import ServiceError, ServiceRefused
from agent_ops.domain.plain import harmless
from agent_ops.domain.readings import Reading, Source
from agent_ops.readers.atlassian import AtlassianConfig, AtlassianSite, ClientOptions, in_form, json_object
from agent_ops.readers.confluence_access import SpaceAccess
from agent_ops.readers.storage_format import storage_text
from agent_ops.readers.texts import line, shortened
from agent_ops.transport.vendor_errors import confluence_errors, is_missing_at_atlassian

if TYPE_CHECKING:
    from atlassian.confluence_base import ConfluenceBase

ROWS = 25
"""Spaces or results on a page, at most."""
PART = 5500
"""Characters of a page's text that are read at a time."""
MAX_PARTS = 40
"""Further on nothing is read of a page: what is longer is no text for a reader."""
_SERVICE = "Confluence"
_TITLE, _KEY, _EXCERPT = 70, 20, 70  # so that a page of rows fits into a reading
_MARKS = ("@@@hl@@@", "@@@endhl@@@")  # round the words that a search found


@dataclass(frozen=True)
class ConfluenceConfig(AtlassianConfig):
    """How Confluence is reached; ``url`` is the site's own, with or without ``/wiki``."""

    @property
    def root(self) -> str:
        """The URL that Confluence's paths begin at."""
        return f"{self.url.rstrip('/').removesuffix('/wiki')}/wiki"


class ConfluenceReader:
    """Reads spaces and pages; it cannot change anything. What people wrote is untrusted, and bounded.

    Every question raises ServiceUnavailable when Confluence cannot be asked now, RateLimited with the time to come again among
    it, and ServiceRefused when the answer will stay the same, AccessRefused among it.
    """

    def __init__(self, config: ConfluenceConfig) -> None:
        def client(options: ClientOptions) -> ConfluenceBase:
            from atlassian.confluence_base import ConfluenceBase  # noqa: PLC0415 - 0.1 s, with the first question only

            # ``Confluence(cloud=True)`` has no API root in 5.0, and ``ConfluenceV2`` reads every page of a list
            return ConfluenceBase(config.root, api_version=2, cloud=True, **options)

        self._root = config.root
        self._site: AtlassianSite[Any] = AtlassianSite(_SERVICE, config, client, confluence_errors)

    async def close(self) -> None:
        self._site.close()

    async def myself(self) -> str:
        """Who we are there: the account's e-mail address, or its id where that is hidden. Asked once."""
        found = json_object(await self._site.once(lambda site: site.get("rest/api/user/current")), _SERVICE)
        return str(found.get("email") or found.get("accountId") or "somebody")

    async def sees_space(self, key: str) -> bool:
        """Whether our account may see a space: Confluence does not tell one that is hidden from one that there is not."""
        found = await self._get("api/v2/spaces", {"keys": key, "limit": 1})
        return in_form(_SERVICE, lambda: any(str(space["key"]).casefold() == key.casefold() for space in found["results"]))

    async def let_in(self, key: str, account: str) -> str:
        """By what an account (its id) may see a space; empty when by nothing: see :class:`SpaceAccess`."""
        return await SpaceAccess(self._get).of(key, account)

    async def spaces(self, page: str = "") -> Reading:
        """The spaces that our account may see."""
        found = await self._get("api/v2/spaces", {"limit": ROWS, **({"cursor": page} if page else {})})
        return in_form(_SERVICE, lambda: self._listed(found, [self._space(space) for space in found["results"]]))

    async def search(self, cql: str, limit: int = ROWS, page: str = "") -> Reading:
        """What a query in CQL means; ``page`` is what the page before gave."""
        asked = {"cql": cql, "limit": max(1, min(limit, ROWS)), **({"cursor": page} if page else {})}
        found = await self._get("rest/api/search", asked)
        return in_form(_SERVICE, lambda: self._listed(found, [self._result(result) for result in found["results"]]))

    async def page(self, page_id: str, page: str = "") -> Reading:
        """A page's text; ``page`` is the number of a further part of it, from 2."""
        part = int(page) if page.isdecimal() and page != "0" else 1
        try:
            found = await self._site.patiently(lambda site: _page(site, page_id, part))
        except ServiceError as error:
            if not is_missing_at_atlassian(error):
                raise
            words = f"there is no page {page_id}, or our account may not see it"
            raise ServiceRefused(_SERVICE, words, "Look for it with search_pages: its id is a number.") from error
        return in_form(_SERVICE, lambda: self._part(found[0], found[1], found[2], part))

    async def _get(self, path: str, asked: dict[str, Any]) -> dict[str, Any]:
        return json_object(await self._site.patiently(lambda site: site.get(path, params=asked)), _SERVICE)

    def _listed(self, found: dict[str, Any], rows: list[tuple[dict[str, Any], Source]]) -> Reading:
        following = urlsplit(str((found.get("_links") or {}).get("next") or "")).query
        more = parse_qs(following).get("cursor", [""])[0]
        return Reading([row for row, _ in rows], tuple(source for _, source in rows), more)

    def _space(self, space: dict[str, Any]) -> tuple[dict[str, Any], Source]:
        key = line(space["key"], _KEY)
        row = {"key": key, "name": line(space.get("name"), _TITLE), "home_page_id": space.get("homepageId")}
        return row, Source(_SERVICE, f"space {key}", self._link(space))

    def _result(self, result: dict[str, Any]) -> tuple[dict[str, Any], Source]:
        content = result.get("content") or {}
        title = line(_unmarked(str(result.get("title") or content.get("title") or "")), _TITLE)
        row = {
            "id": line(content.get("id"), _KEY),
            "type": line(content.get("type") or result.get("entityType"), _KEY),
            "title": title,
            "space": _space_key(str((result.get("resultGlobalContainer") or {}).get("displayUrl") or "")),
            "changed": str(result.get("lastModified") or "")[:10],
            "excerpt": line(_unmarked(str(result.get("excerpt") or "")), _EXCERPT),
        }
        return row, Source(_SERVICE, f"page {row['id']} ({title})", self._link(content))

    def _part(self, page: dict[str, Any], text: str, whole: bool, part: int) -> Reading:
        start = (part - 1) * PART
        shown, cut = shortened(text[start : start + PART], PART + PART // 4)
        ahead = len(text) > start + PART or not whole
        title, links = line(page["title"], _TITLE), page.get("_links") or {}
        facts = {
            "id": str(page["id"]),
            "title": title,
            "space": _space_key(str(links.get("webui") or "")),
            "version": (page.get("version") or {}).get("number"),
            "changed": str((page.get("version") or {}).get("createdAt") or "")[:16],
            "text": shown,
        }
        length = {"characters_of_storage": len(page["body"]["storage"]["value"])} if ahead or part > 1 else {}
        source = Source(_SERVICE, f"page {facts['id']} ({title})", self._link(page))
        more = str(part + 1) if ahead and part < MAX_PARTS else ""
        return Reading({**facts, **length}, (source,), more, cut or ahead)

    def _link(self, thing: dict[str, Any]) -> str:
        path = str((thing.get("_links") or {}).get("webui") or "")
        return harmless(self._root + path) if path.startswith("/") else ""


def _page(site: ConfluenceBase, page_id: str, part: int) -> tuple[dict[str, Any], str, bool]:
    """A page, its text up to a part's end, and whether that is all of it. Long bodies are read here, in a thread."""
    endpoint = site.get_endpoint("page_by_id", id=page_id)
    found = json_object(site.get(endpoint, params={"body-format": "storage"}), _SERVICE)
    text, whole = storage_text(in_form(_SERVICE, lambda: str(found["body"]["storage"]["value"])), min(part, MAX_PARTS) * PART)
    return found, text, whole


def _unmarked(text: str) -> str:
    for mark in _MARKS:
        text = text.replace(mark, "")
    return text


def _space_key(path: str) -> str:
    """ENG, from /spaces/ENG/pages/7/Title."""
    parts = path.split("/")
    return line(parts[2], _KEY) if len(parts) > 2 and parts[1] == "spaces" else ""
