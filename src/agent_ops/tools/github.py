"""Tools of the GitHub agent: each one question to its reader."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from agent_ops.tools.choices import NoChoice
from agent_ops.tools.read_tool import ReadTool

_AGENT, _NEEDS = "github", "GITHUB_TOKEN"
_LOGIN = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,38}(\[bot\])?$"
_NAME = r"^[A-Za-z0-9][A-Za-z0-9-]{0,38}$"


def _inside(path: str) -> str:
    """No way out of the repository: HTTP libraries resolve dots in paths."""
    if {".", ".."} & set(path.split("/")):
        raise ValueError("a path has no '.' or '..' in it")
    return path


Repository = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9_.-]*[A-Za-z0-9_-]$", max_length=140, description="such as acme/web"
    ),
]
Page = Annotated[int, Field(ge=1, le=10_000, description="the next_page of an earlier answer")]
Since = Annotated[str, Field(pattern=r"^(\d{4}-\d{2}-\d{2})?$", description="a day, such as 2026-03-01; empty: always")]
Author = Annotated[str, Field(pattern=f"^$|{_LOGIN}", description="a login; empty: anybody")]
Ref = Annotated[
    str,
    Field(pattern=r"^[^\s?*\[\\^~:\x00-\x1f]*$", max_length=250, description="a branch, tag or sha; empty: the default branch"),
]
Path = Annotated[str, Field(pattern=r"^[^\x00-\x1f]*$", max_length=1000), AfterValidator(_inside)]


class Repositories(NoChoice):
    organisation: str = Field(pattern=_NAME, description="such as acme")
    page: Page = 1


class PullRequests(NoChoice):
    repository: Repository
    state: Literal["open", "closed", "all"] = "open"
    author: Author = ""
    since: Since = ""
    page: Page = 1


class PullRequest(NoChoice):
    repository: Repository
    number: int = Field(ge=1, le=10_000_000)
    parts: list[Literal["files", "reviews", "checks"]] = Field(
        default=["files", "reviews", "checks"], max_length=3, description="what to read beside itself; fewer cost fewer calls"
    )


class Commits(NoChoice):
    repository: Repository
    branch: Ref = ""
    author: Author = ""
    since: Since = ""
    path: Path = ""
    page: Page = 1


class Commit(NoChoice):
    repository: Repository
    ref: Annotated[Ref, Field(min_length=1)]


class Files(NoChoice):
    repository: Repository
    path: Path = ""
    ref: Ref = ""
    page: Page = 1


class File(NoChoice):
    repository: Repository
    path: Annotated[Path, Field(min_length=1)]
    ref: Ref = ""
    page: Page = 1


class Search(NoChoice):
    repository: Repository
    phrase: str = Field(min_length=2, max_length=120, description="words that stand together in the file")
    page: Page = 1


class Membership(NoChoice):
    organisation: str = Field(pattern=_NAME, description="such as acme")
    login: str = Field(pattern=_LOGIN)
    team: str = Field(default="", pattern=r"^[a-z0-9_.-]{0,100}$", description="a team's slug; empty: the organisation itself")


def _tool(name: str, question: str, schema: type[NoChoice], description: str) -> ReadTool:
    return ReadTool(name=name, description=description, args_schema=schema, agent=_AGENT, question=question, needs=_NEEDS)


TOOLS = (
    _tool("list_repositories", "repositories", Repositories, "The repositories of an organisation that we may see."),
    _tool("list_pull_requests", "pull_requests", PullRequests, "Pull requests, newest first: by state, author, day of opening."),
    _tool("read_pull_request", "pull_request", PullRequest, "One pull request with its files, reviews and checks."),
    _tool("list_commits", "commits", Commits, "Commits, newest first: by branch, author, day, path."),
    _tool("read_commit", "commit", Commit, "One commit with its diff, shortened."),
    _tool("list_files", "files", Files, "What is directly in a directory at a ref."),
    _tool(
        "read_file", "file", File, "A text file's content at a ref, a page at a time; binary and huge ones only by type and size."
    ),
    _tool("search_code", "search", Search, "Files of a repository's default branch in which a phrase stands."),
    _tool("check_membership", "membership", Membership, "Whether a login is a member of an organisation, or of a team of it."),
)
