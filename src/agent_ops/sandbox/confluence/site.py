"""What a Confluence site holds: spaces and pages.

What a site begins with is made again each time, when it is first asked for; what is done in it is kept in the sandbox's records.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import cache, cached_property
from typing import Any

from agent_ops.sandbox.atlassian.people import PEOPLE, account_id_of, address_of
from agent_ops.sandbox.confluence.content import seeded_pages
from agent_ops.sandbox.records import Document, Records
from agent_ops.sandbox.world import SpaceSeed, World

TWIN = "confluence"
_IDS_A_SPACE = 100_000
EVERYBODY = "2f1d4c0e-4a51-4f7e-9d0b-6f5b8a7c1e01"
"""The id of the group in which those are who were there before anybody was onboarded."""


class Site:
    """The spaces and pages of one site. Documents of pages that were made or changed lie in the records.

    ``began`` is the moment that dates of seeded pages are counted back from, in seconds since 1970. ``groups`` are account ids by
    group, ``permissions`` who may see a space: kinds (user, group, role) and ids; ``roles`` who has a role there: kinds (USER,
    GROUP, ACCESS_CLASS) and ids.
    """

    def __init__(self, world: World, records: Records, began: float | None = None) -> None:
        self._records, self._domain = records, world.domain
        self.began = time.time() if began is None else began
        self.spaces: dict[str, SpaceSeed] = {space.key: space for space in world.spaces}
        self.me = account_id_of(world.jira_user)
        self.groups: dict[str, set[str]] = {EVERYBODY: {account_id_of(address_of(name, world.domain)) for name in PEOPLE}}
        self.permissions = {key: [("group", EVERYBODY)] for key in self.spaces}
        self.roles: dict[str, list[tuple[str, str]]] = {}
        for told in records.all(TWIN, "permission").values():
            self.permissions.setdefault(told["space"], []).append((told["kind"], told["id"]))
        self._emails = {account_id_of(address_of(name, world.domain)): name for name in PEOPLE}
        self._emails[self.me] = "Agent Ops"

    def let_in(self, space: str, account: str) -> None:
        """A right of its own for an account to see a space."""
        kept = self.permissions.setdefault(space, [])
        if ("user", account) not in kept:
            kept.append(("user", account))
            self._records.put(TWIN, "permission", f"{space}/{account}", {"space": space, "kind": "user", "id": account})

    @cached_property
    def pages(self) -> dict[str, Document]:
        """Every page by its id."""
        account = cache(lambda name: account_id_of(address_of(name, self._domain)))
        seeded = {
            page["id"]: page
            for space in self.spaces.values()
            for page in seeded_pages(space, self._first_id(space.key), self.began, account)
        }
        return {**seeded, **self._records.all(TWIN, "page")}

    def space_id(self, key: str) -> str:
        return str(32_768 + list(self.spaces).index(key))

    def home_of(self, key: str) -> str:
        """The id of a space's home page."""
        return str(self._first_id(key))

    def _first_id(self, key: str) -> int:
        return _IDS_A_SPACE * (1 + list(self.spaces).index(key))

    def accounts(self, text: str) -> set[object]:
        """The ids of the accounts that an id, an e-mail address or a full name means."""
        wanted = text.lower()
        return {
            account
            for account, name in self._emails.items()
            if wanted in (account.lower(), name.lower(), address_of(name, self._domain))
        }

    def write(self, space: str, title: str, body: str, author: str, at: float, **more: Any) -> str:
        """Somebody (an e-mail address) writes a page, or a new version of the page of that title; answers its id."""
        self.spaces.setdefault(space, SpaceSeed(space, space))
        same = next((p for p in self.pages.values() if (p["space"], p["title"]) == (space, title)), None)
        earlier: Mapping[str, Any] = same or {"created": at, "version": 0, "labels": [], "parent": None}
        page_id = same["id"] if same else str(9_000_000 + len(self.pages))
        version = {"version": earlier["version"] + 1, "updated": at, "author": account_id_of(author), "body": body, **more}
        page = {**earlier, "id": page_id, "space": space, "title": title, **version}
        self.pages[page_id] = page
        self._records.put(TWIN, "page", page_id, page)
        return str(page_id)

    def remove(self, page_id: str) -> None:
        """A page is deleted for good. A seeded one is there again when the sandbox starts again."""
        del self.pages[page_id]
        self._records.delete(TWIN, "page", page_id)
