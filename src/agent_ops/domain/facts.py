"""What there is in numbers, read from the database at one moment: for whoever watches a running service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from agent_ops.domain.durations import Counted
from agent_ops.domain.usage import Usage

EDGES = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0)
"""Upper bounds of the durations that effects are counted by, in seconds."""


@dataclass(frozen=True)
class Facts:
    """Counts over everything that is recorded.

    Args:
        webhooks: how often a delivery ended so, by ``Outcome``.
        webhooks_waiting: messages that no receiver has taken yet.
        webhooks_oldest: seconds since the event that the oldest of them tells of; 0 when none waits.
        effects: by action and state.
    """

    runs: Mapping[str, int] = field(default_factory=dict)
    queued: int = 0
    breakers: int = 0
    pauses: int = 0
    outbox: int = 0
    denials: int = 0
    retries: int = 0
    takeovers: int = 0
    webhooks: Mapping[str, int] = field(default_factory=dict)
    webhooks_waiting: int = 0
    webhooks_oldest: float = 0.0
    model: Usage = field(default_factory=Usage)
    effects: Mapping[tuple[str, str], Counted] = field(default_factory=dict)
