"""Where approvals are looked up: every entry point of the group ``agent_ops.evidence``, the built-in one among them.

An entry point is named as the policy's ``kind``, and holds a function from ``Settings`` to an ``EvidenceSource``, or to None
when the settings do not have what it needs.
"""

from __future__ import annotations

from agent_ops.agents.installed import installed
from agent_ops.domain.ports import EvidenceSource
from agent_ops.readers.jira import JiraReader
from agent_ops.settings import Settings

GROUP = "agent_ops.evidence"


def evidence_sources(settings: Settings) -> dict[str, EvidenceSource]:
    """Every source that is configured, by its kind."""
    made = {entry.name: entry.load()(settings) for entry in installed(GROUP)}
    return {kind: source for kind, source in made.items() if source is not None}


def jira(settings: Settings) -> EvidenceSource | None:
    """Jira, when its three settings are there."""
    return JiraReader(settings.jira) if settings.jira else None
