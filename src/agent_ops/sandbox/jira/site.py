"""What a Jira site holds: people, projects, issues and what was changed in them.

What a site begins with is made again each time, when it is first asked for; what is done in it is kept in the sandbox's records.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from agent_ops.sandbox.atlassian.people import PEOPLE, account_id_of, address_of
from agent_ops.sandbox.jira.content import seeded_issues
from agent_ops.sandbox.records import Document, Records
from agent_ops.sandbox.world import ProjectSeed, World

TWIN = "jira"
STATUSES: Mapping[str, tuple[str, str]] = {
    "To Do": ("10000", "new"),
    "In Progress": ("3", "indeterminate"),
    "Waiting for approval": ("10100", "indeterminate"),
    "Approved": ("10101", "done"),
    "Declined": ("10102", "done"),
    "Done": ("10001", "done"),
}
"""Every status by its name: its id, and its category's key."""
CATEGORIES: Mapping[str, tuple[int, str, str]] = {
    "new": (2, "To Do", "blue-gray"),
    "indeterminate": (4, "In Progress", "yellow"),
    "done": (3, "Done", "green"),
}
"""Every category of statuses by its key: its id, name and colour."""


@dataclass(frozen=True)
class JiraUser:
    """Somebody with an account. ``hides_email``: privacy settings keep the address from others; ``app``: a program."""

    account_id: str
    email: str
    name: str
    hides_email: bool = False
    app: bool = False


class Site:
    """The people and issues of one site. Documents of people, and of issues that were made or changed, lie in the records.

    ``began`` is the moment that dates of seeded issues are counted back from, in seconds since 1970.
    """

    def __init__(self, world: World, records: Records, began: float | None = None) -> None:
        self._records, self._domain = records, world.domain
        self.began = time.time() if began is None else began
        self.projects = {project.key: project for project in world.projects}
        self.users = {user["account_id"]: JiraUser(**user) for user in records.all(TWIN, "user").values()}
        for seed in world.users:
            self.person(seed.user_principal_name, seed.display_name)
        for name in PEOPLE:  # before anything is done in it: an account that a pipeline gives is named by its address
            self.person(address_of(name, world.domain), name)
        self.me = self.person(world.jira_user, "Agent Ops")

    def person(self, email: str, name: str = "", *, hides_email: bool = False, app: bool = False) -> JiraUser:
        """The account of an e-mail address, made when there is none."""
        account_id = account_id_of(email)
        if account_id not in self.users or hides_email or app:
            user = JiraUser(account_id, email, name or email.partition("@")[0], hides_email, app)
            self.users[account_id] = user
            self._records.put(TWIN, "user", account_id, vars(user))
        return self.users[account_id]

    @cached_property
    def issues(self) -> dict[str, Document]:
        """Every issue by its key."""
        seeded: dict[str, Document] = {}
        account = cache(lambda name: account_id_of(address_of(name, self._domain)))
        for project in self.projects.values():
            for key, issue in seeded_issues(project, self.began, account):
                seeded[key] = {"id": str(100_000 + len(seeded)), **issue}
        return {**seeded, **self._records.all(TWIN, "issue")}

    def key_of(self, reference: str) -> str | None:
        """The key of the issue that a key, an earlier one or an id means."""
        wanted = reference.upper()
        if wanted in self.issues:
            return wanted
        return next((k for k, one in self.issues.items() if wanted == one["id"] or wanted in one.get("earlier", ())), None)

    def project(self, key: str) -> ProjectSeed:
        return self.projects.setdefault(key, ProjectSeed(key, key))

    def project_id(self, key: str) -> str:
        return str(10_000 + list(self.projects).index(key))

    def create(self, project: str, fields: Mapping[str, Any], at: float) -> str:
        """A new issue; answers its key."""
        self.project(project)
        ever = [key for issue in self.issues.values() for key in issue.get("earlier", ())]  # a number is never given twice
        number = 1 + max((int(k.rpartition("-")[2]) for k in (*self.issues, *ever) if k.rpartition("-")[0] == project), default=0)
        key = f"{project}-{number}"
        document = {"id": str(10_000 + len(self.issues)), "number": number, "created": at, "updated": at, "changes": [], **fields}
        self._store(key, document)
        return key

    def change(self, key: str, field: str, value: str, by: str, at: float) -> None:
        """Change status, summary or description of an issue, as somebody; it stands in the issue's history."""
        issue = self.issues[key]
        change = {"field": field, "from": issue[field], "to": value, "by": by, "at": at}
        self._store(key, {**issue, field: value, "updated": max(at, issue["updated"]), "changes": [*issue["changes"], change]})

    def comment(self, key: str, text: str, by: str, at: float) -> None:
        """Somebody comments on an issue."""
        issue = self.issues[key]
        said = sorted([*issue.get("comments", ()), {"author": by, "text": text, "at": at}], key=lambda one: float(one["at"]))
        self._store(key, {**issue, "comments": said, "updated": max(at, issue["updated"])})

    def _store(self, key: str, document: Document) -> None:
        self.issues[key] = document
        self._records.put(TWIN, "issue", key, document)
