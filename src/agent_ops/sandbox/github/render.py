"""People, repositories, commits and pull requests as GitHub's REST API writes them: https://docs.github.com/rest."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from agent_ops.sandbox.github import history
from agent_ops.sandbox.github.history import Commit, Pull
from agent_ops.sandbox.github.seeds import MEMBERS, ORGANISATION, RepositorySeed, digest
from agent_ops.sandbox.github.site import GithubSite
from agent_ops.sandbox.records import Document

_WEB = "https://github.com"
_OF_USER = ("followers", "subscriptions", "organizations", "repos", "received_events")
_OF_USER_TEMPLATES = {
    "following_url": "following{/other_user}",
    "gists_url": "gists{/gist_id}",
    "starred_url": "starred{/owner}{/repo}",
    "events_url": "events{/privacy}",
}
_OF_REPOSITORY = (
    *("contributors", "deployments", "downloads", "events", "forks", "hooks", "languages", "merges"),
    *("stargazers", "subscribers", "subscription", "tags", "teams"),
)
_OF_REPOSITORY_TEMPLATES = {
    "archive_url": "{archive_format}{/ref}",
    "assignees_url": "assignees{/user}",
    "blobs_url": "git/blobs{/sha}",
    "branches_url": "branches{/branch}",
    "collaborators_url": "collaborators{/collaborator}",
    "comments_url": "comments{/number}",
    "commits_url": "commits{/sha}",
    "compare_url": "compare/{base}...{head}",
    "contents_url": "contents/{+path}",
    "git_commits_url": "git/commits{/sha}",
    "git_refs_url": "git/refs{/sha}",
    "git_tags_url": "git/tags{/sha}",
    "issue_comment_url": "issues/comments{/number}",
    "issue_events_url": "issues/events{/number}",
    "issues_url": "issues{/number}",
    "keys_url": "keys{/key_id}",
    "labels_url": "labels{/name}",
    "milestones_url": "milestones{/number}",
    "notifications_url": "notifications{?since,all,participating}",
    "pulls_url": "pulls{/number}",
    "releases_url": "releases{/id}",
    "statuses_url": "statuses/{sha}",
    "trees_url": "git/trees{/sha}",
}


def identity(*parts: object) -> int:
    """A stable number for an object's ``id``."""
    return int(digest(*parts)[:7], 16)


def node(*parts: object) -> str:
    """An opaque ``node_id``."""
    return base64.b64encode(digest(*parts)[:15].encode()).decode()


class Renderer:
    """Writes the site's objects; ``api`` is the API's root, which begins every ``url``."""

    def __init__(self, site: GithubSite, api: str) -> None:
        self._site, self._api = site, api

    def moment(self, offset: float) -> str:
        """2026-03-01T09:30:00Z"""
        return datetime.fromtimestamp(self._site.at(offset), timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")

    def user(self, login: str) -> Document:
        url, number = f"{self._api}/users/{login}", identity("user", login)
        kind = "Bot" if login.endswith("[bot]") else "Organization" if login == ORGANISATION else "User"
        return {
            "login": login,
            "id": number,
            "node_id": node("user", login),
            "avatar_url": f"https://avatars.githubusercontent.com/u/{number}?v=4",
            "gravatar_id": "",
            "url": url,
            "html_url": f"{_WEB}/{login}",
            **{f"{name}_url": f"{url}/{name}" for name in _OF_USER},
            **{name: f"{url}/{template}" for name, template in _OF_USER_TEMPLATES.items()},
            "type": kind,
            "user_view_type": "public",
            "site_admin": False,
        }

    def myself(self, login: str) -> Document:
        """Who is signed in, as ``GET /user`` tells it."""
        told = dict.fromkeys(("company", "location", "email", "hireable", "bio", "twitter_username", "notification_email"))
        counts = dict.fromkeys(("public_repos", "public_gists", "followers", "following"), 0)
        times = {"created_at": self.moment(-900 * history.DAY), "updated_at": self.moment(-history.DAY)}
        return {**self.user(login), "name": self._site.people[login], "blog": "", **told, **counts, **times}

    def organisation(self) -> Document:
        """As ``GET /orgs/acme`` tells it."""
        url = f"{self._api}/orgs/{ORGANISATION}"
        parts = ("repos", "events", "hooks", "issues")
        counts = {"public_repos": 0, "public_gists": 0, "followers": 0, "following": 0}
        return {
            **self._organisation(url),
            **{f"{part}_url": f"{url}/{part}" for part in parts},
            "members_url": f"{url}/members{{/member}}",
            "public_members_url": f"{url}/public_members{{/member}}",
            "description": "",
            "has_organization_projects": True,
            "has_repository_projects": True,
            **counts,
            "html_url": f"{_WEB}/{ORGANISATION}",
            "type": "Organization",
            "created_at": self.moment(-2400 * history.DAY),
            "updated_at": self.moment(-history.DAY),
            "archived_at": None,
        }

    def _organisation(self, url: str) -> Document:
        number = identity("user", ORGANISATION)
        avatar = f"https://avatars.githubusercontent.com/u/{number}?v=4"
        return {"login": ORGANISATION, "id": number, "node_id": node("org"), "url": url, "avatar_url": avatar}

    def membership(self, login: str, state: str, team: str = "") -> Document:
        place = f"/orgs/{ORGANISATION}/teams/{team}" if team else f"/orgs/{ORGANISATION}"
        told = {"url": f"{self._api}{place}/memberships/{login}", "state": state, "role": "member"}
        if team:
            return told
        url = f"{self._api}/orgs/{ORGANISATION}"
        parts = {f"{part}_url": f"{url}/{part}" for part in ("repos", "events", "hooks", "issues")}
        people = {"members_url": f"{url}/members{{/member}}", "public_members_url": f"{url}/public_members{{/member}}"}
        organisation = {**self._organisation(url), **parts, **people, "description": ""}
        return {**told, "organization_url": url, "user": self.user(login), "organization": organisation}

    def team(self, slug: str, members: int) -> Document:
        """As ``GET /orgs/acme/teams/SLUG`` tells it."""
        url = f"{self._api}/orgs/{ORGANISATION}/teams/{slug}"
        times = {"created_at": self.moment(-900 * history.DAY), "updated_at": self.moment(-history.DAY)}
        return {
            "id": identity("team", slug),
            "node_id": node("team", slug),
            "url": url,
            "html_url": f"{_WEB}/orgs/{ORGANISATION}/teams/{slug}",
            "name": slug.title(),
            "slug": slug,
            "description": None,
            "privacy": "closed",
            "type": "organization",
            "organization_id": identity("user", ORGANISATION),
            "notification_setting": "notifications_enabled",
            "permission": "pull",
            "members_url": f"{url}/members{{/member}}",
            "repositories_url": f"{url}/repos",
            "parent": None,
            "members_count": members,
            "repos_count": 0,
            **times,
            "organization": self.organisation(),
        }

    def repository(self, seed: RepositorySeed, *, full: bool = False) -> Document:
        name = f"{ORGANISATION}/{seed.name}"
        url, open_now = f"{self._api}/repos/{name}", self._site.open_pulls(seed)
        flags = dict.fromkeys(("has_issues", "has_projects", "has_downloads", "has_wiki"), True)
        counts = dict.fromkeys(("forks", "forks_count", "stargazers_count", "watchers", "watchers_count"), 3)
        alone = {"network_count": 3, "subscribers_count": len(MEMBERS), "organization": self.user(ORGANISATION)}
        return {
            "id": seed.number,
            "node_id": node("repo", seed.name),
            "name": seed.name,
            "full_name": name,
            "owner": self.user(ORGANISATION),
            "private": True,
            "html_url": f"{_WEB}/{name}",
            "description": seed.description,
            "fork": False,
            "url": url,
            **{f"{part}_url": f"{url}/{part}" for part in _OF_REPOSITORY},
            **{part: f"{url}/{template}" for part, template in _OF_REPOSITORY_TEMPLATES.items()},
            "git_url": f"git://github.com/{name}.git",
            "ssh_url": f"git@github.com:{name}.git",
            "clone_url": f"{_WEB}/{name}.git",
            "svn_url": f"{_WEB}/{name}",
            "mirror_url": None,
            "homepage": None,
            "language": seed.language or None,
            **counts,
            "size": seed.commits * 3,
            "default_branch": "main",
            "open_issues": open_now,
            "open_issues_count": open_now,
            "license": None,
            "topics": [seed.topic],
            **flags,
            "has_pages": False,
            "has_discussions": False,
            "archived": seed.archived,
            "disabled": False,
            "visibility": "private",
            "pushed_at": self.moment(history.latest(seed)),
            "created_at": self.moment(-(seed.days + 1) * history.DAY),
            "updated_at": self.moment(-history.DAY / 2),
            "permissions": {"admin": False, "maintain": False, "push": False, "triage": False, "pull": True},
            **(alone if full else {}),
        }

    def url(self, seed: RepositorySeed) -> str:
        return f"{self._api}/repos/{ORGANISATION}/{seed.name}"

    def commit(self, seed: RepositorySeed, commit: Commit, *, files: bool = False) -> Document:
        url, sha = self.url(seed), commit.sha
        git_person = {"name": self._site.people[commit.author], "email": f"{commit.author}@acme.example"}
        signed = {**git_person, "date": self.moment(commit.at)}
        tree = digest("tree", sha)
        parents = [commit.parent] if commit.parent else []
        told: Document = {
            "sha": sha,
            "node_id": node("commit", sha),
            "commit": {
                "author": signed,
                "committer": signed,
                "message": commit.message,
                "tree": {"sha": tree, "url": f"{url}/git/trees/{tree}"},
                "url": f"{url}/git/commits/{sha}",
                "comment_count": 0,
                "verification": {
                    **{"verified": False, "reason": "unsigned", "signature": None, "payload": None, "verified_at": None}
                },
            },
            "url": f"{url}/commits/{sha}",
            "html_url": f"{_WEB}/{ORGANISATION}/{seed.name}/commit/{sha}",
            "comments_url": f"{url}/commits/{sha}/comments",
            "author": self.user(commit.author),
            "committer": self.user(commit.author),
            "parents": [
                {"sha": one, "url": f"{url}/commits/{one}", "html_url": f"{_WEB}/{ORGANISATION}/{seed.name}/commit/{one}"}
                for one in parents
            ],
        }
        return {**told, **self._changes(seed, commit)} if files else told

    def _changes(self, seed: RepositorySeed, commit: Commit) -> Document:
        entries = self.diff(seed, commit.sha, commit.paths)
        added, removed = sum(e["additions"] for e in entries), sum(e["deletions"] for e in entries)
        return {"stats": {"total": added + removed, "additions": added, "deletions": removed}, "files": entries}

    def diff(self, seed: RepositorySeed, sha: str, paths: Sequence[str]) -> list[Document]:
        """The files of a change, each with its patch."""
        web, found = f"{_WEB}/{ORGANISATION}/{seed.name}", []
        for path in dict.fromkeys(paths):
            patch, added, removed = history.patch_of(seed, sha, path)
            told: Document = {"sha": digest(sha, path), "filename": path, "status": "modified" if removed else "added"}
            links = {"blob_url": f"{web}/blob/{sha}/{path}", "raw_url": f"{web}/raw/{sha}/{path}"}
            counts: Document = {"additions": added, "deletions": removed, "changes": added + removed}
            found.append(
                {**told, **counts, **links, "contents_url": f"{self.url(seed)}/contents/{path}?ref={sha}", "patch": patch}
            )
        return found


def plain_error(message: str, page: str = "rest", **more: Any) -> Mapping[str, Any]:
    """GitHub's error bodies; ``page`` is where its documentation goes on."""
    return {"message": message, **more, "documentation_url": f"https://docs.github.com/{page}"}


def pull_state(pull: Pull) -> str:
    """What GitHub calls ``mergeable_state``."""
    if pull.draft:
        return "draft"
    failing = any(result == "failure" for _, result in pull.checks)
    return "unstable" if failing else "clean" if pull.approved_by else "blocked"
