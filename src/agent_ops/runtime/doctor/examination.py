"""What the checks share."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace

from agent_ops.domain.policy import EntitlementPolicy
from agent_ops.runtime.doctor.configured import Configured
from agent_ops.settings import Settings
from agent_ops.transport.graph import GraphReads
from agent_ops.transport.jenkins_login import JenkinsAccount

PROBE_SECONDS = 10.0


@dataclass
class Examination:
    """What the checks share: the settings, and what earlier checks found for later ones."""

    configured: Configured
    stack: contextlib.AsyncExitStack
    policy: EntitlementPolicy | None = None
    graph: GraphReads | None = None
    roles: frozenset[str] = frozenset()
    jenkins: dict[str, JenkinsAccount] = field(default_factory=dict)
    clocks: dict[str, float] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        return self.configured.settings

    @property
    def graph_reads(self) -> GraphReads:
        """One handle for all of Graph's checks, made when first needed; it can only read."""
        if self.graph is None:
            self.graph = GraphReads(replace(self.settings.entra, timeout=PROBE_SECONDS))
            self.stack.push_async_callback(self.graph.close)
        return self.graph

    @property
    def known_policy(self) -> EntitlementPolicy:
        """The policy; only for checks that need 'policy'."""
        if self.policy is None:
            raise AssertionError("the check does not say that it needs the policy")
        return self.policy

    def saw_clock(self, whose: str, seconds_ahead: float | None) -> None:
        if seconds_ahead is not None:
            self.clocks[whose] = seconds_ahead
