"""Who can be asked: every entry point of the group ``agent_ops.readers``, the built-in ones among them.

An entry point is named as its agent, and holds a function from ``Settings`` to a reader, or to None when the settings do not
have what it needs. A reader has a coroutine method for each question, and ``close``.
"""

from __future__ import annotations

from typing import Any

from agent_ops.agents.installed import installed
from agent_ops.readers.aws import AwsReader
from agent_ops.readers.github import GithubReader
from agent_ops.settings import Settings

GROUP = "agent_ops.readers"


def open_readers(settings: Settings) -> dict[str, Any]:
    """Every reader that is configured, by the name of its agent."""
    made = {entry.name: entry.load()(settings) for entry in installed(GROUP)}
    return {agent: reader for agent, reader in made.items() if reader is not None}


def aws(settings: Settings) -> AwsReader:
    """AWS, which is always configured: by the credentials that give Jenkins's account. What they may not read is refused."""
    return AwsReader(settings.aws)


def github(settings: Settings) -> GithubReader | None:
    """GitHub, when there is a token."""
    return GithubReader(settings.github) if settings.github else None
