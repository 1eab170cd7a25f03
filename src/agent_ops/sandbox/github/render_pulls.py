"""Pull requests as GitHub's REST API writes them: in lists, alone, in searches, with reviews and checks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from agent_ops.sandbox.github import history
from agent_ops.sandbox.github.history import Pull
from agent_ops.sandbox.github.render import Renderer, identity, node, pull_state
from agent_ops.sandbox.github.seeds import ORGANISATION, RepositorySeed, digest
from agent_ops.sandbox.records import Document

_WEB = "https://github.com"
_LINKS = ("self", "html", "issue", "comments", "review_comments", "review_comment", "commits", "statuses")
_REACTIONS = ("total_count", "+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")


class PullRenderer:
    """Writes pull requests by means of a :class:`Renderer`."""

    def __init__(self, base: Renderer) -> None:
        self._base = base

    def simple(self, seed: RepositorySeed, pull: Pull) -> Document:
        """As in a list."""
        api, name = self._base.url(seed), f"{ORGANISATION}/{seed.name}"
        url, issue, web = f"{api}/pulls/{pull.number}", f"{api}/issues/{pull.number}", f"{_WEB}/{name}/pull/{pull.number}"
        head = self._head(seed, pull)
        urls = {
            "self": url,
            "html": web,
            "issue": issue,
            "comments": f"{issue}/comments",
            "review_comments": f"{url}/comments",
            "review_comment": f"{api}/pulls/comments{{/number}}",
            "commits": f"{url}/commits",
            "statuses": f"{api}/statuses/{head}",
        }
        return {
            "url": url,
            "id": identity("pull", seed.name, pull.number),
            "node_id": node("pull", seed.name, pull.number),
            "html_url": web,
            "diff_url": f"{web}.diff",
            "patch_url": f"{web}.patch",
            **{f"{part}_url": urls[part] for part in _LINKS[2:]},
            "number": pull.number,
            **self._state(pull),
            "requested_reviewers": [],
            "requested_teams": [],
            "merge_commit_sha": digest("merge", seed.name, pull.number),
            "head": self._side(seed, pull.head, head),
            "base": self._side(seed, "main", history.commits(seed)[0].sha),
            "_links": {part: {"href": urls[part]} for part in _LINKS},
            "auto_merge": None,
        }

    def _head(self, seed: RepositorySeed, pull: Pull) -> str:
        return history.pull_shas(seed, pull)[-1]

    def _state(self, pull: Pull) -> Document:
        when = self._base.moment
        return {
            "state": pull.state,
            "locked": False,
            "title": pull.title,
            "user": self._base.user(pull.author),
            "body": pull.body or None,
            "created_at": when(pull.created),
            "updated_at": when(pull.updated),
            "closed_at": when(pull.closed) if pull.closed is not None else None,
            "merged_at": when(pull.closed) if pull.merged and pull.closed is not None else None,
            "assignee": None,
            "assignees": [],
            "labels": [],
            "milestone": None,
            "draft": pull.draft,
            "author_association": "MEMBER",
            "active_lock_reason": None,
        }

    def _side(self, seed: RepositorySeed, ref: str, sha: str) -> Document:
        owner = self._base.user(ORGANISATION)
        told = {"label": f"{ORGANISATION}:{ref}", "ref": ref, "sha": sha, "user": owner}
        return {**told, "repo": self._base.repository(seed)}

    def full(self, seed: RepositorySeed, pull: Pull) -> Document:
        """Alone: with counts, and whether it can be merged."""
        entries = self.files(seed, pull)
        open_now = pull.state == "open"
        return {
            **self.simple(seed, pull),
            "merged": pull.merged,
            "mergeable": True if open_now else None,
            "rebaseable": True if open_now else None,
            "mergeable_state": pull_state(pull) if open_now else "unknown",
            "merged_by": self._base.user("alice-chen") if pull.merged else None,
            "comments": 0,
            "review_comments": 0,
            "maintainer_can_modify": False,
            "commits": pull.commits,
            "additions": sum(entry["additions"] for entry in entries),
            "deletions": sum(entry["deletions"] for entry in entries),
            "changed_files": len(entries),
        }

    def files(self, seed: RepositorySeed, pull: Pull) -> list[Document]:
        return self._base.diff(seed, self._head(seed, pull), history.pull_paths(seed, pull))

    def reviews(self, seed: RepositorySeed, pull: Pull) -> list[Document]:
        url, found = f"{self._base.url(seed)}/pulls/{pull.number}", []
        web = f"{_WEB}/{ORGANISATION}/{seed.name}/pull/{pull.number}"
        for number, login in enumerate(pull.approved_by):
            review = identity("review", seed.name, pull.number, number)
            links = {"html": {"href": f"{web}#pullrequestreview-{review}"}, "pull_request": {"href": url}}
            told = {
                "id": review,
                "node_id": node("review", review),
                "user": self._base.user(login),
                "body": "",
                "state": "APPROVED",
            }
            where = {"html_url": links["html"]["href"], "pull_request_url": url, "_links": links}
            when = {"submitted_at": self._base.moment(pull.updated), "commit_id": self._head(seed, pull)}
            found.append({**told, **where, **when, "author_association": "MEMBER"})
        return found

    def checks(self, seed: RepositorySeed, sha: str, results: Sequence[tuple[str, str]], at: float) -> Document:
        """https://docs.github.com/rest/checks/runs#list-check-runs-for-a-git-reference"""
        runs = [self._check(seed, sha, name, result, at) for name, result in results]
        return {"total_count": len(runs), "check_runs": runs}

    def _check(self, seed: RepositorySeed, sha: str, name: str, result: str, at: float) -> Document:
        number = identity("check", sha, name)
        url, web = f"{self._base.url(seed)}/check-runs/{number}", f"{_WEB}/{ORGANISATION}/{seed.name}/runs/{number}"
        output: dict[str, Any] = dict.fromkeys(("title", "summary", "text"))
        return {
            "id": number,
            "node_id": node("check", number),
            "head_sha": sha,
            "external_id": "",
            "url": url,
            "html_url": web,
            "details_url": web,
            "status": "completed",
            "conclusion": result,
            "started_at": self._base.moment(at),
            "completed_at": self._base.moment(at + 300),
            "output": {**output, "annotations_count": 0, "annotations_url": f"{url}/annotations"},
            "name": name,
            "check_suite": {"id": identity("suite", sha)},
            "app": None,
            "pull_requests": [],
        }

    def found(self, seed: RepositorySeed, pull: Pull) -> Document:
        """As a search for issues finds it: https://docs.github.com/rest/search/search#search-issues-and-pull-requests"""
        api, simple = self._base.url(seed), self.simple(seed, pull)
        issue, web = f"{api}/issues/{pull.number}", simple["html_url"]
        links = {"url": simple["url"], "html_url": web, "diff_url": f"{web}.diff", "patch_url": f"{web}.patch"}
        return {
            **self._state(pull),
            "url": issue,
            "repository_url": api,
            "labels_url": f"{issue}/labels{{/name}}",
            "comments_url": f"{issue}/comments",
            "events_url": f"{issue}/events",
            "html_url": web,
            "id": simple["id"],
            "node_id": simple["node_id"],
            "number": pull.number,
            "comments": 0,
            "pull_request": {**links, "merged_at": simple["merged_at"]},
            "reactions": {"url": f"{issue}/reactions", **dict.fromkeys(_REACTIONS, 0)},
            "timeline_url": f"{issue}/timeline",
            "performed_via_github_app": None,
            "state_reason": None,
            "score": 1.0,
        }
