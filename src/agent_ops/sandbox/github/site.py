"""What can change on the sandbox's GitHub: members, added pull requests, the token. Kept in the sandbox's records."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from enum import Enum

from agent_ops.sandbox.github import history
from agent_ops.sandbox.github.history import Commit, Pull
from agent_ops.sandbox.github.seeds import MEMBERS, ORGANISATION, PEOPLE, RENAMED, REPOSITORIES, TEAMS, RepositorySeed
from agent_ops.sandbox.records import Records

TWIN = "github"


class SignOn(str, Enum):
    """The organisation's single sign-on, as our token sees it."""

    THERE = "there"
    NONE = "none"  # or one of the enterprise, which GitHub does not show here either
    HIDDEN = "hidden"  # our token may not read it


class GithubSite:
    """One organisation and its repositories.

    ``start`` is the Unix time of the sandbox's first start, from which all times count; ``members`` has each group's people with
    their state, active or pending: the groups are the organisation and, as ``acme/name``, its teams; ``identities`` the login of
    each address that signs in to the organisation, empty where nobody has signed in with it.
    """

    def __init__(self, records: Records) -> None:
        self._records = records
        kept = records.all(TWIN, "site")
        if not kept:
            records.put(TWIN, "site", "start", {"at": time.time()})
            kept = records.all(TWIN, "site")
        self.start = float(kept["start"]["at"])
        self.members = {ORGANISATION: dict.fromkeys(MEMBERS, "active")}
        self.members |= {f"{ORGANISATION}/{team}": dict.fromkeys(people, "active") for team, people in TEAMS.items()}
        for place, changed in records.all(TWIN, "members").items():
            self.members[place] = dict(changed)
        self.people = {**PEOPLE, **{login: str(told["name"]) for login, told in records.all(TWIN, "person").items()}}
        self.identities = {address: str(told["login"]) for address, told in records.all(TWIN, "identity").items()}
        self.sign_on = SignOn.THERE
        self._opened = [(str(told["repository"]), Pull(**told["pull"])) for told in records.all(TWIN, "pull").values()]

    def at(self, offset: float) -> float:
        """The Unix time of a seeded moment."""
        return self.start + offset

    def repository(self, name: str) -> RepositorySeed | None:
        """A repository that our token may see."""
        seed = REPOSITORIES.get(name)
        return None if seed is None or seed.hidden else seed

    def by_number(self, number: int) -> RepositorySeed | None:
        return next((seed for seed in self.repositories() if seed.number == number), None)

    def moved(self, name: str) -> RepositorySeed | None:
        """The repository that was once called so."""
        return self.repository(RENAMED.get(name, ""))

    def repositories(self) -> Sequence[RepositorySeed]:
        return [seed for seed in REPOSITORIES.values() if not seed.hidden]

    def pulls(self, repository: RepositorySeed) -> Sequence[Pull]:
        """The newest first."""
        opened = [pull for name, pull in reversed(self._opened) if name == repository.name]
        return [*opened, *history.pulls(repository)] if opened else history.pulls(repository)

    def open_pulls(self, repository: RepositorySeed) -> int:
        """How many are open."""
        return sum(name == repository.name for name, _ in self._opened) + history.open_count(repository)

    def pull(self, repository: RepositorySeed, number: int) -> Pull | None:
        return next((pull for pull in self.pulls(repository) if pull.number == number), None)

    def branch(self, repository: RepositorySeed, ref: str) -> Sequence[Commit] | None:
        """The commits that a ref leads to, the newest first: a branch, a tag, a sha; None when there is none such."""
        whole = history.commits(repository)
        if ref in ("", "main", "HEAD"):
            return whole
        if ref.startswith("v") and ref[1:].replace(".", "").isdigit():
            return whole[len(whole) // 2 :] if ref == "v1.0" else None
        place = next((index for index, commit in enumerate(whole) if commit.sha == ref or _short(ref, commit)), None)
        return whole[place:] if place is not None else self._pull_branch(repository, ref)

    def _pull_branch(self, repository: RepositorySeed, ref: str) -> Sequence[Commit] | None:
        for pull in self.pulls(repository):
            if pull.head == ref or (len(ref) == 40 and ref in history.pull_shas(repository, pull)):
                own = list(reversed(history.pull_commits(repository, pull)))
                first = next((index for index, commit in enumerate(own) if commit.sha == ref), 0)
                return [*own[first:], *(self.branch(repository, own[-1].parent) or ())]
        return None

    def open_pull(self, repository: str, author: str, title: str, body: str, days_ago: float) -> int:
        """Somebody opens a pull request; answers its number."""
        seed = REPOSITORIES[repository]
        number = 1 + max((pull.number for pull in self.pulls(seed)), default=0)
        at = time.time() - days_ago * history.DAY - self.start
        pull = Pull(number, author, title, body, at, at, head=f"{author}/pull-{number}", checks=(("build", "success"),))
        self._opened.append((repository, pull))
        self._records.put(TWIN, "pull", f"{len(self._opened):06d}", {"repository": repository, "pull": vars(replace(pull))})
        self.person(author)
        return number

    def person(self, login: str, name: str = "") -> None:
        """Somebody has an account."""
        if login not in self.people:
            self.people[login] = name or login
            self._records.put(TWIN, "person", login, {"name": self.people[login]})

    def identity(self, address: str, login: str) -> None:
        """Somebody signs in to the organisation with an address; an empty login: it is provisioned, and nobody has."""
        if login:
            self.person(login)
        self.identities[address] = login
        self._records.put(TWIN, "identity", address, {"login": login})

    def provisioned(self, group: str, address: str) -> None:
        """A pipeline makes whoever has this address a member of the organisation and, for ``acme/name``, of a team of it."""
        login = self.identities.get(address) or address.partition("@")[0].replace(".", "-").lower()
        self.identity(address, login)
        for team in dict.fromkeys(("", group.partition("/")[2])):
            self.member(login, "active", team)

    def member(self, login: str, state: str, team: str = "") -> None:
        """Make somebody a member of the organisation or a team (active or pending), or none (an empty state)."""
        self.person(login)
        place = f"{ORGANISATION}/{team}" if team else ORGANISATION
        people = {name: kept for name, kept in self.members.get(place, {}).items() if name != login}
        self.members[place] = {**people, login: state} if state else people
        self._records.put(TWIN, "members", place, self.members[place])


def _short(ref: str, commit: Commit) -> bool:
    return 7 <= len(ref) < 40 and commit.sha.startswith(ref)
