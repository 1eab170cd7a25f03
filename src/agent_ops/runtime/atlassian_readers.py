"""The readers of Jira and Confluence, when the settings have what they need."""

from __future__ import annotations

from agent_ops.readers.confluence import ConfluenceReader
from agent_ops.readers.jira_questions import JiraQuestions
from agent_ops.settings import Settings


def jira(settings: Settings) -> JiraQuestions | None:
    """Jira, when its three settings are there."""
    return JiraQuestions(settings.jira) if settings.jira else None


def confluence(settings: Settings) -> ConfluenceReader | None:
    """Confluence, by its own settings or by Jira's for the same site."""
    return ConfluenceReader(settings.confluence) if settings.confluence else None
