"""The control: Agent Ops with the look-up taken out. Were nothing repeated here, the test would prove nothing."""

from __future__ import annotations

from typing import Any

import peer_x_ours
from peer_x_ours import HarnessAdapter, onboard, resume

from agent_ops.domain.effects import Finding, Intent, Presence

__all__ = ["onboard", "resume", "setup"]


class Blind(HarnessAdapter):
    """Takes whatever is in doubt for not done."""

    async def look_up(self, intent: Intent) -> Finding:
        return Finding(Presence.ABSENT, resend_is_safe=True)


async def setup(**given: Any) -> None:
    await peer_x_ours.setup(adapter=Blind(), **given)
