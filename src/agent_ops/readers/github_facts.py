"""From GitHub's JSON to the few facts that answer a question, every text of it on a leash."""

from __future__ import annotations

import base64
import binascii
import json
import mimetypes
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from agent_ops.domain.plain import harmless, one_line

Facts = dict[str, Any]
_ROWS = 7_000
"""Characters that all rows of a page may have together, so that a reading shows each of them."""
_TEXTS = (120, 60, 30, 15)
_BODY, _PATCH, _PATCHES = 1500, 1200, 4500


def rows(write: Callable[[Any, int], Facts], items: Iterable[Any]) -> list[Facts]:
    """A row for each item; their texts get the shorter, the more there are."""
    kept = list(items)
    for limit in _TEXTS:
        written = [write(item, limit) for item in kept]
        if len(json.dumps(written, ensure_ascii=False)) <= _ROWS:
            break
    return written


def login(user: Any) -> str:
    """Whose account; empty for one that is gone."""
    return one_line(str((user or {}).get("login") or ""), 60)


def logins_of(identities: Iterable[Any], address: str) -> list[str]:
    """The logins of those single sign-on identities that have an address; of one that nobody has claimed there is none."""
    wanted = address.casefold()
    mine = [
        one for one in identities if wanted in (_named(one, "samlIdentity", "nameId"), _named(one, "scimIdentity", "username"))
    ]
    return list(dict.fromkeys(login(one["user"]) for one in mine if one["user"]))


def _named(identity: Any, part: str, name: str) -> str:
    return str((identity[part] or {}).get(name) or "").casefold()


def day(moment: Any) -> str:
    """A time without its seconds, as GitHub gives it: 2026-03-01T09:30Z."""
    text = str(moment or "")
    return f"{text[:16]}Z" if len(text) >= 16 else text[:20]


def pull_row(pull: Any, limit: int) -> Facts:
    """A pull request in a list or in a search."""
    merged = pull.get("merged_at") or (pull.get("pull_request") or {}).get("merged_at")
    closed = {"merged": day(merged)} if merged else {"closed": day(pull["closed_at"])} if pull.get("closed_at") else {}
    return {
        "number": int(pull["number"]),
        "title": one_line(str(pull["title"]), limit),
        "author": login(pull.get("user")),
        "state": str(pull["state"]),
        "created": day(pull["created_at"]),
        **closed,
        **({"draft": True} if pull.get("draft") else {}),
    }


def pull_whole(pull: Any) -> Facts:
    """A pull request alone."""
    body = str(pull.get("body") or "")
    return {
        **pull_row(pull, 200),
        "from": one_line(str(pull["head"]["label"]), 120),
        "into": one_line(str(pull["base"]["ref"]), 120),
        "head_sha": str(pull["head"]["sha"])[:12],
        "mergeable_state": str(pull.get("mergeable_state") or ""),
        "commits": pull.get("commits"),
        "changed_files": pull.get("changed_files"),
        "additions": pull.get("additions"),
        "deletions": pull.get("deletions"),
        "description": text_of(body, _BODY),
    }


def text_of(text: str, limit: int) -> str:
    """Several lines, made harmless."""
    shown = harmless(text[:limit])
    return shown + ("…" if len(text) > limit else "")


def review_row(review: Any, limit: int) -> Facts:
    said = one_line(str(review.get("body") or ""), limit)
    row = {"by": login(review.get("user")), "verdict": str(review["state"]).lower(), "at": day(review.get("submitted_at"))}
    return {**row, **({"says": said} if said else {})}


def check_row(run: Any, limit: int) -> Facts:
    """A check run, or a commit status: the two ways in which a CI reports."""
    name = one_line(str(run.get("name") or run.get("context") or ""), limit)
    return {"check": name, "result": str(run.get("conclusion") or run.get("state") or run.get("status") or "")}


def file_row(entry: Any, limit: int) -> Facts:
    path = one_line(str(entry["filename"]), max(limit, 60))
    return {"path": path, "status": str(entry["status"]), "added": entry["additions"], "removed": entry["deletions"]}


def commit_row(commit: Any, limit: int) -> Facts:
    git = commit["commit"]
    signed = git.get("author") or {}
    author = login(commit.get("author")) or one_line(str(signed.get("name") or ""), 60)
    message = one_line(str(git["message"]).partition("\n")[0], limit)
    return {
        "sha": str(commit["sha"])[:12],
        "author": author,
        "date": day(signed.get("date")),
        "message": message,
    }


def patches(files: Sequence[Any]) -> tuple[list[Facts], bool]:
    """The changes of a commit's files, as many as there is room for; whether something was left out."""
    found: list[Facts] = []
    room, cut = _PATCHES, False
    for entry in files:
        patch = str(entry.get("patch") or "")
        shown = text_of(patch, min(_PATCH, room)) if room > 0 else ""
        cut = cut or len(patch) > len(shown)
        room -= len(shown)
        found.append({**file_row(entry, 120), **({"patch": shown} if shown else {})})
    return found[:40], cut or len(found) > 40


def repository_row(repository: Any, limit: int) -> Facts:
    return {
        "repository": str(repository["full_name"]),
        "description": one_line(str(repository.get("description") or ""), limit),
        "language": str(repository.get("language") or ""),
        "default_branch": str(repository.get("default_branch") or ""),
        "pushed": day(repository.get("pushed_at")),
        **({"archived": True} if repository.get("archived") else {}),
    }


def entry_row(entry: Any, limit: int) -> Facts:
    """A file or directory in a directory."""
    name = one_line(str(entry["name"]), max(limit, 60))
    return {"name": name, "bytes": entry["size"]} if entry["type"] == "file" else {"name": f"{name}/", "type": str(entry["type"])}


def hit_row(hit: Any, limit: int) -> Facts:
    fragments = [one_line(str(match.get("fragment") or ""), limit) for match in hit.get("text_matches") or []]
    return {"path": one_line(str(hit["path"]), 200), **({"has": fragments[0]} if fragments else {})}


def content_of(file: Any) -> bytes:
    """A file's bytes. Raises ValueError when they are not what GitHub says."""
    try:
        return base64.b64decode(str(file.get("content") or ""))
    except binascii.Error as error:
        raise ValueError("its content is no base64") from error


def decoded(content: bytes) -> str | None:
    """The text; None when it is binary: no UTF-8, or with NUL in it, by which git, too, tells."""
    if b"\0" in content[:8000]:
        return None
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None


def kind_of(path: str) -> str:
    """The media type that a file's name suggests."""
    return mimetypes.guess_type(path)[0] or "application/octet-stream"


def size_of(count: int) -> str:
    """A size in words."""
    return f"{count / 1_000_000:.1f} MB" if count >= 1_000_000 else f"{count:,} bytes"
