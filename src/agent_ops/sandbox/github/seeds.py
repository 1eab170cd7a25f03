"""Who and what is on the sandbox's GitHub before anybody calls: people, teams, repositories."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

ORGANISATION = "acme"
PEOPLE: Mapping[str, str] = {
    "alice-chen": "Alice Chen",
    "ana-silva": "Ana Silva",
    "dana-whitfield": "Dana Whitfield",
    "dependabot[bot]": "dependabot[bot]",
    "jane-doe": "Jane Doe",
    "john-doe": "John Doe",
    "marco-rossi": "Marco Rossi",
    "mallory-x": "Mallory",
    "priya-nair": "Priya Nair",
    "svc-agent-ops": "Agent Ops",
    "tom-becker": "Tom Becker",
}
"""Everybody with an account, by login."""
MEMBERS = ("alice-chen", "dana-whitfield", "jane-doe", "john-doe", "marco-rossi", "priya-nair", "svc-agent-ops", "tom-becker")
TEAMS: Mapping[str, tuple[str, ...]] = {
    "engineering": ("alice-chen", "jane-doe", "marco-rossi", "priya-nair", "tom-becker"),
    "platform": ("marco-rossi", "tom-becker"),
    "data": ("john-doe",),
}
AUTHORS = ("alice-chen", "marco-rossi", "priya-nair", "tom-becker", "dependabot[bot]", "john-doe")
"""Who writes what nobody in particular is named for; Jane Doe's are told one by one, in ``history``."""


@dataclass(frozen=True)
class RepositorySeed:
    """A repository: how many pull requests and commits it has, over how many days; a hidden one our token may not see."""

    name: str
    description: str
    language: str
    pulls: int
    commits: int
    days: int = 700
    hidden: bool = False
    archived: bool = False
    topic: str = "app"

    @property
    def number(self) -> int:
        return int(digest(self.name)[:7], 16)


REPOSITORIES = {
    seed.name: seed
    for seed in (
        RepositorySeed("web", "The shop's front end", "TypeScript", 5200, 6400),
        RepositorySeed("api", "The shop's service", "Python", 1850, 5200),
        RepositorySeed("infra", "Terraform of every account", "HCL", 640, 1900),
        RepositorySeed("mobile", "The shop on telephones", "Kotlin", 420, 1300),
        RepositorySeed("data-pipeline", "Nightly exports and their checks", "Python", 210, 800),
        RepositorySeed("design-system", "Components that all front ends share", "TypeScript", 160, 540),
        RepositorySeed("handbook", "How we work", "Markdown", 90, 310),
        RepositorySeed("onboarding", "Scripts for a first day", "Shell", 34, 120),
        RepositorySeed("legacy-shop", "What was before", "PHP", 12, 260, days=2400, archived=True),
        RepositorySeed("empty", "Nothing yet", "", 0, 0),
        RepositorySeed("payroll", "Not for everybody", "Python", 12, 40, hidden=True),
    )
}
RENAMED = {"website": "web"}
"""Old names of repositories: GitHub answers them with 301 to the repository's number."""


def digest(*parts: object) -> str:
    """A SHA-1 made from a few words, as git's ids are made from contents."""
    return hashlib.sha1("/".join(map(str, parts)).encode(), usedforsecurity=False).hexdigest()
